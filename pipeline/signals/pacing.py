"""Pacing spikes: found in the signal at its own rate, replaced by a straight line, and kept as marks.

A pacemaker's pulse lasts 0.5 to 2 ms. Behind a recorder's filters it is a spike of up to 10 ms, often with ripple
before and after it, and it may be many times as high as the beat that it starts. Taken for a part of the QRS complex,
or for all of it, it moves the R peak to the pulse: 160 ms early where atria are paced.

A spike leaves the line and comes back to it within 10 ms, while around it the signal moves slowly: no QRS complex does
both. It is higher than what any beat of the last seconds rose by in 4 ms, so that noise on a large signal is none.
Where it stands out by less, it counts only if five others came in the 10 s before it, as a pacemaker's do. A signal
without spikes passes as it is, bit by bit.

A loose electrode makes spikes as well, in bursts, and they are better taken out than scored. They are no marks: those
of a pacemaker are of about one height, and nearly all of one sign.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit

__all__ = ["LEAST_FS", "SpikeRemover"]

LEAST_FS = 200.0  # Hz; below, a spike and a narrow QRS complex have as many samples
_HEIGHT_MV = 0.5  # of the least spike; a lower one moves no R peak
_CORE_S = 0.010  # the spike itself
_GUARD_S = 0.004  # on either side, where a filter's ripple is; also the time over which slopes are taken
_BEFORE_S, _AFTER_S = 0.012, 0.008  # in which the signal is to move slowly
_BACK = 0.35  # share of its height by which the line behind it may differ from the one before
_STEEP, _CLEAR = 5.0, 12.0  # times the greatest slope around it, for one of many and for a single one
_FADE_S = 5.0  # in which the steepest beat is forgotten
_MANY, _MANY_S = 5, 10.0  # so many others in so many seconds make it one of many
_ALIKE = 2.0  # times as high or as low as the others a mark's spike may be: sampling alone makes much of a difference
_SAME_SIGN = 4  # of six signs, the least sum: one may be another, where a sample caught the recoil of the pulse
_APART_S = 0.02  # spikes of two leads within so long are one pulse's

# Carried as samples of the stream: where what is kept begins, the next to look at, the next to give out, the last mark.
_START, _NEXT, _OUT, _MARKED = range(4)


class SpikeRemover:
    """Take pacing spikes out of one stream; any chunking gives the same signal and the same marks.

    Parameters
    ----------
    fs : float
        Rate of the stream in Hz; below :data:`LEAST_FS` nothing is taken out.
    n_leads : int
        Number of leads.

    Attributes
    ----------
    delay : int
        Samples by which the signal comes later.
    """

    def __init__(self, fs: float, n_leads: int) -> None:
        self._slope = max(1, round(_GUARD_S * fs))
        self._core = int(np.ceil(_CORE_S * fs))
        self._before, self._after = int(np.ceil(_BEFORE_S * fs)), int(np.ceil(_AFTER_S * fs))
        self._many, self._apart = round(_MANY_S * fs), round(_APART_S * fs)
        self._is_on = fs >= LEAST_FS
        self.delay = self._core + 3 * self._slope + self._after if self._is_on else 0
        reach = 2 * self._slope + self._before
        self._tail = np.zeros((0, n_leads))
        self._at = np.array([0, reach, 0, -self._apart], dtype=np.int64)
        self._steepest = np.zeros(n_leads)  # in mV by slope
        self._fade = float(np.exp(-1.0 / (_FADE_S * fs)))
        self._seen = np.full(
            (n_leads, 1 + _MANY), -self._many, dtype=np.int64
        )  # end of the last one, and starts of some
        self._heights = np.zeros((n_leads, 1 + _MANY))  # of the last ones, in mV with their sign

    def process(self, signal: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
        """Take the next samples, shape (n, leads) in mV with NaN where missing.

        Returns
        -------
        signal : ndarray, shape (m, leads)
            The samples that are sure now, without spikes.
        marks : ndarray of int64, shape (k,)
            Where pulses were, in samples of the stream: those that others like them came before, as a pacemaker's do.
            A pulse that stands alone or is unlike the others is taken out, and nothing says that it was a pacemaker's.
        """
        if not self._is_on:
            return signal, _NONE
        buffer = np.concatenate([self._tail, signal], dtype=np.float64)
        marks = np.empty(2 + len(buffer) // self._apart, dtype=np.int64)
        found = _clear(
            buffer, self._at, self._seen, self._slope, self._core, self._before, self._after, self._many, self._apart,
            self._steepest, self._fade, self._heights, marks,
        )  # fmt: skip
        start, following, out = (int(value) for value in self._at[:_MARKED])
        sure = min(following - 2 * self._slope, start + len(buffer))  # what comes later may still be changed
        self._at[_OUT] = sure
        first = min(sure, following - 2 * self._slope - self._before) - start
        self._tail = buffer[first:].copy()
        self._at[_START] = start + first
        return buffer[out - start : sure - start], marks[:found]

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {
            "tail": self._tail.copy(),
            "at": self._at.copy(),
            "seen": self._seen.copy(),
            "steepest": self._steepest.copy(),
            "heights": self._heights.copy(),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._tail = np.array(state["tail"], dtype=np.float64)
        self._at[:], self._seen[:], self._steepest[:] = state["at"], state["seen"], state["steepest"]
        self._heights[:] = state["heights"]


_NONE = np.empty(0, dtype=np.int64)


@jit
def _are_alike(heights: NDArray[np.float64]) -> bool:
    """Tell whether the last spike is like those before it."""
    last, signs = abs(heights[-1]), 0
    for height in heights:
        signs += 1 if height > 0 else -1
        if not last <= _ALIKE * abs(height) or not abs(height) <= _ALIKE * last:
            return False
    return abs(signs) >= _SAME_SIGN


@jit
def _clear(
    buffer: NDArray[np.float64],
    at: NDArray[np.int64],
    seen: NDArray[np.int64],
    slope: int,
    core: int,
    before: int,
    after: int,
    many: int,
    apart: int,
    steepest: NDArray[np.float64],
    fade: float,
    heights: NDArray[np.float64],
    marks: NDArray[np.int64],
) -> int:
    """Replace the spikes that are known by now; ``buffer`` begins at sample ``at[_START]``; return how many marks."""
    start, found = at[_START], 0
    last = start + len(buffer) - 1 - core - slope - after  # a spike that begins here is known to its end
    n = at[_NEXT]
    while n <= last:
        i = n - start
        for lead in range(buffer.shape[1]):
            y = buffer[:, lead]
            base = i - 2 * slope
            steepest[lead] *= fade
            step = abs(y[base] - y[base - slope])
            if step > steepest[lead]:
                steepest[lead] = step
            if not abs(y[i] - y[i - slope]) > 0.5 * _HEIGHT_MV or n < seen[lead, 0]:
                continue
            least, around = max(_HEIGHT_MV, steepest[lead]), 0.0
            for j in range(base - before, base - slope + 1):
                around = max(around, abs(y[j + slope] - y[j]))
            height, peak = 0.0, i
            for c in range(core):
                size = abs(y[i + c] - y[base])
                if size > height:
                    height, peak = size, i + c
                end = i + c + 1 + slope
                if height <= least or height <= _STEEP * around or abs(y[end] - y[base]) > _BACK * height:
                    continue
                is_there, behind = True, around
                for j in range(end, end + after - slope + 1):
                    behind = max(behind, abs(y[j + slope] - y[j]))
                for j in range(base - before, end + after + 1):
                    if not np.isfinite(y[j]):
                        is_there = False
                if not is_there or height <= _STEEP * behind:
                    continue
                is_one_of_many = n - seen[lead, 1] < many
                for k in range(_MANY):
                    if k > 0:
                        seen[lead, k] = seen[lead, k + 1]
                    heights[lead, k] = heights[lead, k + 1]
                seen[lead, _MANY], heights[lead, _MANY] = n, 0.0
                for j in range(base + 1, end):  # a filter at the door lets a small wave run ahead of the spike
                    if abs(y[j] - y[base]) > abs(heights[lead, _MANY]):
                        heights[lead, _MANY] = y[j] - y[base]
                if is_one_of_many or height > _CLEAR * behind:
                    rise = (y[end] - y[base]) / (end - base)
                    for j in range(base + 1, end):
                        y[j] = y[base] + rise * (j - base)
                    if is_one_of_many and n - at[_MARKED] >= apart and _are_alike(heights[lead]):
                        at[_MARKED] = n
                        marks[found] = start + peak
                        found += 1
                seen[lead, 0] = start + end
                break
        n += 1
    at[_NEXT] = n
    return found
