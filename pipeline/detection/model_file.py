"""Model files: weights and facts in one safetensors file. No pickle, and nothing here waits for torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pipeline.detection.compiled import KINDS
from pipeline.detection.reading import Shape
from pipeline.errors import ModelError

__all__ = ["ModelFile", "read_model_file", "write_model_file"]

FORMAT = "ecg-anomaly-2"


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """What a model file holds.

    Attributes
    ----------
    kind : str
        Kind of the network.
    shape : Shape
        Its sizes.
    weights : dict of ndarray of float32
        By the names that torch gives them.
    facts : dict
        Calibration, figures, seed: what JSON can hold.
    """

    kind: str
    shape: Shape
    weights: Mapping[str, NDArray[np.float32]]
    facts: Mapping[str, Any]


def write_model_file(path: Path, model: ModelFile) -> None:
    """Write a model as one safetensors file, whole or not at all."""
    metadata = {
        "format": FORMAT,
        "kind": model.kind,
        "shape": json.dumps(asdict(model.shape)),
        "facts": json.dumps(model.facts, sort_keys=True),
    }
    temporary = path.with_name(f".{path.name}.part")
    weights = {name: np.ascontiguousarray(weight) for name, weight in model.weights.items()}
    temporary.write_bytes(_in_order(save(weights, metadata=metadata)))
    temporary.replace(path)


def _in_order(file: bytes) -> bytes:
    """Return a safetensors file with its header in order, which the library leaves to chance: same model, same file."""
    size = int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[8 : 8 + size]), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    padded = header.encode() + b" " * (-len(header.encode()) % 8)
    return len(padded).to_bytes(8, "little") + padded + file[8 + size :]


def read_model_file(path: Path) -> ModelFile:
    """Read what :func:`write_model_file` wrote.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or of another version.
    """
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except FileNotFoundError as error:
        raise ModelError(f"no model at {path}: train one with `ecg-anomaly train`") from error
    except (SafetensorError, OSError) as error:
        raise ModelError(f"model {path} is damaged ({error}): fetch it again or train one") from error
    if metadata.get("format") != FORMAT:
        raise ModelError(f"model {path} has format {metadata.get('format')!r}, this version reads {FORMAT!r}")
    kind = metadata.get("kind", KINDS[0])  # files of the first kind do not say so
    if kind not in KINDS:
        raise ModelError(f"model {path} is a {kind!r}, this version knows {', '.join(KINDS)}")
    return ModelFile(kind, Shape(**json.loads(metadata["shape"])), weights, json.loads(metadata["facts"]))
