"""One patient's frames, as they arrive, into one signal in order: what came twice dropped, what is missing a hole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import msgpack

from pipeline.live.device_clock import DeviceClock
from pipeline.live.frames import Frame, decode, encode
from pipeline.live.scored_leads import ecg_leads, millivolts, pulse_waves, scored_leads, wave_names
from pipeline.live.sessions import EndedSessions
from pipeline.live.stays import Counts, Ended, Stay, Step
from pipeline.live.twins import Taken, digest
from pipeline.records import Chunk, Gap

__all__ = ["Counts", "Ended", "Sequencer", "Stay", "Step"]

WINDOW_S = 2.0  # s of signal that may wait for a frame that is missing
WINDOW_BYTES = 6_000  # what may wait at the most: the state stays small
REACH = 8  # numbers ahead that are believed whatever the time: frames in another order, so many deep
STEP_S = 0.5  # s by which a time may be off before it is a jump
JUMP_S = 2.0  # s by which the next frames' times may be off and one frame alone is believed
SLACK = 0.02  # share by which count and time may differ over many frames: no device's frames are all of a size
NEAR_S = 0.1  # s by which it may be off and a hole is still as long as the frames that are missing
SAME_S = 0.02  # s after the end of a session in which the next one continues it
SURE_S = 1.0  # s of signal, in two frames or more, that are believed although they do not fit
LONGEST_GAP_S = 6 * 3600.0  # s; what comes after a longer one is another stay
REMEMBERED = 16  # holes, to tell a late frame from a doubled one


class Sequencer:
    """Bring one patient's frames into order.

    What it does depends on the frames and the order they arrive in alone, never on a clock: the same log of frames
    gives the same signal, before and after a restart. A missing frame is given up when more than two seconds of signal
    wait for it, or the last frame of its session does. Positions count samples; the times in the frames say how long a
    hole is, at the device's true rate.

    Numbers and times must agree. Where those of a frame do not fit what is known, one frame alone changes nothing: it
    is set aside until the next ones say whether it was wrong or the device counts anew, was set to another time or
    sends something else. Then the times decide: what goes on in time goes on, what does not is another stay.

    Parameters
    ----------
    patient : str
        The patient's name.

    Attributes
    ----------
    counts : Counts
        What became of frames.
    stay : Stay or None
        The one under way.
    dropped_s : float
        Signal that came and was dropped although nobody had seen it before, in s.
    dropped_for : str
        Why, the last time.
    """

    def __init__(self, patient: str) -> None:
        self.patient = patient
        self.counts = Counts()
        self.stay: Stay | None = None
        self.dropped_s = 0.0
        self.dropped_for = ""
        self._session = ""  # the one that is under way
        self._ended = EndedSessions()
        self._ended_us = 0.0  # end of the last stay's signal
        self._next = 0  # sequence number that is due
        self._size = 0  # samples in the frame before
        self._position = 0  # samples from the stay's beginning
        self._is_anew = False  # the session goes on and counts anew
        self._clock: DeviceClock | None = None
        self._waiting: dict[int, Frame] = {}
        self._aside: list[Frame] = []  # what does not fit, until the next frames say why
        self._given_up: list[tuple[int, int]] = []
        self._taken = Taken()

    @property
    def until_s(self) -> float:
        """End of the signal in s from the stay's beginning."""
        return self._position / self.stay.fs if self.stay else 0.0

    @property
    def until_us(self) -> float:
        """When the sample after the last one is due, in microseconds since 1970 UTC, at the device's true rate."""
        return self._clock.time_us(self._position) if self._clock else 0.0

    @property
    def true_fs(self) -> float:
        """The device's true rate in Hz, as far as it is known."""
        return self._clock.fs if self._clock else 0.0

    def push(self, frame: Frame) -> Iterator[Step]:
        """Take the next frame that arrived; yield what is now known, in order.

        Raises
        ------
        FrameError
            If the frame is refused: it has no ECG lead.
        """
        frame = scored_leads(frame)
        self.counts.frames += 1
        if frame.session != self._session:
            if not self._ended.may_begin(frame, self.until_us or self._ended_us):
                self._drop(frame, "a session that had ended goes on")
                return
            yield from self._change_session(frame)
            yield from self._take(frame)
            return
        if self._is_known(frame):
            return
        if self._fits(frame):
            yield from self._settle_aside()
            yield from self._take(frame)
        elif frame.last and not len(frame.samples):  # nothing comes after it
            yield from self._end()
        else:
            yield from self._set_aside(frame)

    def flush(self) -> Iterator[Step]:
        """Give up what is missing and yield what waits for it."""
        yield from self._settle_aside()
        while self._waiting:
            yield from self._give_up()

    def anew(self) -> Sequencer:
        """Return what a patient goes on with who begins anew: nothing is kept but counts and ended sessions."""
        other = Sequencer(self.patient)
        other.counts, other.dropped_s = self.counts, self.dropped_s
        other._ended = self._ended
        return other

    def _change_session(self, frame: Frame) -> Iterator[Step]:
        yield from self.flush()
        self._ended.end(self._session)
        self._session = frame.session
        self._count_from(0 if frame.sequence < REACH else frame.sequence)
        self.counts.sessions += 1

    def _count_from(self, number: int) -> None:
        self._next, self._size = number, 0
        self._given_up, self._taken = [], Taken()
        self._is_anew = False

    def _is_known(self, frame: Frame) -> bool:
        """Count a frame that was here before, or that was given up; return whether it is one."""
        twin = self._taken.has_twin(frame)
        other = self._waiting.get(frame.sequence)
        if other is not None:
            twin = _is_twin(frame, other)
        elif any(_is_twin(frame, other) for other in self._aside):
            twin = True
        if twin:
            self.counts.doubled += 1
            return True
        if twin is False or frame.sequence >= self._next or not self._fits(frame):
            return False
        is_late = any(first <= frame.sequence < stop for first, stop in self._given_up)
        if is_late:
            self._drop(frame, "it comes too late")
        else:
            self.counts.doubled += 1
            self._note_drop(frame, "its numbers were here before")
        return True

    def _fits(self, frame: Frame) -> bool:
        """Tell whether a frame's number and time are those of the count under way, and it is of the same signal."""
        if not self._is_same_signal(frame):
            return False
        twin, other = self._taken.has_twin(frame), self._waiting.get(frame.sequence)
        if twin is False or (other is not None and not _is_twin(frame, other)):
            return False  # another frame has its number
        ahead = frame.sequence - self._next
        expected = self._expected_us(frame.sequence)
        if expected is None:
            return True
        off_s, distance_s = abs(frame.time_us - expected) / 1e6, abs(expected - self.until_us) / 1e6
        return off_s <= (JUMP_S if 0 <= ahead < REACH else STEP_S + SLACK * distance_s)

    def _is_same_signal(self, frame: Frame) -> bool:
        if self._size and self.stay is not None:
            return _signal(frame) == (self.stay.fs, self.stay.leads)
        return all(_signal(frame) == _signal(other) for other in self._waiting.values())

    def _expected_us(self, number: int) -> float | None:
        """Return when the first sample of a frame should have been taken; None where nothing is known yet."""
        if self._size and self._clock is not None:
            return self._clock.time_us(self._position + (number - self._next) * self._size)
        for other in self._waiting.values():
            return other.time_us + (number - other.sequence) * len(other.samples) / other.fs * 1e6
        return None

    def _set_aside(self, frame: Frame) -> Iterator[Step]:
        """Keep a frame that does not fit until others tell what it is."""
        if self._aside and not _continues(self._aside[-1], frame):
            yield from self._settle_aside()
            if self._fits(frame):
                yield from self._take(frame)
                return
        self._aside.append(frame)
        signal_s = sum(len(other.samples) / other.fs for other in self._aside)
        is_sure = (len(self._aside) > 1 and signal_s >= SURE_S) or signal_s > WINDOW_S or frame.last
        if not is_sure and sum(other.samples.nbytes for other in self._aside) <= WINDOW_BYTES:
            return
        frames, self._aside = sorted(self._aside, key=lambda other: other.sequence), []
        if not 0 <= frames[0].sequence - self._next < REACH:  # numbers are counted anew
            yield from self.flush()
            self._count_from(frames[0].sequence)
            self._is_anew = True
            self.counts.jumps += 1
        for other in frames:
            yield from self._take(other)

    def _settle_aside(self) -> Iterator[Step]:
        """Let the count under way go on: of what was set aside, only frames that have its next numbers belong to it."""
        frames, self._aside = self._aside, []
        for frame in frames:
            expected = self._expected_us(frame.sequence)
            is_next = 0 <= frame.sequence - self._next < REACH and frame.sequence not in self._waiting
            if is_next and expected is not None and self._is_same_signal(frame):  # its time alone was wrong
                self.counts.jumps += 1
                yield from self._take(replace(frame, time_us=round(expected)))
            else:
                self._drop(frame, "its number and time do not go on from those before")

    def _take(self, frame: Frame) -> Iterator[Step]:
        self._ended.others_came()
        if frame.sequence != self._next:
            self.counts.reordered += 1
        self._waiting[frame.sequence] = frame
        yield from self._release()
        while self._is_too_much():
            yield from self._give_up()

    def _drop(self, frame: Frame, why: str) -> None:
        self.counts.late += 1
        self._note_drop(frame, why)

    def _note_drop(self, frame: Frame, why: str) -> None:
        self.dropped_s += len(frame.samples) / frame.fs
        self.dropped_for = why

    def _is_too_much(self) -> bool:
        if not self._waiting:
            return False
        waiting = self._waiting.values()
        if any(frame.last for frame in waiting):  # nothing comes after it
            return True
        signal_s = sum(len(frame.samples) / frame.fs for frame in waiting)
        return signal_s > WINDOW_S or sum(frame.samples.nbytes for frame in waiting) > WINDOW_BYTES

    def _release(self) -> Iterator[Step]:
        while self._next in self._waiting:
            frame = self._waiting.pop(self._next)
            self._next += 1
            yield from self._append(frame)

    def _give_up(self) -> Iterator[Step]:
        first = min(self._waiting)
        if first > self._next:
            self.counts.lost += first - self._next
            self._given_up = [*self._given_up[1 - REMEMBERED :], (self._next, first)]
        frame = self._waiting.pop(first)
        missing, self._next = first - self._next, first + 1
        yield from self._append(frame, missing)
        yield from self._release()

    def _append(self, frame: Frame, missing: int = 0) -> Iterator[Step]:
        """Yield the signal of the frame that comes next, after so many that are ``missing``."""
        hole = self._hole(frame, missing)
        if hole is None or self.stay is None:
            if self.stay is not None:
                yield Ended()
            self.stay = Stay(frame.session, frame.time_us, *_signal(frame))
            self._clock = DeviceClock(frame.fs, 0, frame.time_us)
            self._position = hole = 0
            yield self.stay
        assert self._clock is not None  # noqa: S101 - a stay has one
        fs = self.stay.fs
        if hole:
            start, self._position = self._position, self._position + hole
            self.counts.lost_s += hole / fs
            yield Gap(self.patient, start / fs, self._position / fs, "lost")
        if abs(frame.time_us - self._clock.time_us(self._position)) > STEP_S * 1e6:
            self._clock.set(self._position, frame.time_us)
        else:
            self._clock.follow(self._position, frame.time_us)
        self._taken.add(frame)
        if len(frame.samples):
            volts, waves, wave = millivolts(frame), wave_names(frame.leads), pulse_waves(frame)
            yield Chunk(self.patient, self._position, fs, self.stay.leads, volts, waves, wave)
            self._position += len(frame.samples)
            self._size = len(frame.samples)
        if frame.last:
            yield from self._end()

    def _end(self) -> Iterator[Step]:
        """End the session, and the stay."""
        self._aside = []
        while self._waiting and self._session:
            yield from self._give_up()
        self._waiting.clear()
        self._ended.end(self._session)
        self._session = ""
        if self.stay is not None:
            self._ended_us = self.until_us
            self.stay = self._clock = None
            yield Ended()

    def _hole(self, frame: Frame, missing: int) -> int | None:
        """Return how many samples are missing before a frame; None if another stay begins with it."""
        if self.stay is None or self._clock is None or _signal(frame) != (self.stay.fs, self.stay.leads):
            return None
        fs = self.stay.fs
        by_time = self._clock.samples(frame.time_us - self._clock.time_us(self._position))
        is_start = self._size == 0  # the first frame of a session, or of a count
        if by_time > LONGEST_GAP_S * fs or (is_start and by_time < -STEP_S * fs):  # or its clock was set back
            return None
        if is_start:
            return round(by_time) if by_time > (NEAR_S if self._is_anew else SAME_S) * fs else 0
        by_count = missing * self._size
        off_s = (by_time - by_count) / fs
        self.counts.jumps += abs(off_s) > STEP_S
        if by_time < -STEP_S * fs:  # the clock was set back, and says nothing of a hole
            return by_count
        is_counted = abs(off_s) <= NEAR_S or (not missing and abs(off_s) <= STEP_S)
        return by_count if is_counted else max(round(by_time), 0)

    def snapshot(self) -> bytes:
        """Return the carried state."""
        return bytes(
            msgpack.packb(
                {
                    "stay": None if self.stay is None else asdict(self.stay),
                    "clock": None if self._clock is None else self._clock.snapshot(),
                    "session": [self._session, self._ended.snapshot(), self._ended_us],
                    "numbers": [self._next, self._size, self._position, self._is_anew, self._given_up],
                    "taken": self._taken.snapshot(),
                    "waiting": [encode(frame) for frame in self._waiting.values()],
                    "aside": [encode(frame) for frame in self._aside],
                    "counts": asdict(self.counts),
                    "dropped": [self.dropped_s, self.dropped_for],
                }
            )
        )

    def restore(self, state: bytes) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        facts: dict[str, Any] = msgpack.unpackb(state)
        stay, clock = facts["stay"], facts["clock"]
        self.stay = None if stay is None else Stay(**{**stay, "leads": tuple(stay["leads"])})
        self._clock = None if clock is None else DeviceClock.restore(clock)
        self._session, ended, self._ended_us = facts["session"]
        self._ended = EndedSessions.restore(ended)
        self._next, self._size, self._position, self._is_anew, given_up = facts["numbers"]
        self._given_up = [(first, stop) for first, stop in given_up]
        self._taken = Taken.restore(facts["taken"])
        self._waiting = {frame.sequence: frame for frame in map(decode, facts["waiting"])}
        self._aside = list(map(decode, facts["aside"]))
        self.counts = Counts(**facts["counts"])
        self.dropped_s, self.dropped_for = facts["dropped"]


def _signal(frame: Frame) -> tuple[float, tuple[str, ...]]:
    """Return what makes frames parts of one signal: pulse waves come and go beside the leads."""
    return frame.fs, ecg_leads(frame.leads)


def _is_twin(one: Frame, other: Frame) -> bool:
    """Tell whether a frame came twice: number, time and content are the same."""
    return one.sequence == other.sequence and one.fs == other.fs and digest(one) == digest(other)


def _continues(before: Frame, frame: Frame) -> bool:
    """Tell whether a frame that does not fit goes on from another one that does not."""
    if _signal(frame) != _signal(before) or frame.sequence == before.sequence:
        return False
    steps = frame.sequence - before.sequence
    expected = before.time_us + steps * len(before.samples) / before.fs * 1e6
    return abs(steps) < REACH and abs(frame.time_us - expected) <= JUMP_S * 1e6
