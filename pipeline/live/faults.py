"""What goes wrong between a patient's skin and the monitor, seeded."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.live.frames import Frame

__all__ = ["Delivery", "Faults", "with_faults"]


@dataclass(frozen=True, slots=True, order=True)
class Delivery:
    """A frame on its way.

    Attributes
    ----------
    due_us : float
        When it arrives, on the clock of its times, in microseconds since 1970 UTC.
    number : int
        Orders what is due at the same moment.
    frame : Frame
        What arrives.
    """

    due_us: float
    number: int
    frame: Frame = field(compare=False)


@dataclass(frozen=True, slots=True)
class Faults:
    """How often what goes wrong.

    Attributes
    ----------
    late, doubled, dropped, reordered : float
        Share of frames, 0 to 1, that arrive up to ``late_s`` later than they should, arrive twice, never arrive, or
        arrive after the frame that follows them.
    late_s : float
        Longest delay of a late frame, in s.
    drift : float
        Share by which the device's true rate is above the one it states, such as 0.02.
    lead_off : float
        How often an hour one lead is off, for 5 to 15 s.
    reconnects : float
        How often an hour the device starts anew, and is silent for 1 to 10 s.
    seed : int
        Together with the patient's name it makes every accident.

    Raises
    ------
    ValueError
        If a share is not within 0 to 1, the drift is above 0.05, or a number is negative.
    """

    late: float = 0.0
    doubled: float = 0.0
    dropped: float = 0.0
    reordered: float = 0.0
    late_s: float = 1.5
    drift: float = 0.0
    lead_off: float = 0.0
    reconnects: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("late", "doubled", "dropped", "reordered"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"a share of {getattr(self, name)} of the frames {name} is not within 0 to 1")
        for name in ("late_s", "lead_off", "reconnects", "seed"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} = {getattr(self, name)} is negative")
        if not abs(self.drift) <= 0.05:
            raise ValueError(f"a drift of {self.drift} is not within -0.05 to 0.05")


def with_faults(frames: Iterable[Frame], faults: Faults) -> Iterator[Delivery]:
    """Yield one patient's frames as they arrive, in order of arrival.

    A frame is due when its last sample has been taken. The last frame is sent when all others have arrived.

    Parameters
    ----------
    frames : iterable of Frame
        One session of one patient, in order and without a fault.
    faults : Faults
        How often what goes wrong.
    """
    waiting: list[Delivery] = []
    number = 0
    rng: np.random.Generator | None = None
    broken = _Device(faults)
    for frame in frames:
        if rng is None:
            rng = np.random.default_rng([faults.seed, zlib.crc32(frame.patient.encode()), 0])
        sent = broken.send(frame)
        if sent is None:
            continue
        due = sent.stop_us if not faults.drift else sent.time_us + (sent.stop_us - sent.time_us) / (1 + faults.drift)
        late, doubled, dropped, reordered, delay = rng.random(5)
        if dropped < faults.dropped and not sent.last:
            continue
        arrives = due + (late < faults.late) * delay * faults.late_s * 1e6
        if reordered < faults.reordered:
            arrives += 1.5 * (sent.stop_us - sent.time_us)  # past the next frame
        if sent.last:
            arrives = max([due, *(delivery.due_us for delivery in waiting)])
        for _ in range(1 + (doubled < faults.doubled)):
            heapq.heappush(waiting, Delivery(float(arrives), number, sent))
            number += 1
        while waiting and waiting[0].due_us <= due:
            yield heapq.heappop(waiting)
    while waiting:
        yield heapq.heappop(waiting)


class _Device:
    """A device whose clock drifts, whose leads come off, and which starts anew."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._rng: np.random.Generator | None = None
        self._began_us = 0
        self._session = 0
        self._first = 0  # sequence number of the session's first frame, among all
        self._silent_s = self._off_s = 0.0
        self._off_lead = 0

    def send(self, frame: Frame) -> Frame | None:
        """Return what the device makes of a frame; None while it is silent."""
        faults = self._faults
        if self._rng is None:
            self._rng = np.random.default_rng([faults.seed, zlib.crc32(frame.patient.encode()), 1])
            self._began_us = frame.time_us
        duration_s = len(frame.samples) / frame.fs
        off, lead, off_s, again, silent_s = self._rng.random(5)
        if self._silent_s > 0:
            self._silent_s -= duration_s
            if not frame.last:
                return None
        elif again < faults.reconnects * duration_s / 3600 and frame.sequence > 0:
            self._silent_s = 1.0 + 9.0 * silent_s
            self._session += 1
        if self._silent_s > 0 and not frame.last:
            self._first = frame.sequence + 1
            return None
        if self._off_s <= 0 and off < faults.lead_off * duration_s / 3600:
            self._off_s, self._off_lead = 5.0 + 10.0 * off_s, int(lead * len(frame.leads))
        samples = frame.samples
        if self._off_s > 0:
            self._off_s -= duration_s
            samples = _flat(samples, self._off_lead)
        time_us = self._began_us + round((frame.time_us - self._began_us) / (1 + faults.drift))
        session = f"{frame.session}.{self._session}" if self._session else frame.session
        return replace(frame, session=session, sequence=frame.sequence - self._first, time_us=time_us, samples=samples)


def _flat(samples: NDArray[np.int16] | NDArray[np.float32], lead: int) -> NDArray[np.int16] | NDArray[np.float32]:
    changed = samples.copy()
    changed[:, lead] = 0
    return changed
