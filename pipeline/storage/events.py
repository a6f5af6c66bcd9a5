"""The alarms, drifts and gaps of all records, one table each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from pipeline.records import Alarm, Drift, Gap
from pipeline.storage.files import readable, replace_file
from pipeline.storage.objects import read_entries, read_entry
from pipeline.storage.place import Place, PlaceLike, place

__all__ = [
    "EVENT_FILES",
    "EVENT_SCHEMAS",
    "EventTable",
    "alarms_and_drifts",
    "event_tables",
    "put_events",
    "read_events",
    "write_events",
]

Event = Alarm | Drift | Gap
EventTable = Literal["alarms", "drifts", "gaps"]

EVENT_SCHEMAS: dict[str, pa.Schema] = {
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
            "key": pa.string(),
            "revision": pa.int64(),
            "ended_s": pa.float64(),
            "longest": pa.int64(),
            "rate_bpm": pa.float64(),
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
EVENT_FILES = tuple(f"{name}.parquet" for name in EVENT_SCHEMAS)


def put_events(out: Path, table: EventTable, record: str, events: Sequence[Event]) -> None:
    """Replace the rows of one record; the caller holds the folder's lock."""
    path = out / f"{table}.parquet"
    old = _read(out, table)
    others = old.filter(pc.field("record") != record)
    if path.is_file() and not events and len(others) == len(old):
        return
    merged = _sorted(table, pa.concat_tables([others, _rows(table, events)]))
    write_events(out, table, merged)


def write_events(out: Place, table: EventTable, rows: pa.Table) -> None:
    """Write the table of all records; the caller holds the folder's lock, or nobody else writes it."""
    replace_file(out / f"{table}.parquet", lambda part: pq.write_table(rows, part, compression="zstd"))


def event_tables(out: PlaceLike) -> dict[EventTable, pa.Table]:
    """Return the alarms, drifts and gaps in an output folder, by name; reads an object store once for all three.

    Raises
    ------
    OutputError
        If a file is damaged.
    """
    folder = place(out)
    names: tuple[EventTable, ...] = get_args(EventTable)
    if not isinstance(folder, UPath):
        return {name: _read(folder, name) for name in names}
    entries = list(read_entries(folder))
    events: dict[EventTable, list[Event]] = {
        name: [event for entry in entries for event in getattr(entry, name)] for name in names
    }
    return {name: _sorted(name, _rows(name, events[name])) for name in names}


def read_events(out: PlaceLike, table: EventTable, record: str | None = None) -> pd.DataFrame:
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
    folder = place(out)
    rows = event_tables(folder)[table] if isinstance(folder, UPath) else _read(folder, table)
    if record is not None:
        rows = rows.filter(pc.field("record") == record)
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def alarms_and_drifts(out: PlaceLike, record: str) -> tuple[list[Alarm], list[Drift]]:
    """Return what was found in one record, in order of time; in an object store this reads that record alone.

    Raises
    ------
    OutputError
        If a file is damaged.
    """
    folder = place(out)
    if isinstance(folder, UPath):
        entry = read_entry(folder, record)
        return (entry.alarms, entry.drifts) if entry is not None else ([], [])
    mine = pc.field("record") == record
    # A file from before alarms had a life lacks its columns: what it does not say is left to the defaults.
    rows = _read(folder, "alarms").filter(mine).to_pylist()
    alarms = [Alarm(**{name: value for name, value in row.items() if value is not None}) for row in rows]
    return alarms, [Drift(**row) for row in _read(folder, "drifts").filter(mine).to_pylist()]


def _rows(table: EventTable, events: Sequence[Event]) -> pa.Table:
    return pa.Table.from_pylist([asdict(event) for event in events], schema=EVENT_SCHEMAS[table])


def _sorted(table: EventTable, rows: pa.Table) -> pa.Table:
    return rows.sort_by([("record", "ascending"), (_TIME[table], "ascending")])


def _read(out: Path, table: EventTable) -> pa.Table:
    path = out / f"{table}.parquet"
    with readable(path, table):
        return (
            pq.read_table(path, schema=EVENT_SCHEMAS[table]) if path.is_file() else EVENT_SCHEMAS[table].empty_table()
        )
