"""Upstrokes of a pulse wave, of pressure or of blood volume, as they come: the heart's work without an electrode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit
from pipeline.records import BACK, BEAT, GONE, PulseMark
from pipeline.signals.resample import FS

__all__ = ["PulseFinder"]

MOST_WAVES = 4  # of one stream, ever: a device that names them anew with each frame fills no memory
RATE = 60.0  # Hz, about: samples are averaged to it, which takes out what is finer than an upstroke
RISE_S = 0.17  # s over which rises are summed: about an upstroke
APART_S = 0.25  # s between two pulses at the least
LEARN_S, FORGET_S = 3.0, 10.0  # s in which the usual height is learnt, and without a pulse after which it is anew
HIGH, LOW = 0.5, 0.3  # of the usual height: a rise above is a pulse, and below it is over
OVER = 0.7  # of the highest rise of this pulse: below, that was it
RISE_FOLLOWS, MOST = 0.2, 1.5  # how fast the usual height follows, and how much one pulse may count at the most
KNOWN = 6  # pulses after which the usual height is one
GONE_S, FLAT_S = 0.5, 1.5  # s of missing and of unchanging samples after which the wave is gone

# Where what is kept of a wave stands in its row.
SUM, BEFORE, USUAL, HIGHEST, LEARNT, ONCE = 0, 1, 2, 3, 4, 5
STATE = 6
STEPS, AT, LAST, SINCE, COUNT, SAME, MISSING, READY, IS_GONE = 0, 1, 2, 3, 4, 5, 6, 7, 8
COUNTS = 9


class PulseFinder:
    """Find the pulses of the waves of one stream; any chunking gives the same ones, bit by bit.

    Rises are summed over the length of an upstroke (the slope sum of Zong et al. 2003, doi:10.1109/CIC.2003.1291140),
    and held against those of the pulses before. It differs from theirs in that it looks at nothing ahead: a pulse is
    told as soon as the sum falls. The usual height does not sink in silence, so that what is left of a wave without a
    heart behind it is no pulse; after 10 s it is learnt anew, but never from a small part of what it was.

    Parameters
    ----------
    fs : float
        Rate of the stream in Hz.
    """

    def __init__(self, fs: float) -> None:
        self._fs = fs
        self._step = max(1, round(fs / RATE))  # samples in an average
        self._width = max(1, round(RISE_S * fs / self._step))
        self._waves: dict[str, tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]] = {}

    def process(self, start: int, waves: Sequence[str], signal: NDArray[np.float32]) -> list[PulseMark]:
        """Take the next samples; return what they tell, in order.

        Parameters
        ----------
        start : int
            Position of the first sample in the stream.
        waves : sequence of str
            Names of the waves that came. One that was there before and is not now, is missing.
        signal : ndarray of float32, shape (samples, waves)
            In any unit; NaN where a sample is missing.
        """
        marks: list[PulseMark] = []
        absent = np.full(len(signal), np.nan, dtype=np.float32)
        for name in dict.fromkeys((*self._waves, *waves)):
            if name not in self._waves:
                if len(self._waves) >= MOST_WAVES:
                    continue
                self._waves[name] = _nothing(self._width)
            column = np.ascontiguousarray(signal[:, waves.index(name)]) if name in waves else absent
            marks += self._follow(name, start, column)
        return sorted(marks, key=lambda mark: mark.known)  # stable: waves in the order in which they first came

    def _follow(self, name: str, start: int, column: NDArray[np.float32]) -> list[PulseMark]:
        values, counts, rises = self._waves[name]
        most = 2 * (len(column) // self._step + 2)
        found, height = np.empty((most, 3), dtype=np.int64), np.empty(most)
        n = _search(column, start, self._step, self._step / self._fs, values, counts, rises, found, height)
        step_s = self._step / self._fs
        return [
            PulseMark(math.ceil(stop * self._step * FS / self._fs), name, sort, at * step_s, float(height[i]))
            for i, (stop, sort, at) in enumerate(found[:n].tolist())
        ]

    def snapshot(self) -> list[Any]:
        """Return the carried state as plain values."""
        return [[name, *(part.tolist() for part in parts)] for name, parts in self._waves.items()]

    def restore(self, state: list[Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        self._waves = {
            name: (np.array(values, np.float64), np.array(counts, np.int64), np.array(rises, np.float64))
            for name, values, counts, rises in state
        }


def _nothing(width: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    values, counts = np.zeros(STATE), np.zeros(COUNTS, dtype=np.int64)
    values[SUM] = values[BEFORE] = values[USUAL] = values[ONCE] = math.nan  # the average under way began without it
    counts[IS_GONE] = 1
    return values, counts, np.zeros(width)


@jit
def _search(
    column: NDArray[np.float32],
    start: int,
    step: int,
    step_s: float,
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
    rises: NDArray[np.float64],
    found: NDArray[np.int64],
    height: NDArray[np.float64],
) -> int:
    n = 0
    for i in range(len(column)):
        at = start + i
        if at % step == 0:
            values[SUM] = 0.0
        values[SUM] += column[i]
        if (at + 1) % step != 0:
            continue
        now = (at + 1) // step  # averages up to now, in the stream
        value, before = values[SUM] / step, values[BEFORE]
        values[BEFORE] = value
        is_missing = not np.isfinite(value)
        counts[MISSING] = counts[MISSING] + 1 if is_missing else 0
        counts[SAME] = counts[SAME] + 1 if value == before else 0
        is_gone = counts[MISSING] * step_s >= GONE_S or counts[SAME] * step_s >= FLAT_S
        if is_gone and counts[IS_GONE] == 0:
            counts[IS_GONE] = 1
            found[n, 0], found[n, 1], found[n, 2], height[n] = now, GONE, now, np.nan
            n += 1
        if is_missing or is_gone or not np.isfinite(before):
            rises[:] = 0.0
            values[HIGHEST] = 0.0
            counts[READY] = 0
            continue
        if counts[IS_GONE] == 1:
            if counts[SAME] > 0:
                continue
            counts[IS_GONE] = 0
            values[USUAL], values[LEARNT], values[ONCE] = np.nan, 0.0, np.nan
            counts[SINCE], counts[COUNT] = now, 0
            found[n, 0], found[n, 1], found[n, 2], height[n] = now, BACK, now, np.nan
            n += 1
        rises[now % len(rises)] = max(value - before, 0.0)
        rise = rises.sum()
        usual = values[USUAL]
        if np.isnan(usual):
            values[LEARNT] = max(values[LEARNT], rise)
            if (now - counts[SINCE]) * step_s >= LEARN_S:
                is_wave = values[LEARNT] > 0.0 and not values[LEARNT] < LOW * values[ONCE]
                values[USUAL] = values[LEARNT] if is_wave else np.nan
                values[LEARNT] = 0.0
                counts[SINCE], counts[COUNT], counts[LAST], counts[READY] = now, 0, now, 0
            continue
        if values[HIGHEST] > 0.0:
            if rise > values[HIGHEST]:
                values[HIGHEST] = rise
                counts[AT] = now
            elif rise < OVER * values[HIGHEST]:
                ratio = values[HIGHEST] / usual
                is_known = counts[COUNT] >= KNOWN
                found[n, 0], found[n, 1], found[n, 2] = now, BEAT, counts[AT]
                height[n] = ratio if is_known else np.nan
                n += 1
                values[USUAL] = usual * min(max(ratio, 1.0 / MOST), MOST) ** RISE_FOLLOWS
                values[HIGHEST] = 0.0
                counts[LAST] = counts[AT]
                counts[COUNT] += 1
                counts[READY] = 0
        elif counts[READY] == 0:
            counts[READY] = 1 if rise < LOW * usual else 0
        elif rise >= HIGH * usual and (now - counts[LAST]) * step_s >= APART_S:
            values[HIGHEST] = rise
            counts[AT] = now
        if values[HIGHEST] == 0.0 and (now - counts[LAST]) * step_s >= FORGET_S:
            values[ONCE], values[USUAL] = usual, np.nan
            counts[SINCE] = now
    return n
