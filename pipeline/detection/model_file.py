"""Model files: weights and facts in one safetensors file. No pickle, and nothing here waits for torch."""

from __future__ import annotations

import hashlib
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
from pipeline.whole_file import write_whole

__all__ = ["ModelFile", "read_model_file", "write_model_file"]

FORMAT = "ecg-anomaly-3"
SEQUENCE = "sequence."  # what the names of the sequence network's weights begin with
MOST_BYTES = 256 * 2**20
MOST_UNITS = 4096  # of a layer, or samples of a step


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
    named = dict(model.weights) | {SEQUENCE + name: weight for name, weight in model.sequence.items()}
    metadata["checksum"] = _checksum(metadata, named)
    weights = {name: np.ascontiguousarray(weight) for name, weight in named.items()}
    write_whole(path, _in_order(save(weights, metadata=metadata)))


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
        if path.stat().st_size > MOST_BYTES:
            raise ModelError(f"model {path} is larger than {MOST_BYTES:,} bytes: it is none of this project's")
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except FileNotFoundError as error:
        raise ModelError(f"no model at {path}: train one with `ecg-anomaly train`") from error
    except (SafetensorError, OSError, TypeError, ValueError) as error:  # a type of number that numpy has not
        raise ModelError(f"model {path} is damaged ({error}): fetch it again or train one") from error
    if metadata.get("format") != FORMAT:
        raise ModelError(f"model {path} has format {metadata.get('format')!r}, this version reads {FORMAT!r}")
    kind = metadata.get("kind", KINDS[0])  # files of the first kind do not say so
    if kind not in KINDS:
        raise ModelError(f"model {path} is a {kind!r}, this version knows {', '.join(KINDS)}")
    if metadata.get("checksum") != _checksum(metadata, weights):
        raise ModelError(f"model {path} is damaged (its checksum is wrong): fetch it again or train one")
    try:
        shape, facts = Shape(**json.loads(metadata["shape"])), json.loads(metadata["facts"])
        sequence_shape = SequenceShape(**json.loads(metadata["sequence"]))
        _check(shape, sequence_shape, weights, facts)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"model {path} is damaged ({error!r:.120}): fetch it again or train one") from error
    sequence = {name.removeprefix(SEQUENCE): weights.pop(name) for name in list(weights) if name.startswith(SEQUENCE)}
    return ModelFile(kind, shape, weights, sequence_shape, sequence, facts)


def _check(shape: Shape, sequence: SequenceShape, weights: Mapping[str, NDArray[np.float32]], facts: object) -> None:
    """Refuse what no training has written, before anything is made of that size."""
    for name, size in (*asdict(shape).items(), *asdict(sequence).items()):
        if type(size) is not int or not (0 if name == "latent" else 1) <= size <= MOST_UNITS:
            raise ValueError(f"{name} of {size!r:.20}")
    if not isinstance(facts, dict):
        raise TypeError("its facts are no object")
    for name, weight in weights.items():
        if weight.dtype != np.float32 or not np.isfinite(weight).all():
            raise ValueError(f"{name} is not of finite float32")


def _checksum(metadata: Mapping[str, str], weights: Mapping[str, NDArray[np.float32]]) -> str:
    """Return the SHA-256 over all that a file states and holds, in hexadecimal."""
    digest = hashlib.sha256()
    for name in ("format", "kind", "shape", "sequence", "facts"):
        digest.update(f"{name}\0{metadata.get(name, '')}\0".encode())
    for name in sorted(weights):
        digest.update(f"{name}\0{weights[name].shape}\0".encode() + np.ascontiguousarray(weights[name]).tobytes())
    return digest.hexdigest()
