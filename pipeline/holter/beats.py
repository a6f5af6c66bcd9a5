"""The beats of a whole record in columns, as a summary counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import AAMI_OF, Annotations
from pipeline.records import KINDS, RHYTHMS, Findings, Gap

__all__ = ["HolterBeats", "found_beats", "reference_beats"]

_CLASS = {"normal": "N", "ventricular": "V", "supraventricular": "S", "other": "Q"}


@dataclass(frozen=True, slots=True, eq=False)
class HolterBeats:
    """Beats in time order.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n,)
        R peaks in s from the record's start.
    rr_s : ndarray of float64, shape (n,)
        Interval to the beat before in s; NaN for the first beat and where signal was missing in between.
    kind : ndarray of str, shape (n,)
        ``N``, ``S``, ``V``, or ``Q`` for what is none of these.
    fibrillation : ndarray of bool, shape (n,), or None
        Whether the rhythm after each beat is atrial fibrillation; None where nobody told rhythms.
    """

    time_s: NDArray[np.float64]
    rr_s: NDArray[np.float64]
    kind: NDArray[np.str_]
    fibrillation: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def nn_s(self) -> NDArray[np.float64]:
        """Intervals between two normal beats that follow each other, in s; NaN elsewhere, shape (n,)."""
        normal = self.kind == "N"
        both = normal & np.concatenate([[False], normal[:-1]])
        return np.where(both, self.rr_s, np.nan)

    @property
    def in_fibrillation(self) -> NDArray[np.bool_]:
        """Whether the interval that ends at each beat has atrial fibrillation at both of its ends, shape (n,)."""
        if self.fibrillation is None:
            return np.zeros(len(self), dtype=np.bool_)
        return np.asarray(self.fibrillation & np.concatenate([[False], self.fibrillation[:-1]]), dtype=np.bool_)


def found_beats(parts: Sequence[Findings], gaps: Sequence[Gap]) -> HolterBeats:
    """Return the beats that were found, with what each verdict calls them: what is not flagged is ``N``."""
    time_s = np.concatenate([part.time_s for part in parts]) if parts else np.empty(0)
    flagged = np.concatenate([part.is_anomaly for part in parts]) if parts else np.empty(0, dtype=np.bool_)
    kinds = np.concatenate([part.kind for part in parts]) if parts else np.empty(0, dtype=np.uint8)
    named = np.array([_CLASS[name] for name in KINDS])[kinds]
    # A flagged beat that looks normal is strange in another way.
    kind = np.where(flagged, np.where(named == "N", "Q", named), "N")
    states = np.concatenate([part.state for part in parts]) if parts else np.empty(0, dtype=np.uint8)
    return HolterBeats(time_s, _intervals(time_s, gaps), kind, states == RHYTHMS.index("(AFIB"))


def reference_beats(annotations: Annotations, gaps: Sequence[Gap]) -> HolterBeats:
    """Return the annotated beats by their AAMI class; fusion beats (F) count as ventricular, as in EC57's VEB."""
    sample, symbol = annotations.beats()
    time_s = sample / annotations.fs
    classes = np.array([AAMI_OF[one] for one in symbol], dtype="U1")
    rhythms = annotations.rhythms()[annotations.is_beat()]
    fibrillation = rhythms == "(AFIB" if any(rhythms) else None
    return HolterBeats(time_s, _intervals(time_s, gaps), np.where(classes == "F", "V", classes), fibrillation)


def _intervals(time_s: NDArray[np.float64], gaps: Sequence[Gap]) -> NDArray[np.float64]:
    rr_s = np.diff(time_s, prepend=np.nan)
    for gap in gaps:
        # The first beat after the gap's beginning: its interval spans signal that was not there.
        after = int(np.searchsorted(time_s, gap.start_s))
        if after < len(rr_s):
            rr_s[after] = np.nan
    return rr_s
