"""The alarms, drifts and gaps of all records, one table each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.records import Alarm, Drift, Gap
from pipeline.storage.files import readable, replace_file

__all__ = ["EVENT_FILES", "put_events", "read_events"]

Event = Alarm | Drift | Gap
EventTable = Literal["alarms", "drifts", "gaps"]

_SCHEMAS: dict[str, pa.Schema] = {
    "alarms": pa.schema(
        {
            "record": pa.string(),
            "kind": pa.string(),
            "priority": pa.string(),
            "physiological": pa.bool_(),
            "onset_s": pa.float64(),
            "raised_s": pa.float64(),
            "first_beat": pa.int64(),
            "last_beat": pa.int64(),
            "message": pa.string(),
        }
    ),
    "drifts": pa.schema(
        {
            "record": pa.string(),
            "beat": pa.int64(),
            "time_s": pa.float64(),
            "before": pa.float64(),
            "after": pa.float64(),
            "action": pa.string(),
        }
    ),
    "gaps": pa.schema({"record": pa.string(), "start_s": pa.float64(), "stop_s": pa.float64(), "reason": pa.string()}),
}
_TIME = {"alarms": "raised_s", "drifts": "time_s", "gaps": "start_s"}
EVENT_FILES = tuple(f"{name}.parquet" for name in _SCHEMAS)


def put_events(out: Path, table: EventTable, record: str, events: Sequence[Event]) -> None:
    """Replace the rows of one record; the caller holds the folder's lock."""
    path = out / f"{table}.parquet"
    schema = _SCHEMAS[table]
    old = _read(out, table)
    others = old.filter(pc.field("record") != record)
    if path.is_file() and not events and len(others) == len(old):
        return
    rows = pa.Table.from_pylist([asdict(event) for event in events], schema=schema)
    merged = pa.concat_tables([others, rows]).sort_by([("record", "ascending"), (_TIME[table], "ascending")])
    replace_file(path, lambda part: pq.write_table(merged, part, compression="zstd"))


def read_events(out: Path | str, table: EventTable, record: str | None = None) -> pd.DataFrame:
    """Return the alarms, drifts or gaps in an output folder, one row each, by record and time.

    Parameters
    ----------
    out : path
        The output folder.
    table : {"alarms", "drifts", "gaps"}
        Which ones; the columns are the attributes of :class:`pipeline.records.Alarm`, ``Drift`` or ``Gap``.
    record : str, optional
        Those of one record alone.

    Raises
    ------
    OutputError
        If the file is damaged.
    """
    rows = _read(Path(out), table)
    if record is not None:
        rows = rows.filter(pc.field("record") == record)
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def _read(out: Path, table: EventTable) -> pa.Table:
    path = out / f"{table}.parquet"
    with readable(path, table):
        return pq.read_table(path, schema=_SCHEMAS[table]) if path.is_file() else _SCHEMAS[table].empty_table()
