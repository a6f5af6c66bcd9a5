"""Whether a declared false-alarm rate holds: the realised rate of p-values on normal beats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.promise import doubt
from pipeline.evaluation.beats import JudgedBeats
from pipeline.evaluation.protocol import RATES

__all__ = ["Calibration", "calibration"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Realised against declared false-alarm rate.

    Attributes
    ----------
    declared : float
        Declared rate per normal beat.
    realised : float
        Share of the normal beats of all records with a p-value at or below it.
    share_within_2x : float
        Share of the records whose own rate lies within half and twice the declared one, ends included.
    worst : float
        The highest rate of a record.
    worst_record : str
        Its name.
    promised : float
        Share of the records to which the rate is promised, see :mod:`pipeline.detection.promise`.
    kept : float
        Share of these in which at most twice the declared rate was realised; NaN where it is promised to none.
    per_record : dict of str to float
        The rate of each record that has normal beats.
    """

    declared: float
    realised: float
    share_within_2x: float
    worst: float
    worst_record: str
    promised: float
    kept: float
    per_record: dict[str, float]

    @property
    def ratio(self) -> float:
        """Realised over declared."""
        return self.realised / self.declared


def calibration(records: Sequence[JudgedBeats], rates: Sequence[float] = RATES) -> tuple[Calibration, ...]:
    """Measure the realised false-alarm rate at each declared one; beats without a p-value are left out.

    Raises
    ------
    ValueError
        If no record has a normal beat with a p-value, or a rate is no probability.
    """
    p_values, judged = {}, {}
    for beats in sorted(records, key=lambda beats: beats.record):
        values = beats.p_value[beats.normal]
        values = values[~np.isnan(values)]
        if len(values):
            p_values[beats.record] = values
            judged[beats.record] = beats
    if not p_values:
        raise ValueError("calibration needs p-values of normal beats")
    return tuple(_at(rate, p_values, judged) for rate in rates)


def _at(declared: float, p_values: dict[str, NDArray[np.float64]], judged: dict[str, JudgedBeats]) -> Calibration:
    if not 0 < declared < 1:
        raise ValueError(f"a declared rate lies between 0 and 1, not {declared}")
    per_record = {name: float(np.mean(values <= declared)) for name, values in p_values.items()}
    realised = np.array(list(per_record.values()))
    within = (realised >= declared / 2) & (realised <= declared * 2)
    promised = np.array([_is_promised(judged[name], declared) for name in per_record])
    worst = max(per_record, key=lambda name: per_record[name])
    return Calibration(
        declared=declared,
        realised=float(np.mean(np.concatenate(list(p_values.values())) <= declared)),
        share_within_2x=float(within.mean()),
        worst=per_record[worst],
        worst_record=worst,
        promised=float(promised.mean()),
        kept=float(np.mean(realised[promised] <= 2 * declared)) if promised.any() else math.nan,
        per_record=per_record,
    )


def _is_promised(beats: JudgedBeats, declared: float) -> bool:
    values = beats.p_value[~beats.missed]
    values = values[~np.isnan(values)]
    return doubt(len(values), int((values <= declared).sum()), moved=beats.moved) is None
