"""R peaks that somebody annotated, in place of a detector's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit
from pipeline.signals.envelopes import REACH, absences
from pipeline.signals.peaks import Peaks
from pipeline.signals.resample import FS
from pipeline.signals.window import WAIT

__all__ = ["ReferencePeaks"]


class ReferencePeaks:
    """R peaks that somebody annotated, given out as late as a detector would find them.

    Parameters
    ----------
    r_peaks : ndarray of int64, shape (n,)
        Annotated peaks in samples at rate ``fs``, in order.
    fs : float
        Their rate in Hz.
    """

    def __init__(self, r_peaks: NDArray[np.int64], fs: float) -> None:
        self._peaks = np.round(np.asarray(r_peaks) * (FS / fs)).astype(np.int64)
        self._clock = -REACH
        self._next = 0
        self._last = np.array([-1, 0])  # the last peak, and the last sample at which no lead was there

    def find(self, signal: NDArray[np.float64], states: NDArray[np.uint8], m: int) -> Peaks:
        """Return the annotated peaks whose window is known by now."""
        first, self._clock = self._clock, self._clock + m
        stop = int(np.searchsorted(self._peaks, self._clock - WAIT, side="right"))
        sample = self._peaks[self._next : stop]
        self._next = stop
        decided, broken = sample + WAIT, np.empty(len(sample), dtype=np.bool_)
        _breaks(states, m, first, sample, decided, self._last, broken)
        return Peaks(sample, decided, np.ones(len(sample)), np.ones(len(sample)), broken)

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {"at": np.array([self._clock, self._next, *self._last])}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._clock, self._next, *self._last[:] = (int(v) for v in state["at"])


@jit
def _breaks(
    states: NDArray[np.uint8],
    m: int,
    first: int,
    sample: NDArray[np.int64],
    decided: NDArray[np.int64],
    last: NDArray[np.int64],
    broken: NDArray[np.bool_],
) -> None:
    # A beat is decided later than the signal right after it: walk both in the order of decisions.
    bad, gone = np.empty((len(states), m), np.bool_), np.empty(m, np.bool_)
    absences(states, m, bad, gone)
    i = 0
    for n in range(m):
        if gone[n]:
            last[1] = first + n
        while i < len(sample) and decided[i] <= first + n:
            broken[i] = last[0] < 0 or last[0] < last[1] < sample[i]
            last[0] = sample[i]
            i += 1
