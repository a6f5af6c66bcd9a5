"""The newest signal of one patient, in memory of a fixed size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MISSING", "UNIT_MV", "SignalRing", "to_steps"]

UNIT_MV = 0.001  # mV of one step: the ring holds microvolts, up to 32 mV either way
MISSING = -32768  # in place of a sample that is not there


def to_steps(mv: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return microvolts, with MISSING where a value in mV is NaN."""
    steps = np.clip(np.rint(mv / np.float32(UNIT_MV)), MISSING + 1, -MISSING - 1)
    steps[np.isnan(steps)] = MISSING
    out: NDArray[np.int16] = steps.astype(np.int16)
    return out


class SignalRing:
    """Keep the last samples of a stream, each at the place of its position.

    Parameters
    ----------
    capacity : int
        Samples kept.
    n_leads : int
        Leads.
    """

    def __init__(self, capacity: int, n_leads: int) -> None:
        if capacity < 1:
            raise ValueError(f"a ring of {capacity} samples holds none")
        # calloc: memory is taken as it fills.
        self._data: NDArray[np.int16] = np.zeros((capacity, n_leads), dtype=np.int16)
        self._start: int | None = None
        self._stop = 0

    @property
    def start(self) -> int:
        """Position of the oldest sample kept."""
        return max(self._start or 0, self._stop - len(self._data))

    @property
    def stop(self) -> int:
        """Position one past the newest sample."""
        return self._stop

    def write(self, start: int, signal: NDArray[np.float32]) -> None:
        """Take signal in mV, shape (samples, leads), NaN where missing.

        What was skipped since the last call is missing; what is repeated is set aside.
        """
        if self._start is None:
            self._start = self._stop = start
        if start < self._stop:
            signal, start = signal[self._stop - start :], self._stop
        if not len(signal):
            return
        capacity = len(self._data)
        skipped = min(start - self._stop, capacity)
        if skipped:
            self._put(start - skipped, np.full((skipped, self._data.shape[1]), MISSING, dtype=np.int16))
        tail = signal[-capacity:]
        self._put(start + len(signal) - len(tail), to_steps(tail))
        self._stop = start + len(signal)

    def _put(self, start: int, steps: NDArray[np.int16]) -> None:
        at = start % len(self._data)
        first = min(len(steps), len(self._data) - at)
        self._data[at : at + first] = steps[:first]
        self._data[: len(steps) - first] = steps[first:]

    def read(self, start: int, stop: int) -> tuple[int, NDArray[np.int16]]:
        """Return what is kept of a stretch: its first position, and a copy of its samples, shape (samples, leads)."""
        start, stop = max(start, self.start), min(stop, self._stop)
        if start >= stop:
            return min(start, self._stop), np.empty((0, self._data.shape[1]), dtype=np.int16)
        at, size = start % len(self._data), stop - start
        first = min(size, len(self._data) - at)
        return start, np.concatenate([self._data[at : at + first], self._data[: size - first]])
