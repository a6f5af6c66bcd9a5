"""A network without memory in the sequence network's place, to tell what memory is worth."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from pipeline.detection.sequence.heads import SequenceShape
from pipeline.detection.sequence.network import SequenceNetwork
from pipeline.detection.sequence.tokens import READ

__all__ = ["WINDOW", "WindowNetwork", "log_odds"]

WINDOW = 8  # beats


class WindowNetwork(SequenceNetwork):
    """The sequence network with two dense layers over the last eight beats in place of the LSTM."""

    def __init__(self, shape: SequenceShape | None = None) -> None:
        super().__init__(shape)
        del self.lstm
        self.window = nn.Sequential(
            nn.Linear(WINDOW * READ, self.shape.hidden),
            nn.Tanh(),
            nn.Linear(self.shape.hidden, self.shape.hidden),
            nn.Tanh(),
        )

    def remember(self, token: Tensor) -> Tensor:
        """Return what is known after each beat, shape (n, beats, hidden)."""
        before = pad(token, (0, 0, WINDOW - 1, 0))
        seen = torch.cat([before[:, k : k + token.shape[1]] for k in range(WINDOW)], dim=-1)
        after: Tensor = self.window(seen)
        return after


def log_odds(network: SequenceNetwork, token: NDArray[np.float32], shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log odds of an abnormal beat over a whole record, shape (n,); NaN for a beat that has no shape."""
    with torch.inference_mode():
        classes = network(torch.from_numpy(token)[None]).classes[0].double()
        odds = (torch.logsumexp(classes[:, 1:], dim=1) - classes[:, 0]).numpy()
    return np.where(np.isnan(shape), np.nan, odds)
