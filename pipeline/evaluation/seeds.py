"""One record scored by several networks: beats and context are found once, and each network sees the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.model import BeatModel
from pipeline.detection.reading import LEADS
from pipeline.detection.scorer import Scorer
from pipeline.monitor import Monitor, Pending
from pipeline.records import Findings, Record

__all__ = ["score_by_seeds"]


def score_by_seeds(
    record: Record, models: Sequence[BeatModel], **settings: Any
) -> tuple[Findings, list[NDArray[np.float64]]]:
    """Score a record with the first model, and its beats with the others as well.

    The context learns from the beats and never from a score, so it is the same for all. Verdicts and alarms follow the
    first model.

    Parameters
    ----------
    record : Record
        What to score.
    models : sequence of BeatModel
        Networks, of other seeds or other kinds.
    **settings
        As :class:`pipeline.Monitor` takes them.

    Returns
    -------
    findings : Findings
        What a :class:`pipeline.Monitor` of the first model finds.
    other_scores : list of ndarray of float64, each of shape (n,)
        Scores of the same beats by each of the other models.

    Raises
    ------
    PipelineError
        If the record cannot be read.
    """
    monitor = _SeedMonitor(models, min(len(record.leads), LEADS), **settings)
    findings = Findings.concatenate(list(monitor.stream(record)))
    return findings, [np.concatenate(scores) for scores in monitor.other_scores]


class _SeedMonitor(Monitor):
    """A monitor whose beats other networks score as well, once the monitor has found and prepared them."""

    def __init__(self, models: Sequence[BeatModel], n_leads: int, **settings: Any) -> None:
        first, *others = models
        super().__init__(first, **settings)
        self._others = [Scorer(model, n_leads) for model in others]
        self.other_scores: list[list[NDArray[np.float64]]] = [[] for _ in others]

    def complete(self, pending: Pending, rebuilt: NDArray[np.float32]) -> Findings:
        """Turn what the networks rebuilt into scores; the first one's become findings."""
        for scorer, scores in zip(self._others, self.other_scores, strict=True):
            is_same = scorer.model.shape.step == self.model.shape.step
            prepared = pending.prepared if is_same else scorer.read(pending.prepared.beats)
            theirs = scorer.model.forward.run(prepared.residual, prepared.condition)
            scores.append(scorer.finish(prepared, theirs).score)
        return super().complete(pending, rebuilt)
