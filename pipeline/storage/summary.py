"""The summary of an output folder: one entry per record, the records that failed, and the facts of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from pipeline.errors import OutputError
from pipeline.storage.files import locked, replace_file, translated

__all__ = ["RecordSummary", "RunFacts", "Summary", "note_failure", "note_run", "put_summary", "read_summary"]

_NAME = "summary.json"

T = TypeVar("T")


class RecordSummary(BaseModel):
    """What came out for one record.

    Attributes
    ----------
    record : str
        Its name.
    minutes : float
        Its length in min.
    beats, scored, anomalies : int
        Beats found, those that could be scored, and those flagged.
    reference_anomalies : int or None
        Annotated beats of AAMI class S, V or F from 5:00 on; None where nobody annotated the record.
    sensitivity, precision : float or None
        Share of them that was flagged, and share of the flagged beats that are of them, from 5:00 on; None where there
        is nothing to divide by.
    alarms, drifts, gaps : int
        How many there were.
    gap_s : float
        Length of all gaps in s.
    times_real_time : float or None
        Length of the record over the time it took.
    metadata : dict of str
        Model, settings and package versions that the results depend on.
    """

    model_config = ConfigDict(frozen=True)

    record: str
    minutes: float
    beats: int
    scored: int
    anomalies: int
    reference_anomalies: int | None = None
    sensitivity: float | None = None
    precision: float | None = None
    alarms: int = 0
    drifts: int = 0
    gaps: int = 0
    gap_s: float = 0.0
    times_real_time: float | None = None
    metadata: dict[str, str] = {}


class RunFacts(BaseModel):
    """How the last run was started: its command, its settings, and the package versions it ran with."""

    model_config = ConfigDict(frozen=True)

    command: str = ""
    settings: dict[str, JsonValue] = {}
    versions: dict[str, str] = {}


class Summary(BaseModel):
    """An output folder in brief.

    Attributes
    ----------
    run : RunFacts
        How the last run was started.
    records : dict of str to RecordSummary
        One entry per scored record, by name.
    failed : dict of str to str
        One line per record that could not be scored in its last run, by name.
    """

    model_config = ConfigDict(frozen=True)

    run: RunFacts = RunFacts()
    records: dict[str, RecordSummary] = {}
    failed: dict[str, str] = {}

    def frame(self) -> pd.DataFrame:
        """Return one row per scored record."""
        names = [name for name in RecordSummary.model_fields if name != "metadata"]
        rows = [{name: getattr(entry, name) for name in names} for entry in self.records.values()]
        return pd.DataFrame(rows, columns=pd.Index(names))


def read_summary(out: Path | str) -> Summary:
    """Return the summary of an output folder; an empty one if it holds no results yet.

    Raises
    ------
    OutputError
        If the file is damaged.
    """
    path = Path(out) / _NAME
    with translated(Path(out), _NAME):
        if not path.is_file():
            return Summary()
        text = path.read_bytes()
    try:
        return Summary.model_validate_json(text)
    except ValidationError as error:
        raise OutputError(f"{path} is damaged; remove it and score again") from error


def note_run(
    out: Path | str, *, command: str = "", settings: Mapping[str, JsonValue] | None = None, versions: Mapping[str, str]
) -> None:
    """Write down how a run was started.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    facts = RunFacts(command=command, settings=dict(settings or {}), versions=dict(versions))
    _update(Path(out), lambda summary: summary.model_copy(update={"run": facts}))


def note_failure(out: Path | str, record: str, message: str) -> None:
    """Write down in one line why a record could not be scored; results of an earlier run stay as they are.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    line = " ".join(message.split())
    _update(Path(out), lambda summary: summary.model_copy(update={"failed": _sorted({**summary.failed, record: line})}))


def put_summary(out: Path, entry: RecordSummary) -> None:
    """Write down what came out for a record; the caller holds the folder's lock."""
    summary = read_summary(out)
    failed = {record: line for record, line in summary.failed.items() if record != entry.record}
    records = _sorted({**summary.records, entry.record: entry})
    _write(out, summary.model_copy(update={"records": records, "failed": failed}))


def _update(out: Path, edit: Callable[[Summary], Summary]) -> None:
    with translated(out, _NAME):
        out.mkdir(parents=True, exist_ok=True)
        with locked(out):
            _write(out, edit(read_summary(out)))


def _write(out: Path, summary: Summary) -> None:
    text = summary.model_dump_json(indent=2) + "\n"
    replace_file(out / _NAME, lambda part: part.write_text(text, encoding="utf-8"))


def _sorted(entries: dict[str, T]) -> dict[str, T]:
    return dict(sorted(entries.items()))
