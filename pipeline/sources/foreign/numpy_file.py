"""Arrays of NumPy: ``.npy`` and ``.npz``."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import RecordUnsupported
from pipeline.sources.foreign.base import ArrayFile, ReadOptions
from pipeline.sources.foreign.table import Table, signals_of
from pipeline.sources.units import name_and_unit

__all__ = ["columns_of", "open_numpy", "table_of_arrays"]

_RATES = (
    "fs",
    "sfreq",
    "sampling_rate",
    "samplingrate",
    "sample_rate",
    "samplerate",
    "rate",
    "freq",
    "frequency",
    "hz",
)
_NAMES = ("leads", "lead_names", "names", "channels", "channel_names", "ch_names", "sig_name", "labels", "columns")
_UNITS = ("units", "unit")
_MOST_COLUMNS = 512


def open_numpy(path: Path, options: ReadOptions) -> ArrayFile:
    """Open an array, or several in a ``.npz``: signals of one length, or one of all with ``fs`` and ``leads`` beside.

    Nothing is unpickled.

    Raises
    ------
    RecordUnsupported
        If it holds no numbers, or does not say its rate.
    """
    try:
        loaded: Any = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            arrays: dict[str, NDArray[Any]] = {"": loaded}
        else:
            with loaded:
                arrays = {name: loaded[name] for name in loaded.files}
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error
    return table_of_arrays(path.name, arrays, options)


def table_of_arrays(file: str, arrays: Mapping[str, NDArray[Any]], options: ReadOptions) -> ArrayFile:
    """Turn named arrays into signals: of numbers, those that are as long as the longest."""
    facts = {name.casefold(): value for name, value in arrays.items()}
    said = next((facts[name] for name in _RATES if name in facts and facts[name].size == 1), None)
    rate = options.fs or (None if said is None else float(said.reshape(-1)[0]))
    names = next((_words(facts[name]) for name in _NAMES if name in facts), [])
    units = next((_words(facts[name]) for name in _UNITS if name in facts), [])
    numbers = {
        name: value for name, value in arrays.items() if value.dtype.kind in "iufb" or value.dtype.names is not None
    }
    numbers = {name: value for name, value in numbers.items() if name.casefold() not in (*_RATES, *_NAMES, *_UNITS)}
    columns: dict[str, NDArray[Any]] = {}
    longest = max((max(value.shape, default=0) for value in numbers.values()), default=0)
    if not longest:
        raise RecordUnsupported(f"{file}: it holds no array of numbers")
    for name, value in numbers.items():
        columns |= {head: part for head, part in columns_of(name, value, names).items() if len(part) == longest}
    heads = [name_and_unit(name) for name in columns]
    own = [unit or (units[i] if i < len(units) else None) for i, (_, unit) in enumerate(heads)]
    if len(units) == 1 and len(own) > 1:
        own = [unit or units[0] for unit in own]
    frame = pd.DataFrame(dict(enumerate(columns.values())))
    return signals_of(Table(file, [name for name, _ in heads], own, frame, rate), options)


def columns_of(name: str, value: NDArray[Any], names: list[str]) -> dict[str, NDArray[Any]]:
    """Return the columns of an array by name: the longer side holds the samples."""
    if value.dtype.names is not None:
        return {field: value[field].reshape(-1) for field in value.dtype.names if value[field].dtype.kind in "iufb"}
    value = np.squeeze(value)
    if value.ndim == 1:
        return {names[0] if len(names) == 1 else name or "column 1": value}
    if value.ndim != 2:
        return {}
    rows = value if value.shape[0] >= value.shape[1] else value.T
    if rows.shape[1] > _MOST_COLUMNS:
        return {}
    fits = len(names) == rows.shape[1]
    base = f"{name} " if name else "column "
    return {names[i] if fits else f"{base}{i + 1}": rows[:, i] for i in range(rows.shape[1])}


def _words(value: NDArray[Any]) -> list[str]:
    if value.dtype.kind not in "US":
        return []
    return [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in value.reshape(-1)]
