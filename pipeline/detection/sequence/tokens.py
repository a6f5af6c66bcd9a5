"""What the sequence network reads of a beat: its interval, shape and P wave, each against this patient's own.

The network keeps the history of the beats in its state. Beside it stand a few running figures whose memory is longer
than a gradient reaches: the references of :mod:`pipeline.detection.sequence.reference`, how much the interval changes
from beat to beat anyway, how early the earliest of the usual beats come, and location and spread of shape and P wave.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.sequence.reference import (
    HELD,
    LAST,
    REFERENCES,
    SEEN,
    SLOW,
    UNHURRIED,
    follow_references,
    log_interval,
    new_references,
)
from pipeline.jit import jit, jit_helper

__all__ = [
    "BEFORE",
    "HELD_COLUMN",
    "INTERVAL",
    "MEMORY",
    "P_COLUMN",
    "READ",
    "SHAPE_COLUMN",
    "TOKEN",
    "UNTIMELY",
    "USUAL_INTERVAL",
    "follow_beats",
    "new_memory",
    "squashed_shape",
    "tokens_of",
]

# The columns of a token. Logs of intervals are doubled, so that they are of order one.
TOKEN = (
    "earlier than the slow reference",
    "earlier than the unhurried reference",
    "abruptly early",
    "change against the beat before",
    "least change against the last four",
    "usual change",
    "abruptly early over the usual change",
    "shape",
    "shape, squashed",
    "shape over its usual spread",
    "P wave",
    "P wave over its usual spread",
    "noise around the beat",
    "interval known",
    "shape known",
    "references held",
    "two intervals as one cycle",
    "shape of the beat before, squashed",
    "abruptly early over the earliest usual beats",
    "rate",
    "untimely",
)
READ = len(TOKEN)
# Columns that tell of the interval before the beat, and what they hold at an interval as long as the references.
HELD_COLUMN = 15
INTERVAL = (0, 1, 2, 3, 4, 6, 16, 18, 20)
USUAL_INTERVAL = tuple(np.float32(x) for x in (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0 * np.log(2.0) - 1.0, 0.0, 0.0))
SHAPE_COLUMN, P_COLUMN, UNTIMELY = 7, 10, 20  # the first that tell of the shape, the P wave and how untimely it is
# Values that are told beside a beat: slow reference, usual shape and usual P wave before it, and how untimely it would
# be if its P wave told nothing.
BEFORE = 4

PAST = 4  # intervals
ABRUPT = 0.4  # share of the earliness against the longest of the last four intervals: a rate that rises is not early
STRANGE = 0.8  # shape from which a beat moves no reference
MIDDLE_SHAPE = 0.5  # where the squashed shape changes most
LONGEST_LOG = 1.2  # log ratio at which an earliness is cut off
CHANGE_RATE, CHANGE_LIMIT, FLOOR = 0.01, 0.35, 0.02
USUAL_RATE = 0.01
UPPER, UPPER_STEP = 0.85, 0.002  # quantile of the earliness of usual beats, and the step that follows it
SLIGHT = 0.1  # earliness up to which a beat counts for the usual spread of shape and P wave
P_RANGE = -1.5, 2.5
# How untimely a beat is: its earliness over what is usual, squashed. The P wave has a say where a beat is slightly
# early, as sinus beats and premature atrial beats both are. Chosen on DS1.
HEIGHT, GAIN = 2.5, 0.4 / 3.0
P_GAIN = 0.04  # by how much a changed P wave makes a slightly early beat earlier, and a usual one less early
P_USUAL, P_CHANGED = 0.5, 0.7  # deviation that tells nothing, and that tells most: far beyond lies noise, or a T wave
P_REACH = 0.15  # a beat that is much earlier needs no P wave to tell

# What is carried beside the references: past intervals, the usual change, the upper quantile, location and spread of
# shape and P wave, and the squashed shape of the last beat.
RECENT = REFERENCES
CHANGE, UPPER_EARLY, SHAPE_AT, SHAPE_SPREAD, P_AT, P_SPREAD, LAST_SHAPE = range(RECENT + PAST, RECENT + PAST + 7)
MEMORY = LAST_SHAPE + 1
_START = {CHANGE: 0.06, UPPER_EARLY: 0.1, SHAPE_AT: -0.25, SHAPE_SPREAD: 0.25, P_AT: -0.2, P_SPREAD: 0.3}


def new_memory() -> NDArray[np.float64]:
    """Return what is carried of a patient of whom nothing is known, shape (MEMORY,)."""
    out = np.zeros(MEMORY)
    out[:REFERENCES] = new_references()
    out[RECENT : RECENT + PAST] = np.nan
    for place, value in _START.items():
        out[place] = value
    return out


def tokens_of(
    rr: NDArray[np.float64], shape: NDArray[np.float64], p_wave: NDArray[np.float64], noise: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the tokens of a whole record, shape (n, READ); arguments as :func:`follow_beats`."""
    n = len(rr)
    token = np.empty((n, READ), dtype=np.float32)
    follow_beats(rr, shape, p_wave, noise, np.zeros(n, dtype=np.bool_), new_memory(), token, np.empty((n, BEFORE)))
    return token


@jit
def follow_beats(
    rr: NDArray[np.float64],
    shape: NDArray[np.float64],
    p_wave: NDArray[np.float64],
    noise: NDArray[np.float64],
    held: NDArray[np.bool_],
    memory: NDArray[np.float64],
    token: NDArray[np.float32],
    before: NDArray[np.float64],
) -> None:
    """Write the tokens of beats, one after the other, and let the memory follow each after it has been read.

    Parameters
    ----------
    rr : ndarray of float64, shape (n,)
        R-R intervals in s, NaN where not known.
    shape : ndarray of float64, shape (n,)
        The shape's part of the score, NaN for a beat that has none.
    p_wave, noise : ndarray of float64, shape (n,)
        Log of the P wave's deviation and of the noise around the beat, over the patient's usual ones.
    held : ndarray of bool, shape (n,)
        Beats that must not teach: of them nothing is remembered, and no change is known across them.
    memory : ndarray of float64, shape (MEMORY,)
        The carried state.
    token : ndarray of float32, shape (n, READ)
        Written.
    before : ndarray of float64, shape (n, BEFORE)
        Written: what held before each beat: the slow reference in log s, NaN where nothing is known of the rate, and
        the usual shape and P wave; and how untimely the beat would be if its P wave told nothing.
    """
    kept = np.empty(len(memory))
    for i in range(len(rr)):
        before[i, 0], before[i, 1], before[i, 2] = memory[SLOW], memory[SHAPE_AT], memory[P_AT]
        if held[i]:
            for k in range(len(memory)):
                kept[k] = memory[k]
        before[i, 3] = _follow_beat(rr[i], shape[i], p_wave[i], noise[i], memory, token[i])
        if held[i]:
            for k in range(len(memory)):
                memory[k] = kept[k]
            for k in range(PAST):
                memory[RECENT + k] = np.nan
            memory[LAST] = np.nan


@jit_helper
def _follow_beat(
    rr: float, shape: float, p_wave: float, noise: float, m: NDArray[np.float64], out: NDArray[np.float32]
) -> float:
    known, has_shape = rr > 0.0, not np.isnan(shape)  # NaN compares false
    shape = shape if has_shape else 0.0
    p = min(max(p_wave, P_RANGE[0]), P_RANGE[1]) if not np.isnan(p_wave) else 0.0
    log_rr = log_interval(rr) if known else np.nan
    slow = m[SLOW] if not np.isnan(m[SLOW]) else (log_rr if known else np.log(0.8))
    unhurried = m[UNHURRIED] if not np.isnan(m[UNHURRIED]) else slow
    behind, against, early, change, least, cycle = 0.0, 0.0, 0.0, 0.0, np.inf, 0.7
    if known:
        behind, against = slow - log_rr, unhurried - log_rr
        longest = -np.inf
        for k in range(PAST):
            if not np.isnan(m[RECENT + k]):
                longest = max(longest, m[RECENT + k])
                least = min(least, abs(log_rr - m[RECENT + k]))
        abrupt = min(against, longest - log_rr) if np.isfinite(longest) else against
        early = (1.0 - ABRUPT) * against + ABRUPT * abrupt
        before = m[RECENT] if not np.isnan(m[RECENT]) else slow
        change = log_rr - m[RECENT] if not np.isnan(m[RECENT]) else 0.0
        cycle = np.log((rr + np.exp(before)) / np.exp(unhurried))
    squashed = squashed_shape(shape)
    out[0] = 2.0 * _cut(behind, LONGEST_LOG)
    out[1] = 2.0 * _cut(against, LONGEST_LOG)
    out[2] = 2.0 * _cut(early, LONGEST_LOG)
    out[3] = 2.0 * _cut(change, LONGEST_LOG)
    out[4] = 3.0 * min(least, 1.0)
    out[5] = np.log(m[CHANGE] + 0.01) + 3.0
    out[6] = min(max(early / (m[CHANGE] + FLOOR), -8.0), 12.0) / 4.0
    out[7] = shape
    out[8] = squashed
    out[9] = min(max((shape - m[SHAPE_AT]) / (m[SHAPE_SPREAD] + 0.1), -3.0), 8.0) / 3.0
    out[10] = p
    out[11] = min(max((p - m[P_AT]) / (m[P_SPREAD] + 0.1), -3.0), 6.0) / 2.0
    out[12] = noise
    out[13] = 1.0 if known else 0.0
    out[14] = 1.0 if has_shape else 0.0
    out[15] = m[HELD]
    out[16] = 2.0 * min(max(cycle, -1.0), 2.0) - 1.0
    out[17] = m[LAST_SHAPE]
    out[18] = min(max(early / (m[UPPER_EARLY] + FLOOR), -3.0), 6.0) / 2.0
    out[19] = np.log(0.8) - slow
    without_p = _untimely(early, m[CHANGE], P_USUAL) if known else 0.0
    out[20] = _untimely(early, m[CHANGE], p) if known and not np.isnan(p_wave) else without_p
    m[LAST_SHAPE] = squashed
    strange = shape > STRANGE
    follow_references(m, log_rr, strange)
    if not known:
        for k in range(PAST):
            m[RECENT + k] = np.nan  # no change is known across a gap
        return without_p
    if not m[HELD]:
        _follow_usual(m, early, least, strange, has_shape, shape, p)
    for k in range(PAST - 1, 0, -1):
        m[RECENT + k] = m[RECENT + k - 1]
    m[RECENT] = log_rr
    return without_p


@jit_helper
def _untimely(early: float, usual_change: float, p_wave: float) -> float:
    by = max(early, 0.0)
    beyond = max(p_wave - P_CHANGED, 0.0) / P_CHANGED
    changed = min(p_wave, P_CHANGED) * np.exp(-(beyond**2))
    evidence = min(max((changed - P_USUAL) / P_USUAL, -1.0), 1.0)
    by += P_GAIN * evidence * np.exp(-((by / P_REACH) ** 2)) * min(by / 0.03, 1.0)
    return float(HEIGHT * np.tanh(GAIN * max(by, 0.0) / (FLOOR + usual_change)))


@jit_helper
def squashed_shape(shape: float) -> float:
    """Return a shape on a scale that changes most where usual shapes end."""
    return float(np.tanh(2.0 * (shape - MIDDLE_SHAPE)))


@jit_helper
def _cut(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


@jit_helper
def _follow_usual(
    m: NDArray[np.float64], early: float, least: float, strange: bool, has_shape: bool, shape: float, p: float
) -> None:
    """Let what is usual follow a beat while the references are not held."""
    seen = m[SEEN]
    if np.isfinite(least):
        m[CHANGE] += max(CHANGE_RATE, 1.0 / (seen + 4.0)) * (min(least, CHANGE_LIMIT) - m[CHANGE])
    if strange:
        return
    m[UPPER_EARLY] = max(m[UPPER_EARLY] + UPPER_STEP * (UPPER if early > m[UPPER_EARLY] else UPPER - 1.0), 0.005)
    if early < SLIGHT + 2.0 * m[CHANGE] and has_shape:
        rate = max(USUAL_RATE, 1.0 / (seen + 4.0))
        m[SHAPE_AT] += rate * (shape - m[SHAPE_AT])
        m[SHAPE_SPREAD] += rate * (1.25 * abs(shape - m[SHAPE_AT]) - m[SHAPE_SPREAD])
        m[P_AT] += rate * (p - m[P_AT])
        m[P_SPREAD] += rate * (1.25 * abs(p - m[P_AT]) - m[P_SPREAD])
