"""One record from its first chunk to its published results."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np

from pipeline.detection.model import BeatModel
from pipeline.errors import RecordUnsupported
from pipeline.explain.witness import Witness
from pipeline.monitor import Monitor
from pipeline.records import Chunk, Findings, Record
from pipeline.report import ReportCollector, report_path, save_report
from pipeline.scoring.keys import result_key, settings_version
from pipeline.scoring.remarks import Remarks
from pipeline.settings import Settings
from pipeline.storage import PlaceLike, RecordSummary, ResultWriter, is_done, package_versions, read_record_summary

__all__ = ["Scored", "is_scored", "score_record"]


@dataclass(frozen=True, slots=True)
class Scored:
    """What came out for a record.

    Attributes
    ----------
    summary : RecordSummary
        Its entry in ``DIR/summary.json``.
    is_new : bool
        False if results with the same key were there already and nothing was computed.
    """

    summary: RecordSummary
    is_new: bool


def is_scored(out: PlaceLike, record: str, key: str, *, report: bool = True) -> bool:
    """Return True if the output folder holds whole results of a record under this key, with its report if asked.

    A record whose last run failed is not: scoring it again takes it off the list of failures.
    """
    if report and not report_path(out, record).is_file():
        return False
    return read_record_summary(out, record) is not None and is_done(out, record, key)


def score_record(
    record: Record,
    model: BeatModel,
    out: PlaceLike,
    *,
    settings: Settings,
    checksum: str | None = None,
    force: bool = False,
    report: bool = True,
    chunk_s: float = 60.0,
    progress: Callable[[float], None] | None = None,
    clock: Callable[[], float] | None = None,
) -> Scored:
    """Score a whole record into an output folder, in constant memory.

    The chunks of the record go through a :class:`~pipeline.monitor.Monitor`; the beats go to the tables, the
    annotation file and the summary (:class:`~pipeline.storage.ResultWriter`), and what the report shows of the record
    is saved beside them. All of it appears when the record has been scored to its end, or none of it. The page itself
    is written by :func:`pipeline.report.write_report`, once for all records.

    Parameters
    ----------
    record : Record
        Where the signal comes from: a WFDB record, a synthetic one.
    model : BeatModel
        What scores it.
    out : path
        The output folder, or the URL of a place in an object store.
    settings : Settings
        Threshold and alarms.
    checksum : str, optional
        Of the record's contents. With it, results that are there under the same key are kept and nothing is computed.
    force : bool
        Compute in any case.
    report : bool
        Also save what the report shows; without it, an older report of this record is removed.
    chunk_s : float
        Length of a chunk in s; no result depends on it.
    progress : callable, optional
        Called with the share that is done, 0 to 1.
    clock : callable, optional
        Returns seconds, such as :func:`time.perf_counter`, to measure how many times faster than real time it went.

    Raises
    ------
    RecordCorrupt
        If the record turns out to be damaged.
    RecordUnsupported
        If it holds not one sample of signal.
    OutputError
        If the results cannot be written.
    """
    key = "" if checksum is None else result_key(checksum, model.checksum, record.leads, settings)
    if key and not force and is_scored(out, record.name, key, report=report):
        summary = read_record_summary(out, record.name)
        if summary is not None:
            return Scored(summary, is_new=False)
    annotations = record.annotations()
    metadata = {
        "model": model.checksum,
        "settings": settings_version(settings),
        "leads": ",".join(record.leads),
        **_facts(record),
        **({} if checksum is None else {"checksum": checksum}),
        **package_versions(),
    }
    results = ResultWriter(
        out,
        record.name,
        record.fs,
        annotations,
        key=key,
        metadata=metadata,
        duration_s=record.n_samples / record.fs,
        clock=clock,
    )
    collector = ReportCollector(record.name, record.fs, record.leads, annotations) if report else None
    witness = (
        None if collector is None else Witness(model, threshold=settings.threshold, alarms=settings.alarms, gates=False)
    )
    monitor = witness or Monitor(model, threshold=settings.threshold, alarms=settings.alarms)
    has_signal = False
    remarks = Remarks(record, annotations)

    def take(findings: Findings) -> None:
        results.write(findings)
        remarks.take(findings)
        if collector is not None and witness is not None:
            collector.add_findings(findings, why=partial(witness.explain, gates=False))

    with results:
        for chunk in record.chunks(chunk_s):
            has_signal = has_signal or _has_signal(chunk)
            if collector is not None:
                collector.add(chunk)
            take(monitor.process(chunk))
            if progress is not None:
                progress(chunk.stop / record.n_samples)
        if not has_signal:
            raise RecordUnsupported(
                f"record {record.name!r}: every sample of {', '.join(record.leads)} is missing; "
                "choose other leads or leave the record out"
            )
        take(monitor.finish())
        results.remarks, results.promised = remarks.lines(), remarks.promise is None
        # Before the table of beats, whose key says that all is there.
        if collector is None:
            with suppress(FileNotFoundError):
                report_path(out, record.name).unlink()
        else:
            save_report(out, collector.finish())
    assert results.summary is not None  # noqa: S101 - it is set when the results are published
    return Scored(results.summary, is_new=True)


def _facts(record: Record) -> dict[str, str]:
    """Return when a record began and what recorded it, where its file says so."""
    start: datetime | None = getattr(record, "start", None)
    facts: dict[str, str] = getattr(record, "facts", {})
    return {**({} if start is None else {"start": start.isoformat()}), **facts}


def _has_signal(chunk: Chunk) -> bool:
    return bool(np.isfinite(chunk.signal).any())
