"""A patient's carried state as one safetensors file: arrays, and the rest as JSON beside them. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pipeline.errors import SnapshotError

__all__ = ["joined", "pack", "part_of", "unpack"]

VERSION = 5
Arrays = dict[str, NDArray[np.generic]]


def joined(parts: Mapping[str, Mapping[str, NDArray[np.generic]]]) -> Arrays:
    """Return the arrays of all parts, each under the name of its part and its own."""
    return {f"{name}.{key}": value for name, arrays in parts.items() for key, value in arrays.items()}


def part_of(arrays: Arrays, name: str) -> Arrays:
    """Return the arrays of one part, as they were joined."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}


def pack(arrays: Arrays, facts: Mapping[str, Any]) -> bytes:
    """Return arrays and facts, which JSON can hold, as bytes."""
    tensors = {key: np.ascontiguousarray(value) for key, value in arrays.items()}
    return bytes(save(tensors, metadata={"monitor": json.dumps({"version": VERSION, **facts})}))


def unpack(snapshot: bytes) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays and facts of a snapshot.

    Raises
    ------
    SnapshotError
        If it is damaged, or of another version.
    """
    try:
        size = int.from_bytes(snapshot[:8], "little")
        facts: dict[str, Any] = json.loads(json.loads(snapshot[8 : 8 + size])["__metadata__"]["monitor"])
        arrays = load(snapshot)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise SnapshotError(f"a snapshot is damaged ({error}): start the patient anew") from error
    if facts["version"] != VERSION:
        raise SnapshotError(f"a snapshot has version {facts['version']}, this version reads {VERSION}")
    return arrays, facts
