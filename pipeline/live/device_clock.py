"""A device's sample clock against the times in its frames: the rate it really has."""

from __future__ import annotations

from typing import Any

__all__ = ["DeviceClock"]

PRIOR = 10  # frames that the nominal rate counts for
MEMORY = 80  # frames over which the estimate forgets
WIDEST = 0.05  # share by which a true rate may differ from the nominal one


class DeviceClock:
    """Follow when a device's samples are taken, from the times of first samples.

    A g-h filter: each time corrects the estimated time of a sample and the estimated period, by gains that shrink as
    those of a growing least-squares line until they remember :data:`MEMORY` frames (Brookner, *Tracking and Kalman
    Filtering Made Easy*, 1998, section 1.2.10). A device's nominal rate is never taken for its true one.

    Parameters
    ----------
    fs : float
        Nominal rate in Hz.
    sample : int
        Position of a sample.
    time_us : int
        When it was taken, in microseconds since 1970 UTC.
    """

    def __init__(self, fs: float, sample: int, time_us: int) -> None:
        self._nominal = 1e6 / fs
        self._period = self._nominal  # us
        self._sample, self._time = sample, float(time_us)
        self._seen = PRIOR

    @property
    def fs(self) -> float:
        """The device's true rate in Hz, as far as it is known."""
        return 1e6 / self._period

    def time_us(self, sample: int) -> float:
        """Return when a sample was, or will be, taken."""
        return self._time + (sample - self._sample) * self._period

    def samples(self, us: float) -> float:
        """Return how many samples the device takes in so many microseconds."""
        return us / self._period

    def follow(self, sample: int, time_us: int) -> None:
        """Learn when a sample, later than all before, was taken."""
        elapsed = sample - self._sample
        if elapsed <= 0:
            return
        k = self._seen = min(self._seen + 1, MEMORY)
        off = time_us - self.time_us(sample)
        at = self.time_us(sample) + off * 2.0 * (2 * k - 1) / (k * (k + 1))
        period = self._period + off * 6.0 / (k * (k + 1)) / elapsed
        self._period = min(max(period, self._nominal * (1 - WIDEST)), self._nominal * (1 + WIDEST))
        self._sample, self._time = sample, at

    def set(self, sample: int, time_us: int) -> None:
        """Set the time of a sample, after a jump; the rate stays."""
        self._sample, self._time = sample, float(time_us)

    def snapshot(self) -> list[Any]:
        """Return the carried state as plain values."""
        return [self._nominal, self._period, self._sample, self._time, self._seen]

    @classmethod
    def restore(cls, state: list[Any]) -> DeviceClock:
        """Continue from a state that :meth:`snapshot` returned."""
        clock = cls(1.0, 0, 0)
        clock._nominal, clock._period, clock._sample, clock._time, clock._seen = state
        return clock
