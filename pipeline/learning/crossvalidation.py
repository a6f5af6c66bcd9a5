"""Records' beats in context, networks that learn from some of them and rebuild the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import aami_class
from pipeline.detection.context import Context
from pipeline.detection.contextual import ContextualBeats
from pipeline.detection.network import BeatNetwork
from pipeline.detection.reading import Shape, inputs
from pipeline.detection.score_parts import ScoreParts, take_apart
from pipeline.detection.training import Examples, Fit, TrainingSettings, train
from pipeline.evaluation.beats import JudgedBeats, judge
from pipeline.evaluation.matching import match_beats
from pipeline.evaluation.ranking import ranking
from pipeline.learning.side_by_side import Progress, side_by_side
from pipeline.records import Record
from pipeline.signals.beats import BeatFinder
from pipeline.signals.resample import FS

__all__ = ["RecordBeats", "cross_validate", "figures_of", "in_context", "judged_by", "learnable", "shapes_by"]


@dataclass(frozen=True, slots=True, eq=False)
class RecordBeats:
    """One record's beats in context, with what the annotations say of them.

    Attributes
    ----------
    record : Record
        Where they come from.
    beats : ContextualBeats
        All of its beats, in order.
    examples : Examples
        What a network of one shape reads of them.
    r_peak : ndarray of int64, shape (n,)
        R peaks in samples of the record.
    scorable : ndarray of bool, shape (n,)
        False for the beats before the first template stood.
    aami : ndarray of str, shape (n,), or None
        AAMI class of each beat, "" for none; None if nobody annotated the record.
    """

    record: Record
    beats: ContextualBeats
    examples: Examples
    r_peak: NDArray[np.int64]
    scorable: NDArray[np.bool_]
    aami: NDArray[np.str_] | None

    def read_by(self, shape: Shape) -> RecordBeats:
        """Return the same with the examples of a network of another shape."""
        return replace(self, examples=Examples(*inputs(self.beats, shape)))


def in_context(record: Record, shape: Shape) -> RecordBeats:
    """Find a record's beats and set them against their patient's context, as a monitor does.

    Raises
    ------
    SourceError
        If the record cannot be read.
    """
    finder, context = BeatFinder(record.fs, len(record.leads)), Context(len(record.leads))
    parts, peaks = [], []
    for chunk in record.chunks():
        beats = finder.process(chunk.signal)
        parts.append(context.advance(beats.sample / FS, beats.window, beats.present, beats.broken))
        peaks.append(beats.r_peak)
    joined = ContextualBeats(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ContextualBeats.__slots__)
    )
    r_peak = np.concatenate(peaks)
    examples = Examples(*inputs(joined, shape))
    return RecordBeats(record, joined, examples, r_peak, joined.member >= 0, _aami(record, r_peak))


def cross_validate(
    parts: Sequence[RecordBeats],
    *,
    folds: int,
    kind: str,
    shape: Shape | None = None,
    settings: TrainingSettings | None = None,
    one_class: bool = False,
    workers: int = 1,
    progress: Callable[[float, float], None] | None = None,
    keep: Path | None = None,
) -> tuple[dict[str, ScoreParts], list[Fit]]:
    """Rebuild each record's beats by a network that has learnt from the others.

    Parameters
    ----------
    parts : sequence of RecordBeats
        The records, with the examples of the shape that is trained.
    folds : int
        Groups that the records are dealt out to; each is scored by a network trained on the other groups.
    kind, shape, settings
        As :func:`pipeline.detection.training.train` takes them.
    one_class : bool
        If True, only beats that are annotated as normal are learnt.
    workers : int
        Trainings at once; their number changes no bit.
    progress : callable, optional
        Told the share of the trainings that is done, and the loss that came last.
    keep : Path, optional
        Folder of the checkpoints.

    Returns
    -------
    shapes : dict of str to ScoreParts
        By record: what the sequence network reads.
    fits : list of Fit
        A network for each fold: that of fold ``k`` has not seen the records ``k``, ``k + folds``, ...
    """
    learnt = [learnable(part, one_class) for part in parts]

    def fit_without(fold: int, report: Progress) -> tuple[Fit, dict[str, ScoreParts]]:
        held_out = range(fold, len(parts), folds)
        fit = train(
            [learnt[i] for i in range(len(parts)) if i not in held_out],
            [learnt[i] for i in held_out],
            kind=kind,
            shape=shape,
            settings=settings,
            progress=report,
            checkpoint=None if keep is None else keep / f"fold{fold}.safetensors",
        )
        return fit, {parts[i].record.name: shapes_by(parts[i], fit.network) for i in held_out}

    jobs = [partial(fit_without, fold) for fold in range(folds)]
    done = side_by_side(jobs, workers=workers, progress=progress)
    return {name: found for _, shapes in done for name, found in shapes.items()}, [fit for fit, _ in done]


def _aami(record: Record, r_peak: NDArray[np.int64]) -> NDArray[np.str_] | None:
    annotations = record.annotations()
    if annotations is None:
        return None
    sample, symbol = annotations.beats()
    pairs = match_beats(sample, r_peak, record.fs, leave_out=annotations.flutter(), start_s=0.0)
    out = np.full(len(r_peak), "", dtype="U1")
    out[pairs.detection] = [aami_class(s) or "" for s in symbol[pairs.reference]]
    return out


def learnable(part: RecordBeats, one_class: bool = False) -> Examples:
    """Return the beats that a training takes: those that have a score, or the annotated normal ones of them."""
    keep = part.scorable
    if one_class and part.aami is not None:
        keep = keep & (part.aami == "N")
    return Examples(part.examples.residual[keep], part.examples.condition[keep])


def shapes_by(part: RecordBeats, network: BeatNetwork) -> ScoreParts:
    """Return how far the shapes of a record's beats are from what a network makes of them."""
    rebuilt = network.frozen().run(part.examples.residual, part.examples.condition)
    return take_apart(part.beats, part.examples.residual, rebuilt)


def judged_by(parts: Sequence[RecordBeats], scores: Mapping[str, NDArray[np.float64]]) -> list[JudgedBeats]:
    """Return the beats of the annotated records among ``parts`` beside their labels, with the scores that they got."""
    judged = []
    for part in parts:
        annotations = part.record.annotations()
        if annotations is None:
            continue
        columns = {"score": scores[part.record.name]}
        fs, length = part.record.fs, part.record.n_samples
        judged.append(judge(part.record.name, annotations, part.r_peak, columns, fs=fs, n_samples=length))
    return judged


def figures_of(parts: Sequence[RecordBeats], scores: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Return the ranking of the annotated records' beats by their scores, see :mod:`pipeline.evaluation.ranking`."""
    judged = judged_by(parts, scores)
    if not judged:
        return {}
    figures = ranking(judged, n_boot=200, seed=0)
    return {name: round(value, 4) for name, value in figures.figures.items()}
