from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipeline import BeatModel, Findings, Monitor
from pipeline.detection.compiled_forecaster import AHEAD
from pipeline.detection.lstm_forecaster import LSTMForecaster
from pipeline.detection.shipped import SHIPPED
from pipeline.errors import SnapshotError
from pipeline.sources.synthetic import demo_ward, synthesise


@pytest.fixture(scope="module")
def beats() -> tuple[LSTMForecaster, NDArray[np.float32], NDArray[np.float32]]:
    torch.manual_seed(0)
    network = LSTMForecaster().eval()
    s, rng = network.shape, np.random.default_rng(1)
    residual = rng.normal(size=(5, s.steps, s.channels)).astype(np.float32)
    return network, residual, rng.normal(size=(5, s.steps, s.conditions)).astype(np.float32)


@pytest.mark.parametrize("step", [0, 7, 19])
def test_a_step_is_foretold_from_the_steps_before_it_alone(
    beats: tuple[LSTMForecaster, NDArray[np.float32], NDArray[np.float32]], step: int
) -> None:
    network, residual, condition = beats
    changed = residual.copy()
    changed[:, step] += 1.0
    before, after = network.frozen().run(residual, condition), network.frozen().run(changed, condition)
    first = step + AHEAD
    np.testing.assert_array_equal(before[:, :first], after[:, :first])
    assert (before[:, first : first + 1] != after[:, first : first + 1]).all()


def test_what_is_foretold_of_a_strange_beat_does_not_grow_with_its_strangeness(
    beats: tuple[LSTMForecaster, NDArray[np.float32], NDArray[np.float32]],
) -> None:
    network, residual, condition = beats
    strange = np.float32(10.0) * np.sign(residual)
    np.testing.assert_array_equal(
        network.frozen().run(strange, condition), network.frozen().run(np.float32(2.0) * strange, condition)
    )


def test_a_monitor_of_the_forecaster_scores_the_same_in_any_chunks_and_from_a_snapshot() -> None:
    record = synthesise(demo_ward(90.0)["synth/ventricular"], name="synth/ventricular", seconds=90.0, seed=3)
    model = BeatModel.load(SHIPPED["forecaster"])
    whole = Findings.concatenate(list(Monitor(model).stream(record)))
    assert np.isfinite(whole.score).sum() > 50
    monitor, parts = Monitor(model), []
    for chunk in record.chunks(0.7):
        parts.append(monitor.process(chunk))
        resumed = Monitor(model)
        resumed.restore(monitor.snapshot())
        monitor = resumed
    cut = Findings.concatenate([*parts, monitor.finish()])
    for name in ("score", "threshold", "is_anomaly", "window", "expected"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name))


def test_a_snapshot_of_one_kind_is_refused_by_the_other(model: BeatModel) -> None:
    record = synthesise(demo_ward(60.0)["synth/sinus"], name="synth/sinus", seconds=60.0, seed=3)
    monitor = Monitor(BeatModel.load(SHIPPED["forecaster"]))
    monitor.process(next(record.chunks(10.0)))
    with pytest.raises(SnapshotError, match="another model"):
        Monitor(model).restore(monitor.snapshot())
