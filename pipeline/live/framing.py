"""Signal that comes in blocks with stamps, as a network or a radio hands it over, cut into frames.

What a device leaves out is told as missing samples, so that nobody has to guess from times: a hole of up to ten seconds
is filled with NaN; after a longer one, or a clock that has jumped back, a new session begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.live.device_clock import DeviceClock
from pipeline.live.frames import Frame

__all__ = ["HOLE_S", "LONGEST_HOLE_S", "Framer"]

HOLE_S = 0.1  # by which stamps jitter and nothing is missing
LONGEST_HOLE_S = 10.0  # s that are filled
BACK_S = 1.0  # by which a clock goes back when it was set


class Framer:
    """Cut blocks into frames.

    Parameters
    ----------
    patient : str
        Whose signal it is.
    fs : float
        Nominal rate in Hz; the true one is followed by the stamps.
    leads : sequence of str
        Names of the leads.
    session : callable
        Returns a name for a session that begins.
    frame_s : float
        Length of a frame in s.

    Raises
    ------
    FrameError
        If patient, rate or leads are none that a frame may have.
    """

    def __init__(
        self, patient: str, fs: float, leads: Sequence[str], session: Callable[[], str], *, frame_s: float = 0.5
    ) -> None:
        self._patient, self._fs, self._leads = patient, fs, tuple(leads)
        self._name_session, self._session = session, session()
        self._size = max(1, round(frame_s * fs))
        self._nothing = np.empty((0, len(self._leads)), dtype=np.float32)
        Frame.of(patient, self._session, 0, 10**15, fs, self._leads, self._nothing, last=True)  # refused now, or never
        self._clock: DeviceClock | None = None
        self._waiting = self._nothing
        self._taken = self._sequence = 0  # samples and frames of this session
        self.missing = 0  # samples that were filled, of all sessions

    def add(self, time_us: float, block: NDArray[np.float32]) -> Iterator[Frame]:
        """Take the next block, and yield the frames that are full.

        Parameters
        ----------
        time_us : float
            When its first sample was taken, in microseconds since 1970 UTC.
        block : ndarray of float32, shape (n, leads)
            Samples that follow each other without a hole, in mV; NaN where one is missing.
        """
        if not len(block):
            return
        if self._clock is None:
            self._clock = DeviceClock(self._fs, 0, round(time_us))
        off_s = (time_us - self._clock.time_us(self._taken)) / 1e6
        if off_s > LONGEST_HOLE_S or off_s < -BACK_S:
            yield from self.flush()
            self._session = self._name_session()
            self._clock, self._taken, self._sequence = DeviceClock(self._fs, 0, round(time_us)), 0, 0
        elif off_s > HOLE_S:
            lost = round(self._clock.samples(off_s * 1e6))
            self.missing += lost
            yield from self._take(np.full((lost, len(self._leads)), np.nan, dtype=np.float32))
            self._clock.set(self._taken, round(time_us))
        elif off_s < -HOLE_S:  # following it would bend the rate, and open holes later
            self._clock.set(self._taken, round(time_us))
        else:
            self._clock.follow(self._taken, round(time_us))
        yield from self._take(block)

    def flush(self) -> Iterator[Frame]:
        """Yield what is left, as a shorter frame."""
        if len(self._waiting):
            yield self._cut(len(self._waiting))

    def _take(self, block: NDArray[np.float32]) -> Iterator[Frame]:
        self._waiting = np.concatenate([self._waiting, block.astype(np.float32)])
        self._taken += len(block)
        while len(self._waiting) >= self._size:
            yield self._cut(self._size)

    def _cut(self, n: int) -> Frame:
        assert self._clock is not None  # noqa: S101 - there are samples, so there was a stamp
        time_us = round(self._clock.time_us(self._taken - len(self._waiting)))
        samples, self._waiting = self._waiting[:n], self._waiting[n:]
        frame = Frame.of(self._patient, self._session, self._sequence, time_us, self._fs, self._leads, samples)
        self._sequence += 1
        return frame
