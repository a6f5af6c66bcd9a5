"""What a network costs and what it is worth: variants by size, steps, 8-bit weights and pruning, in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.detection.compress import bytes_of, nonzero_of, operations_of, pruned, quantised
from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.lstm_forecaster import LSTMForecaster
from pipeline.detection.network import BeatNetwork
from pipeline.detection.reading import Shape
from pipeline.detection.training import TrainingSettings
from pipeline.evaluation.sheet import Sheet
from pipeline.learning.crossvalidation import RecordBeats, cross_validate, figures_of, in_context, shapes_by
from pipeline.learning.side_by_side import cores
from pipeline.records import Record

__all__ = ["FIGURES", "SHIPPED_NAME", "CostRow", "cost_sheet", "measure_cost"]

FIGURES = ("macro.auroc", "macro.auprc", "pooled.auroc", "pooled.auprc")
SHIPPED_NAME = "as shipped: 40 units, 20 steps"
WINDOWS = 4096  # beats that are timed
REPEATS = 3

Smaller = Callable[[BeatNetwork], BeatNetwork]


@dataclass(frozen=True, slots=True)
class CostRow:
    """One variant.

    Attributes
    ----------
    name : str
        What it is.
    parameters : int
        Weights that are not 0.
    bytes : int
        What they take.
    operations : int
        Multiplications with addition for one beat: what its energy grows with.
    per_s : float
        Beats a second through the network, on one thread, in blocks as a monitor runs them; NaN without a network.
    figures : dict of str to float
        The ranking by the shape alone, see :mod:`pipeline.evaluation.ranking`.
    """

    name: str
    parameters: int
    bytes: int
    operations: int
    per_s: float
    figures: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Trained:
    name: str
    kind: str
    shape: Shape
    seed: int = 0


TRAINED = (
    _Trained(SHIPPED_NAME, LSTMAutoencoder.kind, Shape()),
    _Trained("the same, another seed", LSTMAutoencoder.kind, Shape(), seed=1),
    _Trained("10 units", LSTMAutoencoder.kind, Shape(hidden=10)),
    _Trained("20 units", LSTMAutoencoder.kind, Shape(hidden=20)),
    _Trained("80 units", LSTMAutoencoder.kind, Shape(hidden=80)),
    _Trained("10 steps of 44 ms", LSTMAutoencoder.kind, Shape(step=8)),
    _Trained("40 steps of 11 ms", LSTMAutoencoder.kind, Shape(step=2)),
    _Trained("forecaster, 60 units", LSTMForecaster.kind, Shape(hidden=60, latent=0)),
)
MADE_SMALLER: dict[str, Smaller] = {
    "as shipped, 8-bit weights": quantised,
    "as shipped, half of the weights left out": lambda network: pruned(network, 0.5),
    "as shipped, 80 % of the weights left out": lambda network: pruned(network, 0.8),
}


def measure_cost(
    records: Sequence[Record],
    *,
    folds: int = 3,
    passes: int = 3,
    clock: Callable[[], float],
    progress: Callable[[str, float], None] | None = None,
) -> list[CostRow]:
    """Measure all variants.

    Each is trained in folds over the records and judged on the beats of records that it has not seen. What is made
    smaller is made so from the networks of the first variant, without training.

    Parameters
    ----------
    records : sequence of Record
        Annotated records, at least as many as folds.
    folds, passes : int
        Folds over the records, and passes over the beats in each.
    clock : callable
        Returns seconds, such as :func:`time.perf_counter`.
    progress : callable, optional
        Called with the variant under way and the share that is done.

    Raises
    ------
    ValueError
        If there are fewer records than folds, or too few beats to train on.
    """
    if len(records) < folds:
        raise ValueError(f"{len(records)} records are fewer than {folds} folds")
    parts = [in_context(record, Shape()) for record in records]
    untrained = LSTMAutoencoder()
    rows = [CostRow("no network: the templates alone", 0, 0, 0, float("nan"), _judged(parts, [_Silent(untrained)]))]
    todo = len(TRAINED) + len(MADE_SMALLER)
    for variant in TRAINED:
        if progress is not None:
            progress(variant.name, (len(rows) - 1) / todo)
        same = variant.shape.step == Shape().step
        read = parts if same else [part.read_by(variant.shape) for part in parts]
        how = TrainingSettings(epochs=passes, seed=variant.seed)
        _, fits = cross_validate(
            read, folds=folds, kind=variant.kind, shape=variant.shape, settings=how, workers=cores()
        )
        networks = [fit.network for fit in fits]
        rows.append(_row(variant.name, networks, read, clock, counted=networks[0]))
        if variant is TRAINED[0]:
            for name, smaller in MADE_SMALLER.items():
                made = [smaller(network) for network in networks]
                # 8-bit layers have packed their weights away: they do what the layers did that they were made from.
                counted = made[0] if nonzero_of(made[0]) else networks[0]
                rows.append(_row(name, made, read, clock, counted=counted))
    return rows


def cost_sheet(rows: Sequence[CostRow], title: str) -> Sheet:
    """Return the variants as a table."""
    return Sheet(
        title,
        ("", "kB", "k operations", "beats/s", "macro AUROC", "macro AUPRC", "pooled AUROC", "pooled AUPRC"),
        tuple(
            (
                row.name,
                f"{row.bytes / 1000:.1f}",
                f"{row.operations / 1000:,.0f}",
                f"{row.per_s:,.0f}" if row.per_s == row.per_s else "–",
                *(f"{row.figures[name]:.4f}".lstrip("0") for name in FIGURES),
            )
            for row in rows
        ),
    )


class _Silent(BeatNetwork):
    """A network that foresees nothing: what is left is the templates' own error."""

    kind = "silent"

    def __init__(self, like: BeatNetwork) -> None:
        super().__init__(like.shape)

    def frozen(self) -> Any:
        """Return a forward pass of zeros."""
        return self

    def run(self, residual: Any, condition: Any) -> Any:
        """Return zeros."""
        return np.zeros_like(residual)

    def forward(self, residual: Any, condition: Any) -> Any:
        """Return zeros."""
        return 0.0 * residual

    def layers(self, residual: Any, condition: Any) -> dict[str, Any]:
        """Return none."""
        return {}


def _row(
    name: str,
    networks: Sequence[BeatNetwork],
    parts: Sequence[RecordBeats],
    clock: Callable[[], float],
    *,
    counted: BeatNetwork,
) -> CostRow:
    network, forward = networks[0], networks[0].frozen()
    residual = np.concatenate([part.examples.residual for part in parts])[:WINDOWS]
    condition = np.concatenate([part.examples.condition for part in parts])[:WINDOWS]
    best = np.inf
    for _ in range(REPEATS):
        started = clock()
        forward.run(residual, condition)
        best = min(best, clock() - started)
    return CostRow(
        name=name,
        parameters=nonzero_of(counted),
        bytes=bytes_of(network),
        operations=operations_of(counted),
        per_s=len(residual) / best,
        figures=_judged(parts, networks),
    )


def _judged(parts: Sequence[RecordBeats], networks: Sequence[BeatNetwork]) -> dict[str, float]:
    """Return the figures of the shape alone, where network ``k`` rebuilds the records ``k``, ``k + n``, ...

    It has not seen those.
    """
    scores = {part.record.name: shapes_by(part, networks[i % len(networks)]).shape for i, part in enumerate(parts)}
    figures = figures_of(parts, scores)
    return {name: figures[name] for name in FIGURES}
