"""Records as files that other programs open: EDF+, CSV and Parquet, with their annotations."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import OutputError, RecordUnsupported
from pipeline.records import Record

__all__ = ["KINDS", "Mark", "export_record", "marks_of"]

KINDS = ("edf", "csv", "parquet")
_DECIMALS = 6  # of a value in mV: a nanovolt


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at a time: a beat with its verdict, a note, a hole."""

    time_s: float
    text: str
    duration_s: float | None = None


def marks_of(record: Record) -> list[Mark]:
    """Return the annotations of a record as marks: the symbol, and the note if there is one."""
    notes = record.annotations()
    if notes is None:
        return []
    return [
        Mark(float(sample) / notes.fs, note if str(symbol) == '"' and note else f"{symbol} {note}".strip())
        for sample, symbol, note in zip(notes.sample, notes.symbol, notes.aux_note, strict=True)
    ]


def export_record(
    record: Record, folder: Path, name: str, kind: str, *, marks: Sequence[Mark] = (), anonymise: bool = False
) -> list[Path]:
    """Write a record and what is marked in it.

    EDF+ holds the marks as its annotations, and stretches without signal as such (samples lie at the lower limit).
    CSV and Parquet hold a column of times, ISO 8601 where the start is known and seconds where it is not, and a column
    a lead in mV; the marks lie beside them as ``<name>.marks.csv``.

    Parameters
    ----------
    record : Record
        What is written.
    folder : Path
        Where to; made if it is not there.
    name : str
        Name of the file, without ending.
    kind : {'edf', 'csv', 'parquet'}
        Its format.
    marks : sequence of Mark
        What is marked in it, such as :func:`marks_of` returns.
    anonymise : bool
        Leave out the start; times then count from 0.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    ValueError
        If the kind is none of them.
    RecordUnsupported
        If the rate does not fit into whole data records of EDF.
    OutputError
        If they cannot be written.
    """
    if kind not in KINDS:
        raise ValueError(f"a record is exported to {', '.join(KINDS)}, not {kind!r}")
    start: datetime | None = None if anonymise else getattr(record, "start", None)
    ordered = sorted(marks, key=lambda mark: mark.time_s)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as draft:
            made = _WRITERS[kind](record, Path(draft), name, ordered, start)
            for path in made:
                path.replace(folder / path.name)
    except OSError as error:
        raise OutputError(f"record {record.name}: cannot write to {folder}: {error.strerror or error}") from error
    return [folder / path.name for path in made]


def _to_edf(record: Record, draft: Path, name: str, marks: Sequence[Mark], start: datetime | None) -> list[Path]:
    import edfio

    signal = np.concatenate([chunk.signal for chunk in record.chunks()])
    missing = ~np.isfinite(signal)
    signals = []
    for i, lead in enumerate(record.leads):
        values, gone = signal[:, i].astype(np.float64), missing[:, i]
        if gone.all():
            raise RecordUnsupported(f"record {record.name!r}: {lead} holds no samples to export")
        high = float(np.ceil(10 * np.abs(values[~gone]).max()) / 10) or 1.0
        values[gone] = -high
        try:
            signals.append(
                edfio.EdfSignal(
                    values, record.fs, label=lead[:16], physical_dimension="mV", physical_range=(-high, high)
                )
            )
        except ValueError as error:
            raise RecordUnsupported(f"record {record.name!r}: it cannot be written as EDF ({error})") from error
    notes = [edfio.EdfAnnotation(mark.time_s, mark.duration_s, mark.text) for mark in marks if mark.text]
    notes += [edfio.EdfAnnotation(begin, length, "no signal") for begin, length in _holes(missing, record.fs)]
    more: dict[str, Any] = {}
    if start is not None:
        more = {"recording": edfio.Recording(startdate=start.date()), "starttime": start.time().replace(tzinfo=None)}
    path = draft / f"{name}.edf"
    try:
        edfio.Edf(signals, annotations=notes, **more).write(path)
    except ValueError as error:
        raise RecordUnsupported(f"record {record.name!r}: it cannot be written as EDF ({error})") from error
    return [path]


def _holes(missing: NDArray[np.bool_], fs: float) -> list[tuple[float, float]]:
    """Return where no lead has a signal, as (begin, length) in s."""
    edges = np.flatnonzero(np.diff(missing.all(axis=1).astype(np.int8), prepend=0, append=0))
    return [(float(a) / fs, float(b - a) / fs) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _frame(signal: NDArray[np.float32], first: int, record: Record, start: datetime | None) -> pd.DataFrame:
    seconds = (first + np.arange(len(signal))) / record.fs
    times = pd.Series(seconds) if start is None else pd.Series(pd.Timestamp(start) + pd.to_timedelta(seconds, unit="s"))
    columns = {"time": times, **{lead: signal[:, i].astype(np.float64) for i, lead in enumerate(record.leads)}}
    return pd.DataFrame(columns)


def _to_csv(record: Record, draft: Path, name: str, marks: Sequence[Mark], start: datetime | None) -> list[Path]:
    path = draft / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        for chunk in record.chunks():
            frame = _frame(chunk.signal, chunk.start, record, start)
            if start is not None:
                frame["time"] = [moment.isoformat(timespec="microseconds") for moment in frame["time"]]
            frame.columns = pd.Index(["time", *(f"{lead} (mV)" for lead in record.leads)])
            frame.round(_DECIMALS).to_csv(file, index=False, header=chunk.start == 0)
    return [path, *_marks(draft, name, marks, start)]


def _to_parquet(record: Record, draft: Path, name: str, marks: Sequence[Mark], start: datetime | None) -> list[Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = draft / f"{name}.parquet"
    writer = None
    for chunk in record.chunks():
        table = pa.Table.from_pandas(_frame(chunk.signal, chunk.start, record, start), preserve_index=False)
        table = table.replace_schema_metadata({"fs": str(record.fs)})
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return [path, *_marks(draft, name, marks, start)]


def _marks(draft: Path, name: str, marks: Sequence[Mark], start: datetime | None) -> list[Path]:
    if not marks:
        return []
    path = draft / f"{name}.marks.csv"
    times = [
        mark.time_s if start is None else (start + timedelta(seconds=mark.time_s)).isoformat(timespec="microseconds")
        for mark in marks
    ]
    pd.DataFrame({"time": times, "mark": [mark.text for mark in marks]}).to_csv(path, index=False)
    return [path]


_WRITERS: dict[str, Callable[[Record, Path, str, Sequence[Mark], datetime | None], list[Path]]] = {
    "edf": _to_edf,
    "csv": _to_csv,
    "parquet": _to_parquet,
}
