"""What the annotations say about each beat: its AAMI class, and whether the rhythm around it is a sinus rhythm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.annotations import AAMI_OF, SINUS_RHYTHMS, Annotations

__all__ = ["ReferenceBeats", "in_sinus_rhythm", "reference_beats"]


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceBeats:
    """The annotated beats of one record, all of them, in time order.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        R peaks in samples.
    symbol, aami : ndarray of str, shape (n,)
        WFDB symbol and AAMI class (``N``, ``S``, ``V``, ``F`` or ``Q``).
    sinus : ndarray of bool, shape (n,)
        False inside an annotated rhythm that is no sinus rhythm: a normal beat there is normal in the strict figures
        and set aside in the second set, since speaking up there is not wrong.
    """

    sample: NDArray[np.int64]
    symbol: NDArray[np.str_]
    aami: NDArray[np.str_]
    sinus: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.sample)


def reference_beats(annotations: Annotations) -> ReferenceBeats:
    """Return the beats of a record's annotations (ANSI/AAMI EC57:2012, table 2)."""
    sample, symbol = annotations.beats()
    return ReferenceBeats(
        sample=sample,
        symbol=symbol,
        aami=np.array([AAMI_OF[str(s)] for s in symbol], dtype=np.str_).reshape(-1).astype("<U1"),
        sinus=in_sinus_rhythm(sample, annotations),
    )


def in_sinus_rhythm(positions: ArrayLike, annotations: Annotations) -> NDArray[np.bool_]:
    """Return False where the rhythm in force at a position is annotated and no sinus rhythm.

    Parameters
    ----------
    positions : array_like of int, shape (n,)
        Positions in samples. Before the first rhythm label, and in a database without any, the rhythm counts as sinus.
    annotations : Annotations
        The record's annotations.
    """
    at = np.asarray(positions, dtype=np.int64)
    if not len(annotations.sample):
        return np.ones(at.shape, dtype=np.bool_)
    sinus = np.array([not rhythm or rhythm in SINUS_RHYTHMS for rhythm in annotations.rhythms()], dtype=np.bool_)
    latest = np.searchsorted(annotations.sample, at, side="right") - 1
    return np.where(latest < 0, True, sinus[np.maximum(latest, 0)])
