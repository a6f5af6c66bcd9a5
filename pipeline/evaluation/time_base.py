"""Whether annotated beats stand where the signal has its beats, and if not, why."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["odd_time_base"]

_NEAR_S = 0.075  # an annotator's mark and a detector's peak are this near
_WELL, _BADLY = 0.6, 0.5  # shares of the beats
_BETTER = 0.25
_RATES = (100.0, 125.0, 128.0, 180.0, 200.0, 250.0, 256.0, 257.0, 300.0, 360.0, 400.0, 500.0, 512.0, 1000.0)
_FARTHEST_S = 60.0
_ENOUGH = 20


def odd_time_base(annotated: ArrayLike, detected: ArrayLike, *, fs: float, annotation_fs: float) -> str | None:
    """Say in one line that annotations do not belong to a signal as they stand, with the likely cause; None if they do.

    Parameters
    ----------
    annotated : array_like of int, shape (n,)
        Annotated beats in samples of ``annotation_fs``.
    detected : array_like of int, shape (m,)
        Beats that were found in the signal, in samples of ``fs``.
    fs, annotation_fs : float
        Rates in Hz.
    """
    sample = np.asarray(annotated, dtype=np.float64)
    marks, peaks = sample / annotation_fs, np.asarray(detected, dtype=np.float64) / fs
    if len(marks) < _ENOUGH or len(peaks) < _ENOUGH:
        return None
    share = _share(marks, peaks)
    if share >= _BADLY:
        return None
    line = f"only {100 * share:.0f} % of its annotated beats lie at beats of the signal"
    rate = max(_RATES, key=lambda other: _share(sample / other, peaks))
    with_rate = _share(sample / rate, peaks)
    shift = _best_shift(marks, peaks)
    with_shift = _share(marks + shift, peaks)
    if max(with_rate, with_shift) < max(_WELL, share + _BETTER):
        return f"{line}: they may be another record's"
    if with_rate >= with_shift:
        return f"{line}, and {100 * with_rate:.0f} % if they count at {rate:g} Hz, not {annotation_fs:g}"
    late = "late" if shift < 0 else "early"
    return f"{line}, and {100 * with_shift:.0f} % if they are {abs(shift):.2f} s {late}"


def _share(marks: NDArray[np.float64], peaks: NDArray[np.float64]) -> float:
    """Return the share of the marks that have a peak near."""
    at = np.searchsorted(peaks, marks)
    before = np.abs(marks - peaks[np.clip(at - 1, 0, len(peaks) - 1)])
    after = np.abs(marks - peaks[np.clip(at, 0, len(peaks) - 1)])
    return float((np.minimum(before, after) <= _NEAR_S).mean())


def _best_shift(marks: NDArray[np.float64], peaks: NDArray[np.float64]) -> float:
    """Return the time in s that brings most marks to peaks when it is added to them."""
    differences = [_differences(mark, peaks) for mark in marks[:: max(1, len(marks) // 500)]]
    every: NDArray[np.float64] = np.concatenate(differences)
    if not len(every):
        return 0.0
    counts, edges = np.histogram(every, bins=np.arange(-_FARTHEST_S, _FARTHEST_S + _NEAR_S, _NEAR_S / 3))
    wide: NDArray[np.float64] = np.convolve(counts, np.ones(3), "same")
    best = int(np.argmax(wide))
    near = every[np.abs(every - edges[best]) <= _NEAR_S]
    return float(np.median(near)) if len(near) else 0.0


def _differences(mark: float, peaks: NDArray[np.float64]) -> NDArray[np.float64]:
    first, last = np.searchsorted(peaks, [mark - _FARTHEST_S, mark + _FARTHEST_S])
    return peaks[first:last] - mark
