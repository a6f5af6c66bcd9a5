"""A patient's carried state as one safetensors file: arrays, and the rest as JSON beside them. No pickle.

A state is sealed with a checksum: one flipped bit anywhere in it is found before anything is believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pipeline.errors import SnapshotError

__all__ = ["Arrays", "joined", "pack", "part_of", "seal", "unpack", "unseal"]

VERSION = 7
_MARK = b"ECG\x01"
_DIGEST = 16  # bytes
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
    return seal(bytes(save(tensors, metadata={"monitor": json.dumps({"version": VERSION, **facts})})))


def unpack(snapshot: bytes) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays and facts of a snapshot.

    Raises
    ------
    SnapshotError
        If it is damaged, or of another version.
    """
    snapshot = unseal(snapshot)
    try:
        size = int.from_bytes(snapshot[:8], "little")
        facts: dict[str, Any] = json.loads(json.loads(snapshot[8 : 8 + size])["__metadata__"]["monitor"])
        arrays = load(snapshot)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SnapshotError(f"a snapshot is damaged ({error}): start the patient anew") from error
    if facts.get("version") != VERSION:
        raise SnapshotError(f"a snapshot has version {facts.get('version')}, this version reads {VERSION}")
    return arrays, facts


def seal(state: bytes) -> bytes:
    """Return a state with its checksum before it."""
    return _MARK + hashlib.blake2b(state, digest_size=_DIGEST).digest() + state


def unseal(sealed: bytes) -> bytes:
    """Return the state that :func:`seal` was given.

    Raises
    ------
    SnapshotError
        If it has no checksum, as those of earlier versions, or another one.
    """
    state = sealed[len(_MARK) + _DIGEST :]
    if not sealed.startswith(_MARK):
        raise SnapshotError("a snapshot is of an earlier version, or none: start the patient anew")
    if seal(state) != sealed:
        raise SnapshotError("a snapshot is damaged (its checksum is wrong): start the patient anew")
    return state
