"""The networks by kind, and the way between them and their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.lstm_forecaster import LSTMForecaster
from pipeline.detection.model_file import ModelFile, write_model_file
from pipeline.detection.network import BeatNetwork
from pipeline.detection.sequence.network import SequenceNetwork

__all__ = ["NETWORKS", "network_of", "save_model"]

NETWORKS: dict[str, type[LSTMAutoencoder] | type[LSTMForecaster]] = {
    network.kind: network for network in (LSTMAutoencoder, LSTMForecaster)
}


def network_of(model: ModelFile) -> BeatNetwork:
    """Return the network of a model file, in evaluation mode."""
    network = NETWORKS[model.kind](model.shape)
    network.load_state_dict({name: torch.from_numpy(weight.copy()) for name, weight in model.weights.items()})
    return network.eval()


def save_model(path: Path, network: BeatNetwork, sequence: SequenceNetwork, facts: Mapping[str, Any]) -> None:
    """Write weights and facts (calibration, figures, seed) as one safetensors file, whole or not at all."""
    write_model_file(
        path, ModelFile(network.kind, network.shape, _weights(network), sequence.shape, _weights(sequence), facts)
    )


def _weights(network: torch.nn.Module) -> dict[str, NDArray[np.float32]]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
