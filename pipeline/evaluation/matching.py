"""One-to-one matching of detected beats with reference beats, as WFDB's ``bxb`` does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.protocol import LEARNING_S, MATCH_S
from pipeline.jit import jit

__all__ = ["Matching", "inside", "match_beats"]

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """Which detection belongs to which reference beat.

    Attributes
    ----------
    reference, detection : ndarray of int64, shape (pairs,)
        Indices of the beats that belong together, in time order.
    missed : ndarray of int64
        Indices of the reference beats that nothing was detected for.
    extra : ndarray of int64
        Indices of the detections that belong to no reference beat, those inside a left-out stretch not counted.
    """

    reference: Indices
    detection: Indices
    missed: Indices
    extra: Indices


def match_beats(
    reference: ArrayLike,
    detected: ArrayLike,
    fs: float,
    *,
    leave_out: Sequence[tuple[int, int]] = (),
    start_s: float = LEARNING_S,
    tolerance_s: float = MATCH_S,
) -> Matching:
    """Pair detected with reference beats one to one, in time order.

    The earlier of the two beats at hand is paired with the other one if that lies within the tolerance and no
    following beat on the other one's side is nearer; else it stands alone. A detection that comes before ``start_s``
    may serve the first reference beat after it, and one just after ``start_s`` that belongs to a beat before it is not
    counted, as in ``bxb`` (WFDB Applications Guide; ANSI/AAMI EC57:2012, 4.3.2).

    Parameters
    ----------
    reference, detected : array_like of int, shapes (n,) and (m,)
        R peaks in samples, ascending.
    fs : float
        Sampling rate of both in Hz.
    leave_out : sequence of (first, last) samples
        Stretches without beats, such as ventricular flutter: reference beats inside are dropped, and detections inside
        that pair with no beat outside are not counted.
    start_s : float
        End of the learning period in s.
    tolerance_s : float
        Largest distance of a pair in s, inclusive.

    Raises
    ------
    ValueError
        If positions are not ascending or the rate is not positive.
    """
    if not fs > 0:
        raise ValueError(f"fs must be positive, not {fs}")
    beats = np.asarray(reference, dtype=np.int64)
    found = np.asarray(detected, dtype=np.int64)
    for name, positions in (("reference", beats), ("detected", found)):
        if positions.ndim != 1 or np.any(np.diff(positions) < 0):
            raise ValueError(f"{name} beats must be one ascending row of samples")
    kept = np.flatnonzero((beats >= start_s * fs) & ~inside(beats, leave_out))
    start, tolerance = int(np.ceil(start_s * fs)), int(tolerance_s * fs + 1e-9)
    pair = _pair(beats[kept], found, start, tolerance)
    is_matched = pair >= 0
    detection = pair[is_matched]
    counted = found >= start
    counted[detection] = False
    counted[_of_the_learning_period(beats[kept], found, detection, start, tolerance)] = False
    return Matching(
        reference=kept[is_matched],
        detection=detection,
        missed=kept[~is_matched],
        extra=np.flatnonzero(counted & ~inside(found, leave_out)),
    )


def inside(positions: ArrayLike, stretches: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return True where a position lies in one of the stretches, ends included."""
    at = np.asarray(positions, dtype=np.int64)
    out = np.zeros(at.shape, dtype=np.bool_)
    for first, last in stretches:
        out |= (at >= first) & (at <= last)
    return out


def _of_the_learning_period(beats: Indices, found: Indices, detection: Indices, start: int, tolerance: int) -> Indices:
    """Return the detection just after the start that is left to a beat of the learning period, if there is one."""
    first = int(np.searchsorted(found, start))
    if start <= 0 or first + 1 >= len(found) or not len(beats) or (len(detection) and detection[0] <= first):
        return np.empty(0, dtype=np.int64)
    follows_closely = found[first] - start <= tolerance
    is_worse = abs(beats[0] - found[first + 1]) < abs(beats[0] - found[first])
    return np.array([first] if follows_closely and is_worse else [], dtype=np.int64)


@jit
def _pair(beats: Indices, found: Indices, start: int, tolerance: int) -> Indices:
    """Return for each reference beat the index of its detection, or -1."""
    far = np.int64(2**62)
    out = np.full(len(beats), -1, dtype=np.int64)
    if len(beats) == 0 or len(found) == 0:
        return out
    i = np.int64(0)
    j = np.int64(np.searchsorted(found, start))
    if j > 0:
        # The last detection of the learning period may still be the first reference beat's.
        following = found[j] if j < len(found) else far
        gap = beats[0] - found[j - 1]
        if gap <= tolerance and gap < abs(beats[0] - following):
            out[0] = j - 1
            i = np.int64(1)
    while i < len(beats) and j < len(found):
        gap = abs(beats[i] - found[j])
        if found[j] < beats[i]:
            following = found[j + 1] if j + 1 < len(found) else far
            if gap <= tolerance and gap < abs(beats[i] - following):
                out[i] = j
                i += 1
            j += 1
        else:
            following = beats[i + 1] if i + 1 < len(beats) else far
            if gap <= tolerance and gap < abs(found[j] - following):
                out[i] = j
                j += 1
            i += 1
    return out
