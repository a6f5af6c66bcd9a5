"""Model files: weights and facts in one safetensors file. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.lstm_forecaster import LSTMForecaster
from pipeline.detection.network import BeatNetwork, Shape
from pipeline.errors import ModelError

__all__ = ["NETWORKS", "load_model", "save_model"]

FORMAT = "ecg-anomaly-2"
NETWORKS: dict[str, type[LSTMAutoencoder] | type[LSTMForecaster]] = {
    network.kind: network for network in (LSTMAutoencoder, LSTMForecaster)
}


def save_model(path: Path, network: BeatNetwork, facts: Mapping[str, Any]) -> None:
    """Write weights and facts (calibration, figures, seed) as one safetensors file, whole or not at all."""
    tensors = {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}
    metadata = {
        "format": FORMAT,
        "kind": network.kind,
        "shape": json.dumps(asdict(network.shape)),
        "facts": json.dumps(facts, sort_keys=True),
    }
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(_in_order(save(tensors, metadata=metadata)))
    temporary.replace(path)


def _in_order(file: bytes) -> bytes:
    """Return a safetensors file with its header in order, which the library leaves to chance: same model, same file."""
    size = int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[8 : 8 + size]), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    padded = header.encode() + b" " * (-len(header.encode()) % 8)
    return len(padded).to_bytes(8, "little") + padded + file[8 + size :]


def load_model(path: Path) -> tuple[BeatNetwork, dict[str, Any]]:
    """Read what :func:`save_model` wrote.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or of another version.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except FileNotFoundError as error:
        raise ModelError(f"no model at {path}: train one with `ecg-anomaly train`") from error
    except (SafetensorError, OSError) as error:
        raise ModelError(f"model {path} is damaged ({error}): fetch it again or train one") from error
    if metadata.get("format") != FORMAT:
        raise ModelError(f"model {path} has format {metadata.get('format')!r}, this version reads {FORMAT!r}")
    kind = metadata.get("kind", LSTMAutoencoder.kind)  # files of the first kind do not say so
    if kind not in NETWORKS:
        raise ModelError(f"model {path} is a {kind!r}, this version knows {', '.join(NETWORKS)}")
    network = NETWORKS[kind](Shape(**json.loads(metadata["shape"])))
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(f"model {path} does not fit its own description: {error}") from error
    return network.eval(), cast(dict[str, Any], json.loads(metadata["facts"]))
