"""MATLAB files up to version 7, such as those of the PhysioNet challenges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RecordUnsupported
from pipeline.sources.foreign.base import ArrayFile, ReadOptions
from pipeline.sources.foreign.numpy_file import table_of_arrays

__all__ = ["open_mat"]

_HDF5 = b"\x89HDF"
_MOST = 2**31  # bytes


def open_mat(path: Path, options: ReadOptions) -> ArrayFile:
    """Open a MATLAB file: a matrix of signals, with ``fs`` and names beside it where it says so.

    A file that has a WFDB header beside it is that record's: the header says what its steps are.

    Raises
    ------
    RecordUnsupported
        If it belongs to a WFDB header, is of version 7.3, or holds no numbers or steps of an unknown size.
    """
    header = path.with_suffix(".hea")
    if header.is_file():
        raise RecordUnsupported(f"{path.name}: it is the signal of a WFDB record: name {header.name} instead")
    with path.open("rb") as file:
        if file.read(4) == _HDF5 or b"MATLAB 7.3" in file.read(124):
            raise RecordUnsupported(f"{path.name}: it is of MATLAB 7.3: save it again with `save -v7`")
    from scipy.io import loadmat, matlab

    try:
        sizes = sum(int(np.prod(shape, dtype=np.float64)) * 8 for _, shape, _ in matlab.whosmat(str(path)))
        if sizes > _MOST:
            raise RecordUnsupported(f"{path.name}: it declares {sizes >> 20} MB: save its signal alone")
        loaded: dict[str, Any] = loadmat(str(path), squeeze_me=False, chars_as_strings=True)
    except matlab.MatReadError as error:
        raise ValueError(str(error)) from error
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in loaded.items():
        if isinstance(value, np.ndarray) and not name.startswith("__"):
            _flatten(name, value, arrays)
    steps = [name for name, value in arrays.items() if value.dtype.kind in "iu" and value.size > 1]
    if steps and options.units is None and "val" in steps:
        raise RecordUnsupported(
            f"{path.name}: its values are steps, and its WFDB header {header.name} that says how large they are is not "
            "beside it: say with --units in which unit they are"
        )
    return table_of_arrays(path.name, arrays, options)


def _flatten(name: str, value: NDArray[Any], out: dict[str, NDArray[Any]]) -> None:
    """Add an array, and the fields of a structure of one, by their own names."""
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
