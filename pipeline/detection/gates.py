"""What the gates of a network do over a beat."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.detection.cell import CellWeights, Gates, run_cell
from pipeline.detection.network import BeatNetwork
from pipeline.detection.torch_forward import one_thread

__all__ = ["beat_gates"]


@one_thread()
@torch.inference_mode()
def beat_gates(network: BeatNetwork, residual: NDArray[np.float32], condition: NDArray[np.float32]) -> dict[str, Gates]:
    """Return the gates of each LSTM, by its name, at each step of each beat.

    Parameters
    ----------
    network : BeatNetwork
        The network.
    residual, condition : ndarray of float32
        What it reads, see :func:`pipeline.detection.reading.inputs`.

    Returns
    -------
    dict of str to Gates
        Each array of shape (n, steps, hidden).
    """
    layers = network.layers(torch.from_numpy(residual), torch.from_numpy(condition))
    return {name: run_cell(CellWeights.of(lstm), read.numpy()) for name, (lstm, read) in layers.items()}
