from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipeline.detection.lstm_forecaster import AHEAD, LSTMForecaster


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
    before, after = network.run(residual, condition), network.run(changed, condition)
    first = step + AHEAD
    np.testing.assert_array_equal(before[:, :first], after[:, :first])
    assert (before[:, first : first + 1] != after[:, first : first + 1]).all()


def test_what_is_foretold_of_a_strange_beat_does_not_grow_with_its_strangeness(
    beats: tuple[LSTMForecaster, NDArray[np.float32], NDArray[np.float32]],
) -> None:
    network, residual, condition = beats
    strange = np.float32(10.0) * np.sign(residual)
    np.testing.assert_array_equal(network.run(strange, condition), network.run(np.float32(2.0) * strange, condition))
