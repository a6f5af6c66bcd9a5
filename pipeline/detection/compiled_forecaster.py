"""The LSTM forecaster, compiled for scoring on one core."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.recurrence import LANES, begin, dense, dense_weights, layer_weights, step, zeros
from pipeline.jit import jit

__all__ = ["AHEAD", "SEEN", "CompiledForecaster"]

Floats = NDArray[np.float32]
AHEAD = 1  # steps from what is read last to what is foretold
SEEN = 3.0  # units of noise beyond which a residual that is read is cut off


class CompiledForecaster:
    """The forward pass of a :class:`pipeline.detection.lstm_forecaster.LSTMForecaster`.

    Parameters
    ----------
    weights : dict of ndarray of float32
        By the names that torch gives them.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._layer, self._readout = layer_weights(weights, "lstm"), dense_weights(weights, "readout")

    def run(self, residual: Floats, condition: Floats) -> Floats:
        """Foretell residuals, see :meth:`pipeline.detection.forward.Forward.run`."""
        foretold = np.empty_like(residual)
        _foretell(residual, condition, *self._layer, *self._readout, foretold)
        return foretold


@jit
def _foretell(
    residual: Floats,
    condition: Floats,
    of_input: Floats,
    of_hidden: Floats,
    bias: Floats,
    read_out: Floats,
    read_out_bias: Floats,
    foretold: Floats,
) -> None:
    n, steps, channels = residual.shape
    units, conditions = bias.shape[0] // 4, condition.shape[2]
    seen = np.float32(SEEN)
    read = zeros(LANES, of_input.shape[0])
    gates = zeros(LANES, 4 * units)
    cell = zeros(LANES, units)
    hidden = zeros(LANES, of_hidden.shape[0])
    out = zeros(LANES, channels)
    for first in range(0, n, LANES):
        lanes = min(LANES, n - first + (n - first) % 2)
        begin(cell[:lanes], hidden[:lanes])
        for t in range(steps):
            for lane in range(lanes):
                i = min(first + lane, n - 1)  # the last of an odd number stands beside itself
                for k in range(channels):
                    read[lane, k] = min(max(residual[i, t - AHEAD, k], -seen), seen) if t >= AHEAD else 0.0
                for k in range(conditions):
                    read[lane, channels + k] = condition[i, t, k]
            step(read[:lanes], of_input, of_hidden, bias, gates[:lanes], cell[:lanes], hidden[:lanes])
            dense(out[:lanes], hidden[:lanes], read_out, read_out_bias)
            for lane in range(lanes):
                for k in range(channels):
                    foretold[min(first + lane, n - 1), t, k] = out[lane, k]
