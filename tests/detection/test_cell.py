from __future__ import annotations

import doctest
from math import exp, tanh

import numpy as np
import pytest
import torch

from pipeline.detection import cell
from pipeline.detection.cell import CellWeights, run_cell, step_cell, worked_example
from pipeline.detection.model import BeatModel


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("bias", [True, False])
def test_the_open_cell_is_torchs_lstm(dtype: torch.dtype, bias: bool) -> None:
    torch.manual_seed(1)
    lstm = torch.nn.LSTM(5, 7, batch_first=True, bias=bias, dtype=dtype)
    x = 2.0 * torch.randn(11, 30, 5, dtype=dtype)
    shown, (last_hidden, last_cell) = lstm(x)
    gates = run_cell(CellWeights.of(lstm), x.numpy())
    np.testing.assert_allclose(gates.hidden, shown.detach().numpy(), rtol=0, atol=1e-6)
    np.testing.assert_allclose(gates.hidden[:, -1], last_hidden[0].detach().numpy(), rtol=0, atol=1e-6)
    np.testing.assert_allclose(gates.cell[:, -1], last_cell[0].detach().numpy(), rtol=0, atol=1e-6)


def test_the_shipped_encoder_is_the_open_cell(model: BeatModel) -> None:
    encoder = model.network.get_submodule("encoder")
    assert isinstance(encoder, torch.nn.LSTM)
    x = np.random.default_rng(0).normal(size=(4, 20, encoder.input_size)).astype(np.float32)
    shown = encoder(torch.from_numpy(x))[0].detach().numpy()
    np.testing.assert_allclose(run_cell(CellWeights.of(encoder), x).hidden, shown, rtol=0, atol=1e-6)


def test_the_worked_example_is_right_number_by_number() -> None:
    step = worked_example()
    gate = 1 / (1 + exp(-2.0))  # sigma of 1 * 1 + 2 * 0.5, which is 2
    memory = gate * 0.5 + gate * tanh(1.0)
    assert [step.input.item(), step.forget.item(), step.output.item()] == pytest.approx([gate] * 3)
    assert gate == pytest.approx(0.88, abs=0.005)
    assert step.candidate.item() == pytest.approx(0.76, abs=0.005)
    assert step.cell.item() == pytest.approx(memory)
    assert step.hidden.item() == pytest.approx(gate * tanh(memory))
    assert doctest.testmod(cell).failed == 0


def test_an_open_forget_gate_and_a_shut_input_gate_keep_the_memory_for_ever() -> None:
    weights = CellWeights(np.zeros((4, 1)), np.zeros((4, 1)), np.array([-40.0, 40.0, 1.0, 40.0]))
    memory, hidden = np.array([0.7]), np.array([0.0])
    for _ in range(1000):
        step = step_cell(weights, np.array([3.0]), hidden, memory)
        hidden, memory = step.hidden, step.cell
    assert memory.item() == pytest.approx(0.7)


def test_a_layer_that_is_no_single_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="one layer"):
        CellWeights.of(torch.nn.LSTM(2, 2, num_layers=2))
