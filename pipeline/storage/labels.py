"""Which reference annotation belongs to which found beat, while the beats stream by."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.annotations import AAMI_OF, Annotations

__all__ = ["BeatLabels"]

MATCH_S = 0.15  # ANSI/AAMI EC57:2012, 4.3.2


class BeatLabels:
    """Pairs found beats with reference beats one to one, in time order, within 150 ms.

    The earlier of the two beats at hand is paired with the other one if that lies within the tolerance and no
    following beat on the other one's side is nearer; else it stands alone. This is the rule of WFDB's ``bxb``
    (ANSI/AAMI EC57:2012, 4.3.2), from the record's start. At most the last beat that was pushed waits for the next one.

    Parameters
    ----------
    annotations : Annotations or None
        Reference annotations; without them no beat has a label.
    fs : float
        Rate in Hz that the found beats count in.

    Attributes
    ----------
    sample : ndarray of int64, shape (m,)
        Reference beats in samples of the found beats' rate.
    symbol, aami : ndarray of str, shape (m,)
        Their WFDB symbols and AAMI classes.
    """

    def __init__(self, annotations: Annotations | None, fs: float) -> None:
        self.sample: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.symbol: NDArray[np.str_] = np.empty(0, dtype="<U1")
        if annotations is not None:
            sample, self.symbol = annotations.beats()
            self.sample = np.round(sample * (fs / annotations.fs)).astype(np.int64)
        self.aami: NDArray[np.str_] = np.array([AAMI_OF[str(s)] for s in self.symbol], dtype="<U1")
        self._beats: list[int] = self.sample.tolist()
        self._tolerance = int(MATCH_S * fs + 1e-9)
        self._next = 0
        self._waiting: list[int] = []

    def push(self, r_peak: ArrayLike, *, last: bool = False) -> NDArray[np.int64]:
        """Take the next found beats and return the reference beats of those that are decided.

        Parameters
        ----------
        r_peak : array_like of int, shape (n,)
            The next found beats in samples, ascending over all calls.
        last : bool
            True if no more beats follow.

        Returns
        -------
        ndarray of int64
            For each decided beat, in order, the index of its reference beat, or -1. Over all calls there is one value
            per beat.
        """
        found = [*self._waiting, *np.asarray(r_peak, dtype=np.int64).tolist()]
        decided: list[int] = []
        for at, following in zip_longest(found, found[1:]):
            partner = self._partner(at, following, last=last)
            if partner is None:
                break
            decided.append(partner)
        self._waiting = found[len(decided) :]
        return np.array(decided, dtype=np.int64)

    def _partner(self, found: int, following: int | None, *, last: bool) -> int | None:
        """Return the reference beat of a found one, -1 if it has none, None if the next found beat must be known."""
        beats = self._beats
        while self._next < len(beats) and beats[self._next] <= found:
            i = self._next
            self._next += 1
            gap = found - beats[i]
            is_nearest = i + 1 == len(beats) or gap < abs(beats[i + 1] - found)
            if gap <= self._tolerance and is_nearest:
                return i
        if self._next == len(beats):
            return -1
        gap = beats[self._next] - found
        if gap > self._tolerance:
            return -1
        if following is None and not last:
            return None
        if following is None or gap < abs(beats[self._next] - following):
            self._next += 1
            return self._next - 1
        return -1
