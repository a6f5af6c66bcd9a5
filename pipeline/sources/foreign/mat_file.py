"""MATLAB files, such as those of the PhysioNet challenges; those of version 7.3 are HDF5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RecordUnsupported
from pipeline.sources.foreign.apart import read_apart
from pipeline.sources.foreign.base import ArrayFile, ReadOptions
from pipeline.sources.foreign.numpy_file import table_of_arrays

__all__ = ["open_mat"]

_HDF5 = b"\x89HDF"
_MOST = 2**31  # bytes
_MEMORY = 40  # bytes of memory for each of the file, which may be compressed
_DEEPEST = 4  # structures in structures
_LONGEST_TEXT = 1000
_MOST_ITEMS, _MOST_WORDS = 10_000, 1000  # that are looked at in a file of version 7.3, and in a cell of names


def open_mat(path: Path, options: ReadOptions) -> ArrayFile:
    """Open a MATLAB file: a matrix of signals, with ``fs`` and names beside it where it says so.

    A file that has a WFDB header beside it is that record's: the header says what its steps are.

    Raises
    ------
    RecordUnsupported
        If it belongs to a WFDB header, holds no numbers or steps of an unknown size, or is of version 7.3 and h5py is
        not installed.
    """
    header = path.with_suffix(".hea")
    if header.is_file():
        raise RecordUnsupported(f"{path.name}: it is the signal of a WFDB record: name {header.name} instead")
    with path.open("rb") as file:
        head = file.read(128)
    is_hdf5 = head.startswith(_HDF5) or b"MATLAB 7.3" in head
    arrays = _hdf5(path) if is_hdf5 else _version_7(path)
    steps = [name for name, value in arrays.items() if value.dtype.kind in "iu" and value.size > 1]
    if steps and options.units is None and "val" in steps:
        raise RecordUnsupported(
            f"{path.name}: its values are steps, and its WFDB header {header.name} that says how large they are is not "
            "beside it: say with --units in which unit they are"
        )
    return table_of_arrays(path.name, arrays, options)


def _version_7(path: Path) -> dict[str, NDArray[Any]]:
    """Read the variables of a file of version 7 or before apart: its reader breaks down over some damaged ones."""
    facts, arrays = read_apart("mat_child", path, path.stat().st_size, _MEMORY)
    if facts["bytes"] > _MOST:
        raise RecordUnsupported(f"{path.name}: it declares {facts['bytes'] >> 20} MB: save its signal alone")
    return dict(zip(facts["names"], arrays, strict=True))


def _hdf5(path: Path) -> dict[str, NDArray[Any]]:
    """Read the variables of a file of version 7.3: matrices stand transposed in it, text as numbers of its letters."""
    try:
        import h5py
    except ImportError:
        raise RecordUnsupported(
            f"{path.name}: it is of MATLAB 7.3, which h5py reads, and that is not installed: "
            "pip install 'ecg-anomaly[formats]', or save it again with `save -v7`"
        ) from None
    arrays: dict[str, NDArray[Any]] = {}
    with h5py.File(path, "r") as file:
        _gather(file, file, path.name, arrays, depth=0, left=_MOST_ITEMS)
    return arrays


def _gather(group: Any, file: Any, name: str, out: dict[str, NDArray[Any]], depth: int, left: int) -> int:
    """Take the variables of a group and of the structures in it; return how many more may be looked at.

    A file may come from anybody: links that lead into other files are not followed, nor data that lie in them read.
    """
    import h5py

    for key in group:
        left -= 1
        if left < 0:
            raise RecordUnsupported(f"{name}: it holds more than {_MOST_ITEMS:,} variables: save its signal alone")
        if key.startswith("#") or not isinstance(
            group.get(key, getlink=True), h5py.HardLink
        ):  # # holds what cells have
            continue
        value = group[key]
        if isinstance(value, h5py.Group):  # a structure
            if depth < _DEEPEST:
                left = _gather(value, file, name, out, depth + 1, left)
            continue
        if not isinstance(value, h5py.Dataset) or value.external or value.is_virtual:
            continue
        if key in out or value.attrs.get("MATLAB_empty"):  # [] and '' are stored as their sizes
            continue
        if value.size * 8 + sum(array.nbytes for array in out.values()) > _MOST:
            raise RecordUnsupported(f"{name}: it declares {value.size * 8 >> 20} MB: save its signal alone")
        kind = value.attrs.get("MATLAB_class", b"")
        if kind == b"cell" and value.dtype == object:
            if value.size <= _MOST_WORDS:
                out[key] = np.array([_text(file[reference]) for reference in value[()].reshape(-1)])
        elif kind == b"char":
            out[key] = np.array([_text(value)])
        elif value.dtype.kind in "iufb":
            out[key] = np.asarray(value[()]).T
    return left


def _text(value: Any) -> str:
    if not hasattr(value, "dtype") or value.dtype.kind not in "iu" or value.size > _LONGEST_TEXT or value.external:
        return ""
    return "".join(chr(int(letter)) for letter in np.asarray(value[()]).T.reshape(-1))
