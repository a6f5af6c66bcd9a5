"""The LSTM forecaster: the next samples of a beat, foretold from the ones before."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from pipeline.detection.forward import Forward
from pipeline.detection.network import BeatNetwork, Shape
from pipeline.detection.recurrence import LANES, add_product, begin, laid_out, layer_weights, step
from pipeline.jit import jit

__all__ = ["LSTMForecaster"]

Floats = NDArray[np.float32]

AHEAD = 1  # steps from what is read last to what is foretold
SEEN = 3.0  # units of noise beyond which a residual that is read is cut off


class LSTMForecaster(BeatNetwork):
    """Foretell the residual of a beat against the patient's usual beat, step by step, from the steps before.

    One LSTM and a dense output. It reads the residual as it comes and what is known of the patient's usual beat at the
    step that is foretold; what it does not foresee is the prediction error. Residuals are cut off as they are read: a
    strange beat would be foretold well from its own strangeness.

    Parameters
    ----------
    shape : Shape, optional
        Sizes of the network; it has no bottleneck.
    """

    kind = "forecaster"

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__(shape or Shape(hidden=60, latent=0))
        s = self.shape
        self.lstm = nn.LSTM(s.channels + s.conditions, s.hidden, batch_first=True)
        self.readout = nn.Linear(s.hidden, s.channels)

    def forward(self, residual: Tensor, condition: Tensor) -> Tensor:
        """Foretell residuals; shapes are those of :meth:`BeatNetwork.forward`."""
        lstm, read = self.layers(residual, condition)["lstm"]
        return cast(Tensor, self.readout(lstm(read)[0]))

    def compiled(self) -> Forward:
        """Return the same compiled, see :meth:`BeatNetwork.compiled`."""
        return _Compiled(self)

    def layers(self, residual: Tensor, condition: Tensor) -> dict[str, tuple[nn.LSTM, Tensor]]:
        """Return the LSTM with what it reads, see :meth:`BeatNetwork.layers`."""
        before = pad(residual.clamp(-SEEN, SEEN), (0, 0, AHEAD, 0))[:, : residual.shape[1]]
        return {"lstm": (self.lstm, torch.cat([before, condition], -1))}


class _Compiled:
    """The forward pass with the weights of one moment, see :class:`pipeline.detection.forward.Forward`."""

    def __init__(self, network: LSTMForecaster) -> None:
        self._layer = layer_weights(network.lstm)
        self._readout = laid_out(network.readout.weight), network.readout.bias.detach().cpu().numpy().copy()

    def run(self, residual: Floats, condition: Floats) -> Floats:
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
    read = np.zeros((LANES, of_input.shape[0]), dtype=np.float32)
    gates = np.empty((LANES, 4 * units), dtype=np.float32)
    cell = np.empty((LANES, units), dtype=np.float32)
    hidden = np.empty((LANES, of_hidden.shape[0]), dtype=np.float32)
    out = np.empty((LANES, channels), dtype=np.float32)
    for first in range(0, n, LANES):
        begin(cell, hidden)
        for t in range(steps):
            for lane in range(LANES):
                i = min(first + lane, n - 1)  # a beat without a neighbour stands beside itself
                for k in range(channels):
                    read[lane, k] = min(max(residual[i, t - AHEAD, k], -seen), seen) if t >= AHEAD else 0.0
                for k in range(conditions):
                    read[lane, channels + k] = condition[i, t, k]
            step(read, of_input, of_hidden, bias, gates, cell, hidden)
            for lane in range(LANES):
                out[lane] = read_out_bias
            add_product(out, hidden, read_out)
            for lane in range(LANES):
                foretold[min(first + lane, n - 1), t] = out[lane]
