"""The summary of an output folder: one entry per record, the records that failed, and the facts of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from upath import UPath

from pipeline.errors import OutputError
from pipeline.storage.files import locked, readable, replace_file, translated
from pipeline.storage.objects import (
    Failure,
    has_failed,
    put_failure,
    read_entries,
    read_entry,
    read_failures,
)
from pipeline.storage.place import Place, PlaceLike, place
from pipeline.storage.record_summary import RecordSummary

__all__ = [
    "RecordSummary",
    "RunFacts",
    "Summary",
    "note_failure",
    "note_run",
    "put_summary",
    "read_record_summary",
    "read_summary",
    "write_summary",
]

_NAME = "summary.json"
_RUN = "run.json"  # in an object store

T = TypeVar("T")


class RunFacts(BaseModel):
    """How the last run was started: its command, its settings, the package versions it ran with.

    ``not_found`` holds what it was asked for and stands for no record, with the reason.
    """

    model_config = ConfigDict(frozen=True)

    command: str = ""
    settings: dict[str, JsonValue] = {}
    versions: dict[str, str] = {}
    not_found: dict[str, str] = {}


class Summary(BaseModel):
    """An output folder in brief.

    Attributes
    ----------
    run : RunFacts
        How the last run was started.
    records : dict of str to RecordSummary
        One entry per scored record, by name.
    failed : dict of str to str
        One line per record that could not be scored in its last run, by name, and per name, glob or database that the
        last run did not find.
    """

    model_config = ConfigDict(frozen=True)

    run: RunFacts = RunFacts()
    records: dict[str, RecordSummary] = {}
    failed: dict[str, str] = {}

    def frame(self) -> pd.DataFrame:
        """Return one row per scored record."""
        names = [name for name in RecordSummary.model_fields if name not in ("remarks", "metadata")]
        rows = [{name: getattr(entry, name) for name in names} for entry in self.records.values()]
        return pd.DataFrame(rows, columns=pd.Index(names))


def read_summary(out: PlaceLike) -> Summary:
    """Return the summary of an output folder; an empty one if it holds no results yet.

    Raises
    ------
    OutputError
        If the file is damaged.
    """
    folder = place(out)
    if isinstance(folder, UPath):
        run = _read_run(folder)
        failures = {failure.record: failure.message for failure in read_failures(folder)}
        return Summary(
            run=run,
            records=_sorted({entry.summary.record: entry.summary for entry in read_entries(folder)}),
            failed=_sorted({**failures, **run.not_found}),
        )
    path = folder / _NAME
    with translated(folder, _NAME):
        if not path.is_file():
            return Summary()
        text = path.read_bytes()
    try:
        return Summary.model_validate_json(text)
    except ValidationError as error:
        raise OutputError(f"{path} is damaged; remove it and score again") from error


def read_record_summary(out: PlaceLike, record: str) -> RecordSummary | None:
    """Return what came out for a record; None if it has no results, or failed in its last run.

    In an object store this asks for the one record's objects alone.

    Raises
    ------
    OutputError
        If the file is damaged.
    """
    folder = place(out)
    if isinstance(folder, UPath):
        entry = None if has_failed(folder, record) else read_entry(folder, record)
        return None if entry is None else entry.summary
    summary = read_summary(folder)
    return None if record in summary.failed else summary.records.get(record)


def note_run(
    out: PlaceLike,
    *,
    command: str = "",
    settings: Mapping[str, JsonValue] | None = None,
    versions: Mapping[str, str],
    not_found: Mapping[str, str] | None = None,
) -> None:
    """Write down how a run was started, in place of how the one before was.

    Parameters
    ----------
    out : path
        The output folder, or the URL of a place in an object store.
    command, settings, versions
        See :class:`RunFacts`.
    not_found : mapping of str to str, optional
        What it was asked for and stands for no record, with the reason in one line.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    facts = RunFacts(
        command=command, settings=dict(settings or {}), versions=dict(versions), not_found=dict(not_found or {})
    )
    folder = place(out)
    if isinstance(folder, UPath):
        with translated(folder, _RUN):
            replace_file(folder / _RUN, lambda part: part.write_text(facts.model_dump_json(), encoding="utf-8"))
        return

    def replace(summary: Summary) -> Summary:
        failed = {name: line for name, line in summary.failed.items() if name not in summary.run.not_found}
        return summary.model_copy(update={"run": facts, "failed": _sorted({**failed, **facts.not_found})})

    _update(folder, replace)


def note_failure(out: PlaceLike, record: str, message: str) -> None:
    """Write down in one line why a record could not be scored; results of an earlier run stay as they are.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    line = " ".join(message.split())
    folder = place(out)
    if isinstance(folder, UPath):
        with translated(folder, record):
            put_failure(folder, Failure(record=record, message=line))
        return

    def add(summary: Summary) -> Summary:
        return summary.model_copy(update={"failed": _sorted({**summary.failed, record: line})})

    _update(folder, add)


def put_summary(out: Path, entry: RecordSummary) -> None:
    """Write down what came out for a record; the caller holds the folder's lock."""
    summary = read_summary(out)
    failed = {record: line for record, line in summary.failed.items() if record != entry.record}
    records = _sorted({**summary.records, entry.record: entry})
    write_summary(out, summary.model_copy(update={"records": records, "failed": failed}))


def write_summary(out: Place, summary: Summary) -> None:
    """Write the summary's file; the caller holds the folder's lock, or nobody else writes it."""
    text = summary.model_dump_json(indent=2) + "\n"
    replace_file(out / _NAME, lambda part: part.write_text(text, encoding="utf-8"))


def _read_run(out: UPath) -> RunFacts:
    path = out / _RUN
    with readable(path, _RUN):
        if not path.is_file():
            return RunFacts()
        text = path.read_bytes()
    try:
        return RunFacts.model_validate_json(text)
    except ValidationError as error:
        raise OutputError(f"{path} is damaged; remove it and score again") from error


def _update(out: Path, edit: Callable[[Summary], Summary]) -> None:
    with translated(out, _NAME):
        out.mkdir(parents=True, exist_ok=True)
        with locked(out):
            write_summary(out, edit(read_summary(out)))


def _sorted(entries: dict[str, T]) -> dict[str, T]:
    return dict(sorted(entries.items()))
