"""The EC57 view: ventricular and supraventricular ectopic beats, counted as ``bxb`` counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.beats import JudgedBeats
from pipeline.records import KINDS

__all__ = ["Ectopics", "confusion", "ectopics"]

REFERENCE = ("N", "S", "V", "F", "Q", "O")  # O: a detection that belongs to no beat
MISSED = len(KINDS)


@dataclass(frozen=True, slots=True, eq=False)
class Ectopics:
    """Sensitivity and positive predictivity for ectopic beats (ANSI/AAMI EC57:2012, 4.3.3.2).

    Attributes
    ----------
    veb_se, veb_ppv : float
        Ventricular ectopic beats. Labelling a fusion beat or an unclassifiable one ventricular is no error of +P.
    sveb_se, sveb_ppv : float
        Supraventricular ectopic beats. Labelling an unclassifiable beat supraventricular is no error of +P.
    counts : ndarray of int64, shape (6, 5)
        Reference classes N, S, V, F, Q and O (false detection) against normal, ventricular, supraventricular, other
        and missed.
    """

    veb_se: float
    veb_ppv: float
    sveb_se: float
    sveb_ppv: float
    counts: NDArray[np.int64]


def confusion(beats: JudgedBeats) -> NDArray[np.int64]:
    """Return how often each reference class was given each kind, shape (6, 5)."""
    predicted = np.where(beats.missed, MISSED, beats.kind)
    counts = np.zeros((len(REFERENCE), len(KINDS) + 1), dtype=np.int64)
    rows = np.array([REFERENCE.index(str(letter)) for letter in beats.aami], dtype=np.int64)
    np.add.at(counts, (rows, predicted.astype(np.int64)), 1)
    return counts


def ectopics(records: Sequence[JudgedBeats]) -> Ectopics:
    """Add up the kinds of all records; NaN where there is nothing to divide by.

    The escape beats ``e`` and ``j`` stand with N, as everywhere in this protocol; ``bxb`` puts them with S.
    """
    counts = np.sum([confusion(beats) for beats in records], axis=0, dtype=np.int64).reshape(len(REFERENCE), -1)
    n, s, v, f, _, o = range(len(REFERENCE))
    ventricular, supraventricular = KINDS.index("ventricular"), KINDS.index("supraventricular")
    veb, sveb = int(counts[v, ventricular]), int(counts[s, supraventricular])
    return Ectopics(
        veb_se=_share(veb, int(counts[v].sum())),
        veb_ppv=_share(veb, int(counts[[n, s, v, o], ventricular].sum())),
        sveb_se=_share(sveb, int(counts[s].sum())),
        sveb_ppv=_share(sveb, int(counts[[n, s, v, f, o], supraventricular].sum())),
        counts=counts,
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
