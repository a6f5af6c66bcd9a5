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
from pipeline.detection.sequence.heads import SequenceShape
from pipeline.errors import ModelError

__all__ = ["ModelFile", "read_model_file", "write_model_file"]

FORMAT = "ecg-anomaly-3"
SEQUENCE = "sequence."  # what the names of the sequence network's weights begin with


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """What a model file holds.

    Attributes
    ----------
    kind : str
        Kind of the network that rebuilds beats.
    shape : Shape
        Its sizes.
    weights : dict of ndarray of float32
        By the names that torch gives them.
    sequence_shape : SequenceShape
        Sizes of the network that reads the sequence of the beats.
    sequence : dict of ndarray of float32
        Its weights, likewise.
    facts : dict
        Calibration, figures, seed: what JSON can hold.
    """

    kind: str
    shape: Shape
    weights: Mapping[str, NDArray[np.float32]]
    sequence_shape: SequenceShape
    sequence: Mapping[str, NDArray[np.float32]]
    facts: Mapping[str, Any]


def write_model_file(path: Path, model: ModelFile) -> None:
    """Write a model as one safetensors file, whole or not at all."""
    metadata = {
        "format": FORMAT,
        "kind": model.kind,
        "shape": json.dumps(asdict(model.shape)),
        "sequence": json.dumps(asdict(model.sequence_shape)),
        "facts": json.dumps(model.facts, sort_keys=True),
    }
    temporary = path.with_name(f".{path.name}.part")
    named = dict(model.weights) | {SEQUENCE + name: weight for name, weight in model.sequence.items()}
    weights = {name: np.ascontiguousarray(weight) for name, weight in named.items()}
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
    return ModelFile(
        kind,
        Shape(**json.loads(metadata["shape"])),
        {name: weight for name, weight in weights.items() if not name.startswith(SEQUENCE)},
        SequenceShape(**json.loads(metadata["sequence"])),
        {name.removeprefix(SEQUENCE): weight for name, weight in weights.items() if name.startswith(SEQUENCE)},
        json.loads(metadata["facts"]),
    )
