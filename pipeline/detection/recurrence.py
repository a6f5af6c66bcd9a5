"""LSTM layers compiled for scoring on one core: the cell of :mod:`pipeline.detection.cell`, and what torch computes.

Libraries are made for large batches; a monitor has one beat, or a few from many patients. Here a beat costs the same
alone as among thousands, and since every sum is taken in one order, with no fused products, it gets the same bits
beside any neighbours and on any number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit_helper

__all__ = ["LANES", "begin", "dense", "dense_weights", "layer_weights", "squash", "step", "zeros"]

Floats = NDArray[np.float32]

LANES = 16  # beats that go side by side at the most, always an even number: a weight that has been read serves all
TOGETHER = 4  # products that are summed before they are added; the rows of weights are filled up to a multiple


def _single(*values: float) -> tuple[Any, ...]:
    return tuple(np.float32(value) for value in values)


ONE, HALF, LARGEST = _single(1.0, 0.5, 9.0)
# tanh(x) = x P(x^2) / Q(x^2), fitted to an error of 2e-8 for |x| <= 9, where tanh is 1 to float32.
P0, P1, P2, P3, P4 = _single(9.999998963e-01, 1.336953570e-01, 3.482302749e-03, 2.040439602e-05, 1.309676502e-08)
Q1, Q2, Q3, Q4 = _single(4.670282911e-01, 2.582551662e-02, 3.264513591e-04, 7.665582929e-07)


def dense_weights(weights: Mapping[str, Floats], name: str) -> tuple[Floats, Floats]:
    """Return the matrix and the bias of a dense layer, the matrix as :func:`add_product` takes it."""
    return _laid_out(weights[f"{name}.weight"]), weights[f"{name}.bias"].copy()


def layer_weights(weights: Mapping[str, Floats], name: str) -> tuple[Floats, Floats, Floats]:
    """Return an LSTM's weights of input and hidden state and the sum of its biases, as :func:`step` takes them."""
    bias = weights[f"{name}.bias_ih_l0"] + weights[f"{name}.bias_hh_l0"]
    return _laid_out(weights[f"{name}.weight_ih_l0"]), _laid_out(weights[f"{name}.weight_hh_l0"]), bias


def _laid_out(matrix: Floats) -> Floats:
    # torch has (outputs, inputs); here it is (inputs, outputs), filled up with rows of zeros.
    return np.ascontiguousarray(np.pad(matrix.T, ((0, -matrix.shape[1] % TOGETHER), (0, 0))))


@jit_helper
def squash(x: Any) -> Any:
    """Return tanh(x) in float32; plain arithmetic, which processors do for many values at once."""
    x = min(max(x, -LARGEST), LARGEST)
    u = x * x
    return x * (P0 + u * (P1 + u * (P2 + u * (P3 + u * P4)))) / (ONE + u * (Q1 + u * (Q2 + u * (Q3 + u * Q4))))


@jit_helper
def _sigmoid(x: Any) -> Any:
    return HALF + HALF * squash(HALF * x)


@jit_helper
def add_product(total: Floats, x: Floats, weights: Floats) -> None:
    """Add ``x @ weights`` to a total: shapes (lanes, outputs), (lanes, inputs) and (inputs, outputs)."""
    for k in range(0, weights.shape[0], TOGETHER):
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for lane in range(0, total.shape[0], 2):
            a0, a1, a2, a3 = x[lane, k], x[lane, k + 1], x[lane, k + 2], x[lane, k + 3]
            b0, b1, b2, b3 = x[lane + 1, k], x[lane + 1, k + 1], x[lane + 1, k + 2], x[lane + 1, k + 3]
            first, second = total[lane], total[lane + 1]
            for j in range(total.shape[1]):
                c0, c1, c2, c3 = w0[j], w1[j], w2[j], w3[j]  # read before anything is written that might be the same
                first[j] += (a0 * c0 + a1 * c1) + (a2 * c2 + a3 * c3)
                second[j] += (b0 * c0 + b1 * c1) + (b2 * c2 + b3 * c3)


@jit_helper
def dense(out: Floats, x: Floats, weights: Floats, bias: Floats) -> None:
    """Write what a dense layer makes of ``x``: shapes (lanes, outputs), (lanes, inputs), and :func:`dense_weights`."""
    for lane in range(out.shape[0]):
        row = out[lane]
        for j in range(len(row)):
            row[j] = bias[j]
    add_product(out, x, weights)


@jit_helper
def zeros(lanes: int, columns: int) -> Floats:
    """Return room for so many lanes."""
    out = np.empty((lanes, columns), dtype=np.float32)
    for lane in range(lanes):
        for j in range(columns):
            out[lane, j] = 0.0
    return out


@jit_helper
def begin(cell: Floats, hidden: Floats) -> None:
    """Forget everything: shapes (lanes, units) and (lanes, units filled up)."""
    for lane in range(len(cell)):
        for j in range(cell.shape[1]):
            cell[lane, j] = 0.0
        for j in range(hidden.shape[1]):
            hidden[lane, j] = 0.0


@jit_helper
def step(
    x: Floats, of_input: Floats, of_hidden: Floats, bias: Floats, gates: Floats, cell: Floats, hidden: Floats
) -> None:
    """Take one step of a layer.

    Parameters
    ----------
    x : ndarray of float32, shape (lanes, inputs filled up)
        What is read.
    of_input, of_hidden : ndarray of float32
        Weights from :func:`layer_weights`; their columns are input gate, forget gate, candidate and output gate.
    bias : ndarray of float32, shape (4 * units,)
        The sum of both biases.
    gates : ndarray of float32, shape (lanes, 4 * units)
        Room.
    cell, hidden : ndarray of float32, shapes (lanes, units) and (lanes, units filled up)
        The carried state.
    """
    units = cell.shape[1]
    dense(gates, x, of_input, bias)
    add_product(gates, hidden, of_hidden)
    for lane in range(gates.shape[0]):
        c, h = cell[lane], hidden[lane]
        # Views that begin at 0: an index with an offset might be negative for all that the compiler knows.
        write, keep = gates[lane, :units], gates[lane, units : 2 * units]
        candidate, show = gates[lane, 2 * units : 3 * units], gates[lane, 3 * units :]
        for j in range(units):
            a, b, d, e, old = write[j], keep[j], candidate[j], show[j], c[j]
            new = _sigmoid(b) * old + _sigmoid(a) * squash(d)
            c[j] = new
            h[j] = _sigmoid(e) * squash(new)
