"""The LSTM forecaster: the next samples of a beat, foretold from the ones before."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from pipeline.detection.compiled_forecaster import AHEAD, SEEN
from pipeline.detection.network import BeatNetwork
from pipeline.detection.reading import Shape

__all__ = ["LSTMForecaster"]


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

    def layers(self, residual: Tensor, condition: Tensor) -> dict[str, tuple[nn.LSTM, Tensor]]:
        """Return the LSTM with what it reads, see :meth:`BeatNetwork.layers`."""
        before = pad(residual.clamp(-SEEN, SEEN), (0, 0, AHEAD, 0))[:, : residual.shape[1]]
        return {"lstm": (self.lstm, torch.cat([before, condition], -1))}
