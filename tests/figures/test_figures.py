from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipeline import BeatModel, Findings
from pipeline.detection.cell import CellWeights, Gates, run_cell
from pipeline.detection.context import QRS
from pipeline.detection.gates import beat_gates
from pipeline.detection.memory import LAYERS, remember_first
from pipeline.evaluation import RIVALS, evaluate, evaluate_record
from pipeline.explain.witness import Witness
from pipeline.figures import (
    draw_beats,
    draw_cell_steps,
    draw_explanation,
    draw_gates,
    draw_losses,
    draw_memory,
    draw_ranking,
    draw_records,
    draw_residuals,
    draw_scores,
    draw_signal,
    draw_stages,
    draw_template,
    draw_thresholds,
)
from pipeline.learning.crossvalidation import in_context
from pipeline.records import Drift
from pipeline.sources.synthetic import SyntheticRecord, demo_ward, synthesise

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Played:
    """A synthetic record of seven minutes, scored, with all that figures are drawn from."""

    def __init__(self, model: BeatModel) -> None:
        self.model = model
        self.record: SyntheticRecord = synthesise(
            demo_ward(420.0)["synth/ventricular"], name="synth/ventricular", seconds=420.0, seed=3, fs=180.0
        )
        self.witness = Witness(model)
        self.findings = Findings.concatenate(list(self.witness.stream(self.record)))
        self.context = in_context(self.record, model.shape)
        self.strange = int(np.nanargmax(self.findings.score))


@pytest.fixture(scope="module")
def played(model: BeatModel) -> Played:
    return Played(model)


def one(gates: Gates, k: int) -> Gates:
    return Gates(gates.input[k], gates.forget[k], gates.output[k], gates.candidate[k], gates.cell[k], gates.hidden[k])


def of_the_lstm(p: Played) -> Iterator[Figure]:
    weights = CellWeights(np.ones((4, 1)), np.zeros((4, 1)), np.zeros(4))
    gates = one(run_cell(weights, np.zeros((1, 5, 1))), 0)
    unit = Gates(*(getattr(gates, name)[:, 0] for name in Gates.__slots__))
    yield draw_cell_steps(unit, np.zeros(5), title="one unit")
    learnt = {kind: remember_first(kind, steps=5, training=3) for kind in LAYERS}
    yield draw_memory(learnt, title="a toy", step="steps", task="cross-entropy (nats)")
    examples, shape = p.context.examples, p.model.shape
    encoder = beat_gates(p.model.network, examples.residual[40:42], examples.condition[40:42])["encoder"]
    yield draw_gates(
        {"one": one(encoder, 0), "other": one(encoder, 1)},
        [p.findings.window[i, :, 0] for i in (40, 41)],
        time_ms=np.arange(shape.steps) * 22.0,
        window_ms=np.arange(110) * 5.6,
        lead="MLII",
    )
    fold = {"training": [1.2, 1.0], "held_out": [1.3, 1.1]}
    facts = {"folds": [fold] * 5, "training_loss": [1.2, 1.0], "passes": 2, "kind": "forecaster", "parameters": 3}
    yield draw_losses(facts | {"beats": 10})


def of_a_record(p: Played) -> Iterator[Figure]:
    yield draw_signal(next(p.record.chunks(20.0)), p.findings, symbols=[(3.0, "N")])
    signal = next(p.record.chunks(8.0)).signal
    yield draw_stages(signal, p.record.fs, p.record.leads, start_s=0.0)
    yield draw_template(p.context.beats, p.context.beats.near, p.record.leads)
    residual = p.context.beats.residual[60, 0, QRS]
    yield draw_residuals({"one": residual}, {"one": 0 * residual}, "MLII")
    yield draw_scores(p.findings)
    yield draw_scores(p.findings, start_s=60.0, stop_s=120.0)
    yield draw_beats([("a beat", p.findings, 60)] * 5)
    yield draw_explanation(p.witness.explain(int(p.findings.beat[p.strange])))


def of_an_evaluation(p: Played) -> Iterator[Figure]:
    annotations = p.record.annotations()
    rivals = {"prematurity": RIVALS["prematurity"]}
    measured = evaluate_record(p.findings, annotations, n_samples=p.record.n_samples, rivals=rivals)
    view = evaluate([measured], n_boot=20).strict
    yield draw_ranking(view)
    yield draw_records(view, declared=0.01)
    drift = Drift(p.record.name, 60, 60.0, 0.0, 1.0, "noted")
    findings = replace(p.findings, drifts=(drift,))
    yield draw_thresholds(findings, {"shipped": p.findings.threshold})
    yield draw_thresholds(findings, {"shipped": p.findings.threshold}, normal=~findings.is_anomaly)


def test_every_figure_has_units_and_a_legend_and_shows_itself_in_a_notebook(played: Played) -> None:
    figures = list(chain(of_the_lstm(played), of_a_record(played), of_an_evaluation(played)))
    assert len(figures) == 16
    for figure in figures:
        shown = figure._repr_png_()  # type: ignore[attr-defined]  # what a notebook asks for
        assert shown.startswith(b"\x89PNG")
        assert 9.0 <= figure.get_figwidth() <= 11.0  # the width of a page
        panels = [axes for axes in figure.axes if axes.get_visible() and axes.get_label() != "<colorbar>"]
        legends = figure.legends + [axes.get_legend() for axes in panels if axes.get_legend()]
        for part in figure.subfigs:
            legends += part.legends
        assert legends
        assert any(axes.get_xlabel() for axes in panels)
        assert any(axes.get_ylabel() for axes in panels) or any(axes.get_yticklabels() for axes in panels)
