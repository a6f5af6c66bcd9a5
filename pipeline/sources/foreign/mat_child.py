"""Reads a MATLAB file in the process of ``apart_child``; it imports nothing of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["load", "read"]

_MOST = 2**31  # bytes


def load() -> None:
    """Import the library."""
    import scipy.io  # noqa: F401


def read(path: Path) -> tuple[dict[str, Any], list[Any]]:
    """Return the names of the variables and the bytes that they take; and the variables, unless they take too many."""
    import numpy as np
    from scipy.io import loadmat, matlab

    size = sum(int(np.prod(shape, dtype=np.float64)) * 8 for _, shape, _ in matlab.whosmat(str(path)))
    arrays: dict[str, Any] = {}
    if size <= _MOST:
        loaded: dict[str, Any] = loadmat(str(path), squeeze_me=False, chars_as_strings=True)
        for name, value in loaded.items():
            if isinstance(value, np.ndarray) and not name.startswith("__"):
                _flatten(name, value, arrays)
    return {"names": list(arrays), "bytes": size}, list(arrays.values())


def _flatten(name: str, value: Any, out: dict[str, Any]) -> None:
    """Add an array, and the fields of a structure of one, by their own names."""
    import numpy as np

    if value.dtype.names is not None:
        if value.size == 1:
            for field in value.dtype.names:
                inner = value.reshape(-1)[0][field]
                if isinstance(inner, np.ndarray):
                    _flatten(field, inner, out)
        return
    if value.dtype == object:  # a cell array of names
        words = [str(np.asarray(item).reshape(-1)[0]) for item in value.reshape(-1) if np.asarray(item).size]
        out.setdefault(name, np.array(words))
        return
    out.setdefault(name, value)
