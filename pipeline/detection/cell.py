"""One LSTM cell in the open: what each gate does, in plain numpy.

The equations are those of Hochreiter and Schmidhuber (1997, doi:10.1162/neco.1997.9.8.1735) with the forget gate of
Gers et al. (2000, doi:10.1162/089976600300015015), and the order of the weights is torch's. The networks learn
in torch and score in compiled loops, which are faster; this is what they compute.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CellWeights", "Gates", "run_cell", "step_cell", "worked_example"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Gates:
    """Everything that a cell computes in a step.

    Attributes
    ----------
    input, forget, output : ndarray, shape (..., hidden)
        Gates, from 0 (shut) to 1 (open): how much of the candidate is written, of the old cell state is kept, and of
        the new one is shown.
    candidate : ndarray, shape (..., hidden)
        What would be written, from -1 to 1.
    cell : ndarray, shape (..., hidden)
        The new cell state, which is the memory: ``forget * old cell + input * candidate``.
    hidden : ndarray, shape (..., hidden)
        What the cell shows: ``output * tanh(cell)``.
    """

    input: Floats
    forget: Floats
    output: Floats
    candidate: Floats
    cell: Floats
    hidden: Floats


@dataclass(frozen=True, slots=True, eq=False)
class CellWeights:
    """Weights of a cell; rows stand in torch's order: input gate, forget gate, candidate, output gate.

    Attributes
    ----------
    of_input : ndarray, shape (4 * hidden, inputs)
        What multiplies the input.
    of_hidden : ndarray, shape (4 * hidden, hidden)
        What multiplies the hidden state of the step before.
    bias : ndarray, shape (4 * hidden,)
        What is added.
    """

    of_input: Floats
    of_hidden: Floats
    bias: Floats

    @classmethod
    def of(cls, lstm: nn.LSTM) -> Self:
        """Take the weights of a layer of torch.

        Raises
        ------
        ValueError
            If it has more than one layer or direction, or a projection.
        """
        if lstm.num_layers != 1 or lstm.bidirectional or lstm.proj_size:
            raise ValueError(f"{lstm} is not one layer in one direction without projection")
        weights = {name: tensor.detach().numpy() for name, tensor in lstm.named_parameters()}
        bias = weights["bias_ih_l0"] + weights["bias_hh_l0"] if lstm.bias else np.zeros(4 * lstm.hidden_size)
        return cls(weights["weight_ih_l0"], weights["weight_hh_l0"], bias)


def step_cell(weights: CellWeights, x: Floats, hidden: Floats, cell: Floats) -> Gates:
    """Take one step.

    Parameters
    ----------
    weights : CellWeights
        The cell.
    x : ndarray, shape (..., inputs)
        What the cell reads.
    hidden, cell : ndarray, shape (..., hidden)
        What it showed and remembered after the step before; zeros before the first.
    """
    sums = x @ weights.of_input.T + hidden @ weights.of_hidden.T + weights.bias
    to_input, to_forget, to_candidate, to_output = np.split(sums, 4, axis=-1)
    i, f, o = _sigmoid(to_input), _sigmoid(to_forget), _sigmoid(to_output)
    g = np.tanh(to_candidate)
    c = f * cell + i * g
    return Gates(input=i, forget=f, output=o, candidate=g, cell=c, hidden=o * np.tanh(c))


def run_cell(weights: CellWeights, x: Floats) -> Gates:
    """Read sequences from beginning to end, from a state of zeros.

    Parameters
    ----------
    weights : CellWeights
        The cell.
    x : ndarray, shape (n, steps, inputs)
        Sequences.

    Returns
    -------
    Gates
        Each array of shape (n, steps, hidden).
    """
    size = weights.of_hidden.shape[1]
    hidden = cell = np.zeros((len(x), size), dtype=x.dtype)
    steps = []
    for t in range(x.shape[1]):
        steps.append(step_cell(weights, x[:, t], hidden, cell))
        hidden, cell = steps[-1].hidden, steps[-1].cell
    return Gates(*(np.stack([getattr(step, part.name) for step in steps], axis=1) for part in fields(Gates)))


def worked_example() -> Gates:
    """Return one step of a cell of one unit that can be followed with a pocket calculator.

    The input is 1, the last hidden state 0.5 and the last cell state 0.5. Each gate has the weights 1 and 2 and no
    bias, so its argument is 1 * 1 + 2 * 0.5 = 2; the candidate has 1 and 0, so its argument is 1.

    Examples
    --------
    >>> step = worked_example()
    >>> for name in ("input", "forget", "output", "candidate"):
    ...     print(f"{name:9} {getattr(step, name).item():.4f}")
    input     0.8808
    forget    0.8808
    output    0.8808
    candidate 0.7616

    The cell keeps 0.8808 * 0.5 and writes 0.8808 * 0.7616, then shows 0.8808 * tanh(1.1112):

    >>> print(f"cell {step.cell.item():.4f}, hidden {step.hidden.item():.4f}")
    cell 1.1112, hidden 0.7086
    """
    weights = CellWeights(
        of_input=np.array([[1.0], [1.0], [1.0], [1.0]]),
        of_hidden=np.array([[2.0], [2.0], [0.0], [2.0]]),
        bias=np.zeros(4),
    )
    return step_cell(weights, np.array([1.0]), hidden=np.array([0.5]), cell=np.array([0.5]))


def _sigmoid(x: Floats) -> Floats:
    # Through tanh, which neither overflows nor loses precision on either side.
    half: Floats = np.asarray(0.5, dtype=x.dtype) * (1 + np.tanh(np.asarray(0.5, dtype=x.dtype) * x))
    return half
