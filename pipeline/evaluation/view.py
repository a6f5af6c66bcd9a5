"""All figures of one choice of records and beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.calibration import Calibration, calibration
from pipeline.evaluation.ec57 import Ectopics, ectopics
from pipeline.evaluation.operation import Operation, operation
from pipeline.evaluation.ranking import Ranking, difference, mean_over_seeds, ranking
from pipeline.evaluation.record import EvaluatedRecord

__all__ = ["View", "look"]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The figures of one choice of records and beats.

    Attributes
    ----------
    records : tuple of str
        The records, in order of their names.
    ranking : Ranking
        The detector's, averaged over its seeds.
    rivals : dict of str to Ranking
        Each rival's.
    difference : dict of str to dict of str to (difference, low, high)
        For each rival the detector's figures minus its own, with paired intervals.
    operation : Operation
        The verdicts of the first seed.
    calibration : tuple of Calibration
        Its p-values; empty if it gives none.
    ectopics : Ectopics
        Its kinds.
    """

    records: tuple[str, ...]
    ranking: Ranking
    rivals: dict[str, Ranking]
    difference: dict[str, dict[str, tuple[float, float, float]]]
    operation: Operation
    calibration: tuple[Calibration, ...]
    ectopics: Ectopics


def look(records: Sequence[EvaluatedRecord], *, seed: int = 0, n_boot: int = 1000) -> View:
    """Put the figures of some records together.

    Parameters
    ----------
    records : sequence of EvaluatedRecord
        At least one, and none that is paced.
    seed, n_boot : int
        Seed and replicates of the bootstrap.
    """
    n_seeds = min(len(record.seeds) for record in records)
    own = mean_over_seeds(
        [ranking([record.seeds[i] for record in records], n_boot=n_boot, seed=seed) for i in range(n_seeds)]
    )
    names = [name for name in records[0].rivals if all(name in record.rivals for record in records)]
    rivals = {name: ranking([record.rivals[name] for record in records], n_boot=n_boot, seed=seed) for name in names}
    beats = [record.beats for record in records]
    has_p_values = any(np.isfinite(b.p_value[b.normal]).any() for b in beats)
    return View(
        records=own.records,
        ranking=own,
        rivals=rivals,
        difference={name: difference(own, rival) for name, rival in rivals.items()},
        operation=operation(beats),
        calibration=calibration(beats) if has_p_values else (),
        ectopics=ectopics(beats),
    )
