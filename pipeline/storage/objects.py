"""Results in an object store: no object is shared by records, so that many machines may write without a lock.

::

    URL/beats/<database>/<record>.parquet       as in a folder
    URL/annotations/<database>/<record>.ano
    URL/entries/<database>/<record>.json        the record's entry in the summary, its alarms, drifts and gaps
    URL/failures/<database>/<record>.json       why it could not be scored in its last run
    URL/run.json                                how the last run was started

What all records of a folder share, ``alarms.parquet`` to ``summary.json``, is put together from the entries:
by :func:`pipeline.storage.read_events` and :func:`pipeline.storage.read_summary` in memory, by
:func:`pipeline.storage.collect` as files, the same bytes as in a folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from upath import UPath

from pipeline.errors import OutputError
from pipeline.records import Alarm, Drift, Gap
from pipeline.storage.files import readable, replace_file
from pipeline.storage.paths import result_path
from pipeline.storage.place import Place
from pipeline.storage.record_summary import RecordSummary

__all__ = [
    "Entry",
    "Failure",
    "entry_path",
    "has_failed",
    "put_entry",
    "put_failure",
    "read_entries",
    "read_entry",
    "read_failures",
]


class Entry(BaseModel):
    """What a folder's shared tables hold of one record."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    summary: RecordSummary
    alarms: list[Alarm] = []
    drifts: list[Drift] = []
    gaps: list[Gap] = []


class Failure(BaseModel):
    """Why a record could not be scored, in one line."""

    model_config = ConfigDict(frozen=True)

    record: str
    message: str


M = TypeVar("M", bound=BaseModel)


def entry_path(out: Place, record: str) -> Place:
    """Return where a record's entry lies."""
    return result_path(out, "entries", record, ".json")


def _failure_path(out: Place, record: str) -> Place:
    return result_path(out, "failures", record, ".json")


def put_entry(out: UPath, entry: Entry) -> None:
    """Write a record's entry, and take it off the records that failed."""
    _put(entry_path(out, entry.summary.record), entry)
    with suppress(FileNotFoundError):
        _failure_path(out, entry.summary.record).unlink()


def put_failure(out: UPath, failure: Failure) -> None:
    """Write down why a record could not be scored."""
    _put(_failure_path(out, failure.record), failure)


def has_failed(out: UPath, record: str) -> bool:
    """Return True if a record could not be scored in its last run."""
    return _failure_path(out, record).is_file()


def read_entry(out: UPath, record: str) -> Entry | None:
    """Return the entry of one record, or None if it has none."""
    path = entry_path(out, record)
    with readable(path, record):
        if not path.is_file():
            return None
        return _parsed(path.read_bytes(), str(path), Entry)


def read_entries(out: UPath) -> Iterator[Entry]:
    """Yield the entries of all records, by name."""
    return _read(out, "entries", Entry)


def read_failures(out: UPath) -> Iterator[Failure]:
    """Yield what is known of the records that failed, by name."""
    return _read(out, "failures", Failure)


def _put(path: Place, document: BaseModel) -> None:
    text = document.model_dump_json()
    replace_file(path, lambda part: part.write_text(text, encoding="utf-8"))


def _read(out: UPath, folder: str, kind: type[M]) -> Iterator[M]:
    root = out / folder
    with readable(root, folder):
        out.fs.invalidate_cache()  # other machines write as well, and a caller's own path may keep its listings
        names = sorted(out.fs.find(root.path))
        contents = out.fs.cat(names) if names else {}
    for name in names:
        yield _parsed(contents[name], name, kind)


def _parsed(text: bytes, name: str, kind: type[M]) -> M:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise OutputError(f"{name} is damaged; remove it and score its record again") from error
