"""The table of scored beats: its columns, its file, and how it is read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from upath import UPath

from pipeline.errors import OutputError, RecordNotFound
from pipeline.records import KINDS, RHYTHMS, Findings
from pipeline.storage.annotation_file import annotation_path
from pipeline.storage.events import EVENT_FILES
from pipeline.storage.files import readable
from pipeline.storage.labels import BeatLabels
from pipeline.storage.objects import entry_path
from pipeline.storage.paths import result_path
from pipeline.storage.place import Place, PlaceLike, place

__all__ = ["BEAT_COLUMNS", "Columns", "beat_columns", "beat_path", "beat_schema", "beat_table", "is_done", "read_beats"]

Columns = dict[str, NDArray[Any]]

_TEXT = pa.dictionary(pa.int32(), pa.string())

# A null stands where a value is not known: the R-R interval of the first beat, the score of a beat that cannot be
# scored, a rhythm where none is likely, the symbol of a beat that nobody annotated.
BEAT_COLUMNS = {
    "record": _TEXT,
    "beat": pa.int64(),
    "r_peak": pa.int64(),
    "time_s": pa.float64(),
    "rr_s": pa.float64(),
    "score": pa.float64(),
    "threshold": pa.float64(),
    "p_value": pa.float64(),
    "is_anomaly": pa.bool_(),
    "drift": pa.bool_(),
    "quality": pa.float32(),
    "learning": pa.bool_(),
    "kind": _TEXT,
    "shape": pa.float64(),
    "rhythm": pa.float64(),
    "state": _TEXT,
    "state_probability": pa.float32(),
    "symbol": _TEXT,
    "aami": _TEXT,
}
_FROM_FINDINGS = [name for name in BEAT_COLUMNS if name not in ("record", "symbol", "aami")]
_KEY = b"cache_key"


def beat_path(out: Place, record: str) -> Place:
    """Return where a record's table of beats lies."""
    return result_path(out, "beats", record, ".parquet")


def beat_schema(key: str, metadata: Mapping[str, str]) -> pa.Schema:
    """Return the columns of the table, with the facts about the run in the file's metadata."""
    facts = {name.encode(): value.encode() for name, value in metadata.items()}
    return pa.schema(list(BEAT_COLUMNS.items()), metadata={**facts, _KEY: key.encode()})


def beat_columns(findings: Findings) -> Columns:
    """Return the columns of findings that the table keeps: everything but the windows."""
    return {name: getattr(findings, name) for name in _FROM_FINDINGS}


def beat_table(
    record: str, columns: Columns, labels: BeatLabels, reference: NDArray[np.int64], schema: pa.Schema
) -> pa.Table:
    """Return rows of the table.

    Parameters
    ----------
    record : str
        Name of the record.
    columns : dict of ndarray, each of shape (n,)
        As :func:`beat_columns` returns them.
    labels : BeatLabels
        The reference beats.
    reference : ndarray of int64, shape (n,)
        Index of each row's reference beat, or -1.
    schema : pyarrow.Schema
        As :func:`beat_schema` returns it.
    """
    kinds = pa.DictionaryArray.from_arrays(pa.array(columns["kind"].astype(np.int32)), pa.array(KINDS))
    states = pa.array(columns["state"].astype(np.int32), mask=columns["state"] == 0)
    rhythms = pa.DictionaryArray.from_arrays(states, pa.array(RHYTHMS))
    names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(reference), dtype=np.int32)), pa.array([record]))
    filled: dict[str, Any] = {
        **columns,
        "record": names,
        "kind": kinds,
        "state": rhythms,
        "symbol": _labelled(labels.symbol, reference),
        "aami": _labelled(labels.aami, reference),
    }
    arrays = [
        filled[field.name].cast(field.type)
        if isinstance(filled[field.name], pa.Array)
        else pa.array(filled[field.name], type=field.type, from_pandas=True)  # NaN becomes null
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _labelled(values: NDArray[np.str_], reference: NDArray[np.int64]) -> pa.Array:
    labels = [values[i] if i >= 0 else None for i in reference]
    return pa.array(labels, type=pa.string()).dictionary_encode()


def read_beats(out: PlaceLike, record: str) -> pd.DataFrame:
    """Return the scored beats of a record, one row per beat; NaN or None where a value is not known.

    Raises
    ------
    RecordNotFound
        If the folder holds no results of this record.
    OutputError
        If its file is damaged.
    """
    path = beat_path(place(out), record)
    with readable(path, record):
        if not path.is_file():
            raise RecordNotFound(f"{record}: no results in {out}; score it first")
        with path.open("rb") as file:
            frame: pd.DataFrame = pq.read_table(file).to_pandas()
    return frame


def is_done(out: PlaceLike, record: str, key: str) -> bool:
    """Return True if the results of a record are whole and were computed under the same key.

    Parameters
    ----------
    out : path
        The output folder.
    record : str
        Name of the record.
    key : str
        What the results depend on: checksum of the record, checksum of the model, version of the settings.
    """
    folder = place(out)
    try:
        if isinstance(folder, UPath):
            shared = [entry_path(folder, record)]
        else:
            shared = [folder / "summary.json", *(folder / name for name in EVENT_FILES)]
        others = [annotation_path(folder, record), *shared]
        # The table is published last: where it is whole, all else is, unless somebody has removed it since.
        with readable(folder, record), beat_path(folder, record).open("rb") as file:
            metadata = pq.read_schema(file).metadata or {}
        return metadata.get(_KEY) == key.encode() and all(path.is_file() for path in others)
    except OutputError:
        return False
