"""Whether a declared false-alarm rate holds: the realised rate of p-values on normal beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
    per_record : dict of str to float
        The rate of each record that has normal beats.
    """

    declared: float
    realised: float
    share_within_2x: float
    worst: float
    worst_record: str
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
    p_values = {}
    for beats in sorted(records, key=lambda beats: beats.record):
        values = beats.p_value[beats.normal]
        values = values[~np.isnan(values)]
        if len(values):
            p_values[beats.record] = values
    if not p_values:
        raise ValueError("calibration needs p-values of normal beats")
    return tuple(_at(rate, p_values) for rate in rates)


def _at(declared: float, p_values: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]) -> Calibration:
    if not 0 < declared < 1:
        raise ValueError(f"a declared rate lies between 0 and 1, not {declared}")
    per_record = {name: float(np.mean(values <= declared)) for name, values in p_values.items()}
    realised = np.array(list(per_record.values()))
    within = (realised >= declared / 2) & (realised <= declared * 2)
    worst = max(per_record, key=lambda name: per_record[name])
    return Calibration(
        declared=declared,
        realised=float(np.mean(np.concatenate(list(p_values.values())) <= declared)),
        share_within_2x=float(within.mean()),
        worst=per_record[worst],
        worst_record=worst,
        per_record=per_record,
    )
