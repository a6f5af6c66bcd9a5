"""One patient's frames, as they arrive, into one signal in order: what came twice dropped, what is missing a hole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import FrameError, PipelineError
from pipeline.live.device_clock import DeviceClock
from pipeline.live.frames import Frame, decode, encode
from pipeline.records import Chunk, Gap
from pipeline.sources.leads import choose_leads, millivolts_per_unit

__all__ = ["Counts", "Ended", "Sequencer", "Stay", "Step"]

WINDOW_S = 2.0  # s of signal that may wait for a frame that is missing
WINDOW_BYTES = 6_000  # what may wait at the most: the state stays small
REACH = 8  # a session's first frames may arrive in another order, so many deep
STEP_S = 0.5  # s by which a time may be off before it is a jump
NEAR_S = 0.1  # s by which it may be off and a hole is still as long as the frames that are missing
SAME_S = 0.02  # s after the end of a session in which the next one continues it
LONGEST_GAP_S = 6 * 3600.0  # s; what comes after a longer one is another stay
LEADS = 2  # that are scored, chosen by name
REMEMBERED = 16  # holes, to tell a late frame from a doubled one


@dataclass(slots=True)
class Counts:
    """What became of frames.

    Attributes
    ----------
    frames : int
        Frames that arrived.
    doubled : int
        Frames that had arrived before.
    late : int
        Frames that arrived after they had been given up.
    reordered : int
        Frames that waited for one before them.
    lost : int
        Frames that never arrived, or not in time.
    lost_s : float
        Signal that is missing for that or any other reason, in s.
    jumps : int
        Times that did not continue those before: forward is a hole, backward a clock that was set.
    sessions : int
        Starts of the device.
    """

    frames: int = 0
    doubled: int = 0
    late: int = 0
    reordered: int = 0
    lost: int = 0
    lost_s: float = 0.0
    jumps: int = 0
    sessions: int = 0

    def add(self, other: Counts) -> None:
        """Add another's counts to these."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def since(self, before: Counts) -> Counts:
        """Return what has been added to an earlier state of these counts."""
        return Counts(**{name: value - getattr(before, name) for name, value in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class Stay:
    """A patient's time under one monitor, from the first frame until it is discharged or another device takes over.

    Attributes
    ----------
    session : str
        The session that it began with.
    began_us : int
        When its first sample was taken, in microseconds since 1970 UTC.
    fs : float
        Nominal rate in Hz.
    leads : tuple of str
        The leads that are scored, most preferred first.
    """

    session: str
    began_us: int
    fs: float
    leads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The stay is over: what comes next is another one."""


Step = Stay | Chunk | Gap | Ended
"""What a frame brings about: a stay that begins, signal, a loss, a stay that is over."""


class Sequencer:
    """Bring one patient's frames into order.

    What it does depends on the frames and the order they arrive in alone, never on a clock: the same log of frames
    gives the same signal, before and after a restart. A missing frame is given up when more than two seconds of signal
    wait for it, or the last frame of its session does. Positions count samples; the times in the frames say how long a
    hole is, at the device's true rate.

    Parameters
    ----------
    patient : str
        The patient's name.
    """

    def __init__(self, patient: str) -> None:
        self.patient = patient
        self.counts = Counts()
        self.stay: Stay | None = None
        self._session = ""  # the one that is under way
        self._before = ""  # the one before it
        self._next = 0  # sequence number that is due
        self._size = 0  # samples in the frame before
        self._position = 0  # samples from the stay's beginning
        self._clock: DeviceClock | None = None
        self._waiting: dict[int, Frame] = {}
        self._given_up: list[tuple[int, int]] = []

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
        frame = _chosen(frame)
        self.counts.frames += 1
        if frame.session != self._session:
            if frame.session == self._before:
                self.counts.late += 1
                return
            yield from self._change_session(frame)
        elif frame.sequence < self._next:
            if not self._is_later(frame):
                is_late = any(first <= frame.sequence < stop for first, stop in self._given_up)
                self.counts.late += is_late
                self.counts.doubled += not is_late
                return
            yield from self._change_session(frame)  # the device counts anew without a new name
        if frame.sequence in self._waiting:
            self.counts.doubled += 1
            return
        if frame.sequence != self._next:
            self.counts.reordered += 1
        self._waiting[frame.sequence] = frame
        yield from self._release()
        while self._is_too_much():
            yield from self._give_up()

    def flush(self) -> Iterator[Step]:
        """Give up what is missing and yield what waits for it."""
        while self._waiting:
            yield from self._give_up()

    def _change_session(self, frame: Frame) -> Iterator[Step]:
        yield from self.flush()
        self._before, self._session = self._session, frame.session
        self._next = 0 if frame.sequence < REACH else frame.sequence
        self._size = 0
        self._given_up = []
        self.counts.sessions += 1

    def _is_later(self, frame: Frame) -> bool:
        waits = max((other.stop_us for other in self._waiting.values()), default=0)
        return frame.time_us > max(self.until_us, waits) + STEP_S * 1e6

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
            self.stay = Stay(frame.session, frame.time_us, frame.fs, frame.leads)
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
        if len(frame.samples):
            yield Chunk(self.patient, self._position, fs, self.stay.leads, _millivolts(frame))
            self._position += len(frame.samples)
            self._size = len(frame.samples)
        if frame.last:
            self._before, self._session = self._session, ""
            self._waiting.clear()
            self.stay = self._clock = None
            yield Ended()

    def _hole(self, frame: Frame, missing: int) -> int | None:
        """Return how many samples are missing before a frame; None if another stay begins with it."""
        if self.stay is None or self._clock is None or (frame.fs, frame.leads) != (self.stay.fs, self.stay.leads):
            return None
        fs = self.stay.fs
        by_time = self._clock.samples(frame.time_us - self._clock.time_us(self._position))
        by_count = missing * self._size
        is_start = self._size == 0  # the first frame of a session
        if by_time > LONGEST_GAP_S * fs or (is_start and by_time < -STEP_S * fs):  # or its clock was set back
            return None
        if is_start:
            return round(by_time) if by_time > SAME_S * fs else 0
        off_s = (by_time - by_count) / fs
        self.counts.jumps += abs(off_s) > STEP_S
        is_counted = abs(off_s) <= NEAR_S or off_s < -STEP_S or (not missing and off_s <= STEP_S)
        return by_count if is_counted else max(round(by_time), 0)

    def snapshot(self) -> bytes:
        """Return the carried state."""
        return bytes(
            msgpack.packb(
                {
                    "stay": None if self.stay is None else asdict(self.stay),
                    "clock": None if self._clock is None else self._clock.snapshot(),
                    "numbers": [self._session, self._before, self._next, self._size, self._position, self._given_up],
                    "waiting": [encode(frame) for frame in self._waiting.values()],
                    "counts": asdict(self.counts),
                }
            )
        )

    def restore(self, state: bytes) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        facts: dict[str, Any] = msgpack.unpackb(state)
        stay, clock = facts["stay"], facts["clock"]
        self.stay = None if stay is None else Stay(**{**stay, "leads": tuple(stay["leads"])})
        self._clock = None if clock is None else DeviceClock.restore(clock)
        self._session, self._before, self._next, self._size, self._position, given_up = facts["numbers"]
        self._given_up = [(first, stop) for first, stop in given_up]
        self._waiting = {frame.sequence: frame for frame in map(decode, facts["waiting"])}
        self.counts = Counts(**facts["counts"])


@lru_cache(256)  # all frames of a device have the same leads
def _kept(patient: str, leads: tuple[str, ...], units: tuple[str, ...]) -> list[int]:
    return choose_leads(patient, leads, [millivolts_per_unit(unit) is not None for unit in units], None, LEADS)


def _chosen(frame: Frame) -> Frame:
    """Return the frame with the leads alone that are scored."""
    try:
        keep = _kept("", frame.leads, frame.units)
    except PipelineError:
        try:
            keep = _kept(frame.patient, frame.leads, frame.units)  # says whose
        except PipelineError as error:
            raise FrameError(str(error)) from error
    if keep == list(range(len(frame.leads))):
        return frame
    samples: NDArray[Any] = frame.samples
    return replace(
        frame,
        leads=tuple(frame.leads[i] for i in keep),
        units=tuple(frame.units[i] for i in keep),
        samples=np.ascontiguousarray(samples[:, keep]),
        gain=None if frame.gain is None else tuple(frame.gain[i] for i in keep),
    )


def _millivolts(frame: Frame) -> NDArray[np.float32]:
    values = frame.values()
    scale = [millivolts_per_unit(unit) for unit in frame.units]
    return values if scale == [1.0] * len(scale) else (values * np.array(scale, np.float64)).astype(np.float32)
