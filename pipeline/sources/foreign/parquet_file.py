"""Columns in Parquet and Feather files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.sources.foreign.base import ArrayFile, ReadOptions
from pipeline.sources.foreign.table import Table, signals_of
from pipeline.sources.units import name_and_unit

__all__ = ["open_feather", "open_parquet"]

_RATES = (b"fs", b"sampling_rate", b"sample_rate", b"sfreq")


def open_parquet(path: Path, options: ReadOptions) -> ArrayFile:
    """Open a Parquet file: a column a signal, and one of times, or a rate as ``fs`` in its metadata.

    Raises
    ------
    RecordUnsupported
        If it says no rate.
    """
    import pyarrow.parquet as pq

    return _signals(path, pq.read_table(path), options)


def open_feather(path: Path, options: ReadOptions) -> ArrayFile:
    """Open a Feather file; as :func:`open_parquet`."""
    from pyarrow import feather

    return _signals(path, feather.read_table(path), options)


def _signals(path: Path, table: Any, options: ReadOptions) -> ArrayFile:
    metadata: dict[bytes, bytes] = table.schema.metadata or {}
    said = next((metadata[key] for key in _RATES if key in metadata), None)
    units = json.loads(metadata[b"units"]) if b"units" in metadata else {}
    frame = table.to_pandas(ignore_metadata=True)
    names = [str(name) for name in frame.columns]
    names = ["time" if name.startswith("__index_level") else name for name in names]
    heads = [name_and_unit(name) for name in names]
    own = [
        unit or (units.get(name) if isinstance(units, dict) else None)
        for name, (_, unit) in zip(names, heads, strict=True)
    ]
    frame.columns = range(len(names))
    rate = options.fs or (None if said is None else float(said))
    return signals_of(Table(path.name, [name for name, _ in heads], own, frame, rate), options)
