"""What the sequence network is worth: beside none, and beside one that knows the last eight beats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.reading import Shape
from pipeline.detection.sequence.ectopy import SequenceBeats
from pipeline.detection.sequence.heads import STRANGENESS
from pipeline.detection.sequence.network import SequenceNetwork
from pipeline.detection.sequence.tokens import UNTIMELY, tokens_of
from pipeline.detection.sequence.training import SequenceSettings, train_sequence
from pipeline.detection.sequence.window_network import WINDOW, WindowNetwork, log_odds
from pipeline.detection.training import TrainingSettings
from pipeline.evaluation.ranking import Ranking, difference, ranking
from pipeline.evaluation.sheet import Sheet
from pipeline.learning.crossvalidation import RecordBeats, cross_validate, in_context, judged_by
from pipeline.learning.sequences import sequence_beats
from pipeline.learning.side_by_side import Progress, cores, side_by_side
from pipeline.records import Record

__all__ = ["FIGURES", "WorthRow", "measure_worth", "worth_sheet"]

FIGURES = ("macro.auroc", "macro.auprc", "pooled.auroc", "pooled.auprc", "S.auroc", "V.auroc")
NO_NETWORK = "shape and timing alone: no sequence network"
FEED_FORWARD = f"feed-forward network over the last {WINDOW} beats"
LSTM = "LSTM over all beats, as shipped"
REPLICATES = 1000


@dataclass(frozen=True, slots=True)
class WorthRow:
    """One way to read the sequence: its figures, and how far they are above those of the way without memory."""

    name: str
    figures: dict[str, float]
    above: dict[str, tuple[float, float, float]]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def measure_worth(
    records: Sequence[Record],
    *,
    folds: int = 3,
    one_class: bool = True,
    settings: SequenceSettings | None = None,
    how: TrainingSettings | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> list[WorthRow]:
    """Train each network in folds over the records, and judge it on the beats of records that it has not seen.

    Parameters
    ----------
    records : sequence of Record
        Annotated records, at least as many as folds.
    folds : int
        Folds over the records.
    one_class : bool
        Whether labels tell which beats are normal in training, as for the shipped model.
    settings, how : SequenceSettings, TrainingSettings, optional
        How the sequence networks and the networks that rebuild beats are trained.
    progress : callable, optional
        Told the share that is done, and the loss that came last.

    Raises
    ------
    ValueError
        If there are fewer records than folds, or too few beats to train on.
    """
    if len(records) < folds:
        raise ValueError(f"{len(records)} records are fewer than {folds} folds")
    parts = [in_context(record, Shape()) for record in records]

    def share(start: float, stop: float) -> Callable[[float, float], None] | None:
        if progress is None:
            return None
        told = progress
        return lambda done, loss: told(start + (stop - start) * done, loss)

    shapes, _ = cross_validate(
        parts, folds=folds, kind=LSTMAutoencoder.kind, shape=Shape(), settings=how or TrainingSettings(epochs=3),
        one_class=one_class, workers=cores(), progress=share(0.0, 0.2),
    )  # fmt: skip
    beats = [sequence_beats(part, shapes[part.record.name], one_class=one_class) for part in parts]
    found: dict[str, list[NDArray[np.float64]]] = {NO_NETWORK: [_strangeness(one) for one in beats]}
    for name, network, limits in ((FEED_FORWARD, WindowNetwork, (0.2, 0.5)), (LSTM, SequenceNetwork, (0.5, 1.0))):
        found[name] = _cross_validated(beats, folds, network, settings, share(*limits))
    rankings = {name: _ranked(parts, scores) for name, scores in found.items()}
    return [
        WorthRow(name, {f: one.figures[f] for f in FIGURES}, _above(one, rankings[FEED_FORWARD]))
        for name, one in rankings.items()
    ]


def worth_sheet(rows: Sequence[WorthRow], title: str) -> Sheet:
    """Return the rows as a table: each figure, and the paired interval of what it is above the one without memory."""
    return Sheet(
        title,
        ("", *(name.replace(".", " ").replace("auroc", "AUROC").replace("auprc", "AUPRC") for name in FIGURES)),
        tuple((row.name, *(_told(row, figure) for figure in FIGURES)) for row in rows),
    )


def _told(row: WorthRow, figure: str) -> str:
    value = f"{row.figures[figure]:.4f}".lstrip("0")
    change, low, high = row.above[figure]
    return value if row.name == FEED_FORWARD else f"{value} ({change:+.4f}: {low:+.4f} to {high:+.4f})"


def _above(one: Ranking, other: Ranking) -> dict[str, tuple[float, float, float]]:
    return {name: value for name, value in difference(one, other).items() if name in FIGURES}


def _ranked(parts: Sequence[RecordBeats], scores: Sequence[NDArray[np.float64]]) -> Ranking:
    named = {part.record.name: score for part, score in zip(parts, scores, strict=True)}
    return ranking(judged_by(parts, named), n_boot=REPLICATES, seed=0)


def _tokens(beats: SequenceBeats) -> NDArray[np.float32]:
    return tokens_of(beats.rr, beats.shape, beats.p_wave, beats.noise)


def _strangeness(beats: SequenceBeats) -> NDArray[np.float64]:
    return np.asarray(STRANGENESS * (beats.shape + _tokens(beats)[:, UNTIMELY]), dtype=np.float64)


def _cross_validated(
    beats: Sequence[SequenceBeats],
    folds: int,
    network: type[SequenceNetwork],
    settings: SequenceSettings | None,
    progress: Callable[[float, float], None] | None,
) -> list[NDArray[np.float64]]:
    def fit_without(fold: int, report: Progress) -> dict[int, NDArray[np.float64]]:
        held_out = range(fold, len(beats), folds)
        fitted = train_sequence(
            [one for i, one in enumerate(beats) if i not in held_out],
            settings=settings,
            progress=report,
            network=network,
        )
        return {i: log_odds(fitted, _tokens(beats[i]), beats[i].shape) for i in held_out}

    jobs = [lambda report, fold=fold: fit_without(fold, report) for fold in range(folds)]
    done = side_by_side(jobs, workers=cores(), progress=progress)
    together = {i: odds for part in done for i, odds in part.items()}
    return [together[i] for i in range(len(beats))]
