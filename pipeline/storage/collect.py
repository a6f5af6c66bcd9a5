"""The tables that all records of an object store share, as files."""

from __future__ import annotations

from upath import UPath

from pipeline.storage.events import event_tables, write_events
from pipeline.storage.files import translated
from pipeline.storage.place import PlaceLike, place
from pipeline.storage.summary import read_summary, write_summary

__all__ = ["collect"]


def collect(out: PlaceLike) -> None:
    """Write ``alarms.parquet``, ``drifts.parquet``, ``gaps.parquet`` and ``summary.json`` of an object store.

    They are put together from the entries of the records, the same bytes as in a folder. One process does so when a
    run is over; the library's own readers go by the entries and need none of it. In a folder these files are always up
    to date, and nothing is done.

    Raises
    ------
    OutputError
        If an entry is damaged, or the files cannot be written.
    """
    folder = place(out)
    if not isinstance(folder, UPath):
        return
    tables, summary = event_tables(folder), read_summary(folder)
    with translated(folder, "collecting"):
        for name, rows in tables.items():
            write_events(folder, name, rows)
        write_summary(folder, summary)
