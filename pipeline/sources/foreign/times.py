"""Where samples lie in time: holes, and what came twice or late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layout", "lay_out"]

_NEAR = 0.02  # share of a data record by which its time may be off


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Data records of equal length on a line of time.

    Attributes
    ----------
    start_s : ndarray of float64, shape (records,)
        When each begins, in s from the first one's beginning; never before the one before has ended.
    duration_s : float
        Length of one.
    origin_s : float
        The time that the first one carries.
    holes, backward : int
        Holes between them, and records that begin before the one before has ended.
    missing_s : float
        Length of all holes.
    """

    start_s: NDArray[np.float64]
    duration_s: float
    origin_s: float
    holes: int
    backward: int
    missing_s: float

    def positions(self, per_record: int) -> tuple[NDArray[np.int64], int]:
        """Return where each data record begins, in samples of a signal with so many in one, and where the last ends."""
        begin = np.round(self.start_s / self.duration_s * per_record).astype(np.int64)
        steps = np.where(self._gaps(), np.maximum(np.diff(begin), per_record), per_record)
        first = np.concatenate([np.zeros(1, np.int64), np.cumsum(steps)])
        return first, int(first[-1]) + per_record

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield stretches of data records without a hole, as (first, one past the last)."""
        edges = [0, *(np.flatnonzero(self._gaps()) + 1).tolist(), len(self.start_s)]
        yield from pairwise(edges)

    def _gaps(self) -> NDArray[np.bool_]:
        return np.diff(self.start_s) > self.duration_s * (1 + _NEAR)


def lay_out(onsets_s: NDArray[np.float64], duration_s: float) -> Layout:
    """Place data records by the times that they carry.

    A time that is off by less than a fiftieth of a record is a rounded one. A record that begins before the one before
    has ended follows it at once, and those after it keep their distance.

    Parameters
    ----------
    onsets_s : ndarray of float64, shape (records,)
        In s.
    duration_s : float
        Length of one in s.
    """
    steps = np.diff(onsets_s)
    is_hole = steps > duration_s * (1 + _NEAR)
    is_back = steps < duration_s * (1 - _NEAR)
    placed = np.where(is_hole, steps, duration_s)
    start = np.concatenate([[0.0], np.cumsum(placed)])
    missing = float((placed - duration_s)[is_hole].sum())
    return Layout(start, duration_s, float(onsets_s[0]), int(is_hole.sum()), int(is_back.sum()), missing)
