"""What a device sends, looked at as the monitor would: what is refused, and what a person should put right."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from pipeline.errors import FrameError
from pipeline.live.broker import patient_of
from pipeline.live.device_clock import WIDEST
from pipeline.live.frames import Frame, decode, is_patient
from pipeline.live.scored_leads import ecg_leads, scored_leads
from pipeline.live.sequencer import Sequencer
from pipeline.live.topics import subject_of_topic
from pipeline.sources.leads import millivolts_per_unit

__all__ = ["DeviceCheck", "Refusal"]

OFF_S = 60.0  # s by which a device's clock may be off and nobody is told
EARLY_S = 0.05  # s by which a frame may arrive before its last sample was taken: clocks differ
SLOW_S = 2.0  # s of a frame from which on verdicts come late
RATE_TOLD = 0.001  # share by which the true rate is off and is told
SURE = 8  # frames that say something of clocks and stamps
KEPT = 10_000  # frames of a patient that are remembered
MOST_REASONS, MOST_PATIENTS, MOST_KINDS = 100, 1000, 16  # of what anybody may send, and kinds of a patient's frames
OTHER = "other reasons"
_WRAP_US = 2**32 * 1000  # 49.7 days: milliseconds in 32 bits
_COUNTERS = (2**8, 2**15, 2**16, 2**31, 2**32)


_Facts = tuple[str, int, int, int, float]  # of a frame: session, number, time, samples, rate


@dataclass(slots=True)
class Refusal:
    """Why messages are refused, how many, and the first of them, counted from 1."""

    why: str
    first: int
    count: int = 1


@dataclass(slots=True)
class _Patient:
    sequencer: Sequencer
    frames: deque[_Facts] = field(default_factory=lambda: deque(maxlen=KEPT))
    waits_us: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT))  # from a signal's end to its arrival
    leads: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)  # sent, and scored of them
    units: set[str] = field(default_factory=set)  # that are not scored
    longest_s: float = 0.0


class DeviceCheck:
    """Take a device's messages as they come, and say what becomes of them.

    Each goes through the monitor's own decoder, choice of leads and sequencer: what is refused here is refused there.

    Attributes
    ----------
    messages, frames : int
        How many came, and how many of them are frames that would be taken.
    unseen : int
        Frames of patients beyond the first thousand, of which nothing more is said.
    """

    def __init__(self) -> None:
        self.messages = self.frames = self.unseen = 0
        self._refusals: dict[str, Refusal] = {}
        self._patients: dict[str, _Patient] = {}

    @property
    def refusals(self) -> list[Refusal]:
        """Why messages would be refused, in the order in which it happened first."""
        return list(self._refusals.values())

    def take(
        self, data: bytes, *, subject: str | None = None, topic: str | None = None, arrived_us: int | None = None
    ) -> None:
        """Take the next message.

        Parameters
        ----------
        data : bytes
            A frame, in either of its forms.
        subject, topic : str, optional
            Where it was published, over NATS or over MQTT; without either it is believed to be the right place.
        arrived_us : int, optional
            When it arrived, in microseconds since 1970 UTC.
        """
        self.messages += 1
        try:
            if topic is not None:
                subject = subject_of_topic(topic)
            frame = decode(data)
            if subject is not None:
                _check_place(frame, subject)
            kept = scored_leads(frame)
        except FrameError as error:
            self._refuse(str(error))
            return
        self.frames += 1
        if frame.patient not in self._patients:
            if len(self._patients) == MOST_PATIENTS:
                self.unseen += 1
                return
            self._patients[frame.patient] = _Patient(Sequencer(frame.patient))
        patient = self._patients[frame.patient]
        if len(patient.leads) < MOST_KINDS:
            patient.leads[frame.leads] = ecg_leads(kept.leads)
        if len(patient.units) < MOST_KINDS:
            patient.units |= {unit for unit in frame.units if millivolts_per_unit(unit) is None}
        patient.frames.append((frame.session, frame.sequence, frame.time_us, len(frame.samples), frame.fs))
        patient.longest_s = max(patient.longest_s, len(frame.samples) / frame.fs)
        if arrived_us is not None:
            patient.waits_us.append(arrived_us - frame.stop_us)
        for _ in patient.sequencer.push(frame):
            pass

    def remarks(self) -> list[str]:
        """Return what a person should know of what was taken, a line each, patient by patient."""
        said: list[str] = []
        for name, patient in sorted(self._patients.items()):
            for _ in patient.sequencer.flush():
                pass
            said += [f"{name}: {line}" for line in _remarks(patient)]
        if self.unseen:
            said.append(f"{self.unseen} frames of other patients: no more than {MOST_PATIENTS:,} are looked at")
        return said

    def _refuse(self, why: str) -> None:
        if why not in self._refusals and len(self._refusals) >= MOST_REASONS:
            why = OTHER
        if why in self._refusals:
            self._refusals[why].count += 1
        else:
            self._refusals[why] = Refusal(why, self.messages)


def _check_place(frame: Frame, subject: str) -> None:
    """Refuse what the monitor refuses: a subject that is no patient's, or another's."""
    patient = patient_of(subject)
    if not subject.startswith("ecg.") or not is_patient(patient):
        raise FrameError(
            f"subject {subject!r:.100} names no patient: publish to ecg.SITE.PATIENT, over MQTT to ecg/SITE/PATIENT"
        )
    if patient != frame.patient:
        raise FrameError(f"a frame of {frame.patient} was published as {patient}'s")


def _remarks(patient: _Patient) -> Iterator[str]:
    for sent, scored in patient.leads.items():
        left = [name for name in sent if name not in scored]
        yield f"scored: {', '.join(scored)}" + (f"; carried only: {', '.join(left)}" if left else "")
    if len(patient.leads) > 1:
        yield "its leads change: each change is another stay, which learns anew"
    for unit in sorted(patient.units):
        yield f"unit {unit!r} is not known: such leads are not scored; write mV, uV or V"
    counts = patient.sequencer.counts
    if counts.sessions > 1:
        yield f"{counts.sessions} sessions: a new one is for a start of the device, not for a reconnection"
    for number, what in (
        (counts.doubled, "came twice: taken once"),
        (counts.reordered, "waited for frames before them"),
        (counts.lost, "are missing by their numbers: holes"),
        (counts.late, f"were dropped: {patient.sequencer.dropped_for}"),
        (counts.jumps, "jumps of number or time"),
    ):
        if number:
            yield f"{number} {'' if what.startswith('jumps') else 'frames '}{what}"
    yield from dict.fromkeys(_counters(patient))
    yield from _stamps(patient)
    yield from _clock(patient)
    if patient.longest_s > SLOW_S:
        yield f"frames hold up to {patient.longest_s:.1f} s: verdicts come that much later; 0.1 to 1 s is usual"


def _pairs(patient: _Patient) -> Iterator[tuple[_Facts, _Facts]]:
    for one, other in pairwise(patient.frames):
        if one[0] == other[0] and one[4] == other[4]:
            yield one, other


def _counters(patient: _Patient) -> Iterator[str]:
    for one, other in _pairs(patient):
        if other[1] == 0 and one[1] + 1 in _COUNTERS:
            bits = (one[1] + 1).bit_length() - 1
            yield f"number {one[1]:,} is followed by 0: a counter of {bits} bits; count on, or begin a new session"
        length_us = one[3] / one[4] * 1e6
        if abs(other[2] - one[2] + _WRAP_US - length_us) < 10e6:
            yield "its time falls by 49.7 days: milliseconds in 32 bits have wrapped; send microseconds since 1970 UTC"


def _stamps(patient: _Patient) -> Iterator[str]:
    """Tell a time of the last sample from one of the first, by frames of different lengths."""
    first, last = [], []
    for one, other in _pairs(patient):
        if other[1] == one[1] + 1 and one[3] != other[3]:
            step_us = other[2] - one[2]
            first.append(abs(step_us - one[3] / one[4] * 1e6))
            last.append(abs(step_us - other[3] / other[4] * 1e6))
    if len(first) >= SURE and np.median(last) < 0.2 * np.median(first):
        yield "the time of its frames is that of the last sample: it is to be that of the first"


def _clock(patient: _Patient) -> Iterator[str]:
    nominal = patient.frames[-1][4]
    steps_us = [
        (other[2] - one[2]) / one[3]  # a sample
        for one, other in _pairs(patient)
        if other[1] == one[1] + 1 and one[3] and other[2] > one[2]
    ]
    true = 1e6 / float(np.median(steps_us)) if steps_us else nominal
    if len(patient.frames) >= 10 * SURE and abs(true / nominal - 1) > RATE_TOLD:
        limit = "followed" if abs(true / nominal - 1) <= WIDEST else "too far off to be followed"
        yield f"it states {nominal:g} Hz and its times tell {true:.5g} Hz: {limit}"
    if len(patient.waits_us) < SURE:
        return
    wait_s = float(np.median(patient.waits_us)) / 1e6
    if abs(wait_s) > OFF_S:
        where = "behind" if wait_s > 0 else "ahead"
        yield f"its clock is {abs(wait_s):,.0f} s {where} (or it sends what it has stored)"
    elif wait_s < -EARLY_S:
        yield (
            f"its frames arrive {-wait_s:.2f} s before their last sample is taken: the time is to be that of the first "
            "sample, or its clock is ahead"
        )
