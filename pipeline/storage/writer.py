"""One record's results, written while it is being scored and published when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from upath import UPath

from pipeline.annotations import Annotations
from pipeline.records import Alarm, Drift, Findings, Gap, last_states
from pipeline.storage.accuracy import Accuracy
from pipeline.storage.annotation_file import AnnotationFile, annotation_path
from pipeline.storage.beats import Columns, beat_columns, beat_path, beat_schema, beat_table
from pipeline.storage.events import put_events
from pipeline.storage.files import locked, publish, staging_folder, translated
from pipeline.storage.labels import BeatLabels
from pipeline.storage.objects import Entry, put_entry
from pipeline.storage.place import PlaceLike, place
from pipeline.storage.summary import RecordSummary, put_summary

__all__ = ["ResultWriter"]

ROW_GROUP = 8192  # beats: about two hours, 1 MB in memory


class ResultWriter:
    """Writes the results of one record.

    A context manager: results are staged while the record is scored and published together on a clean exit. After an
    exception, Ctrl-C or a kill, what was there before is still there. The table of beats is published last, so a
    record whose table carries a key (:func:`is_done`) is whole. Memory is constant, whatever the record's length.

    Parameters
    ----------
    out : path
        The output folder; it is made if it does not exist. Or the URL of a place in an object store.
    record : str
        Name of the record, such as ``mitdb/208``.
    fs : float
        Its rate in Hz.
    annotations : Annotations, optional
        Its reference annotations: they label the beats and are what sensitivity and precision are counted against.
    key : str
        What the results depend on: checksum of the record, checksum of the model, version of the settings.
    metadata : mapping of str, optional
        Facts to keep in the table's file and in the summary, such as model, settings and package versions.
    duration_s : float, optional
        Length of the record in s; the last beat's time if it is not known.
    clock : callable, optional
        Returns seconds, such as :func:`time.perf_counter`; with it the summary says how many times faster than real
        time the record was scored.

    Attributes
    ----------
    summary : RecordSummary or None
        The record's entry in the summary, once it is published.
    remarks : tuple of str
        What the summary is to say of how the record was read; set before the end.

    Raises
    ------
    OutputError
        If the results cannot be written, on entry already where that can be told.
    """

    def __init__(
        self,
        out: PlaceLike,
        record: str,
        fs: float,
        annotations: Annotations | None = None,
        *,
        key: str = "",
        metadata: Mapping[str, str] | None = None,
        duration_s: float | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.summary: RecordSummary | None = None
        self.remarks: tuple[str, ...] = ()
        self.promised: bool | None = None
        self._out = place(out)
        self._record = record
        self._fs = fs
        self._metadata = dict(metadata or {})
        self._schema = beat_schema(key, self._metadata)
        self._duration_s = duration_s
        self._clock = clock
        self._table_path = beat_path(self._out, record)
        self._annotation_path = annotation_path(self._out, record)
        self._labels = BeatLabels(annotations, fs)
        self._accuracy = Accuracy(annotations, self._labels, fs)
        self._rows: list[Columns] = []
        self._references: list[NDArray[np.int64]] = []
        self._spikes: list[NDArray[np.int64]] = []
        self._alarms: list[Alarm] = []
        self._drifts: list[Drift] = []
        self._gaps: list[Gap] = []
        self._beats = self._scored = self._anomalies = 0
        self._last_peak = -1

    def __enter__(self) -> Self:
        self._started = self._clock() if self._clock else None
        with translated(self._out, self._record), ExitStack() as stack:
            folder = stack.enter_context(staging_folder(self._out))
            self._staged_table = folder / "beats.parquet"
            self._staged_annotations = folder / "beats"
            self._parquet = pq.ParquetWriter(self._staged_table, self._schema, compression="zstd")
            self._annotation_file = AnnotationFile(self._staged_annotations, self._fs)
            self._staging = stack.pop_all()
        return self

    def write(self, findings: Findings) -> None:
        """Take the next findings of the record, in order.

        Raises
        ------
        ValueError
            If they are of another record, or do not follow the ones before.
        OutputError
            If they cannot be written.
        """
        if findings.record != self._record:
            raise ValueError(f"findings of {findings.record!r} written to the results of {self._record!r}")
        steps = np.diff(findings.r_peak, prepend=self._last_peak)
        if np.any(steps <= 0):
            raise ValueError(f"{self._record}: findings do not follow the ones before, at sample {self._last_peak}")
        # One row an episode, in its last state: what came before is told while the record streams by.
        self._alarms = last_states([*self._alarms, *findings.alarms, *findings.updates])
        self._drifts += findings.drifts
        self._gaps += findings.gaps
        if len(findings.spikes):
            self._spikes.append(findings.spikes)
        if not len(findings):
            return
        self._last_peak = int(findings.r_peak[-1])
        self._beats += len(findings)
        self._scored += int(np.count_nonzero(~np.isnan(findings.score)))
        self._anomalies += int(np.count_nonzero(findings.is_anomaly))
        self._rows.append(beat_columns(findings))
        self._references.append(self._labels.push(findings.r_peak))
        # Row groups are cut by count alone, so that the file does not depend on how the record was chunked.
        if sum(map(len, self._references)) >= ROW_GROUP:
            with translated(self._out, self._record):
                self._flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with translated(self._out, self._record), self._staging:
            try:
                if error is None:
                    self._references.append(self._labels.push([], last=True))
                    self._flush(last=True)
                    self._annotation_file.close()
            finally:
                self._close_table(quietly=error is not None)
            if error is None:
                self._publish()

    def _flush(self, *, last: bool = False) -> None:
        """Write full row groups; with ``last``, the rest as well."""
        if not self._rows:
            return
        rows = {name: np.concatenate([part[name] for part in self._rows]) for name in self._rows[0]}
        references = np.concatenate(self._references)
        start, stop = 0, len(references) if last else len(references) // ROW_GROUP * ROW_GROUP
        while start < stop:
            end = min(start + ROW_GROUP, stop)
            part = {name: column[start:end] for name, column in rows.items()}
            reference = references[start:end]
            self._parquet.write_table(beat_table(self._record, part, self._labels, reference, self._schema))
            self._annotation_file.write(part, self._take_spikes(None if last and end == stop else part["r_peak"][-1]))
            self._accuracy.add(part["r_peak"], part["is_anomaly"], reference)
            start = end
        self._rows = [{name: column[stop:] for name, column in rows.items()}]
        self._references = [references[stop:]]

    def _take_spikes(self, until: int | None) -> NDArray[np.int64]:
        """Return the spikes up to a sample, or all; they are known before the beats that follow them."""
        known = np.concatenate([np.empty(0, dtype=np.int64), *self._spikes])
        count = len(known) if until is None else int(np.searchsorted(known, until, side="right"))
        self._spikes = [known[count:]]
        return known[:count]

    def _close_table(self, *, quietly: bool) -> None:
        try:
            self._parquet.close()
        except OSError:
            if not quietly:  # the error that is under way says more
                raise

    def _publish(self) -> None:
        duration_s = self._duration_s if self._duration_s is not None else max(self._last_peak, 0) / self._fs
        elapsed_s = self._clock() - self._started if self._clock and self._started is not None else None
        self.summary = RecordSummary(
            record=self._record,
            minutes=duration_s / 60.0,
            beats=self._beats,
            scored=self._scored,
            anomalies=self._anomalies,
            reference_anomalies=self._accuracy.reference_anomalies,
            flagged=self._accuracy.flagged,
            sensitivity=self._accuracy.sensitivity,
            precision=self._accuracy.precision,
            promised=self.promised,
            alarms=len(self._alarms),
            drifts=len(self._drifts),
            gaps=len(self._gaps),
            gap_s=sum(gap.stop_s - gap.start_s for gap in self._gaps),
            times_real_time=duration_s / elapsed_s if elapsed_s else None,
            remarks=self.remarks,
            metadata=self._metadata,
        )
        if isinstance(self._out, UPath):
            entry = Entry(summary=self.summary, alarms=self._alarms, drifts=self._drifts, gaps=self._gaps)
            publish(self._staged_annotations, self._annotation_path)
            put_entry(self._out, entry)
            publish(self._staged_table, self._table_path)
            return
        with locked(self._out):
            put_events(self._out, "alarms", self._record, self._alarms)
            put_events(self._out, "drifts", self._record, self._drifts)
            put_events(self._out, "gaps", self._record, self._gaps)
            put_summary(self._out, self.summary)
            publish(self._staged_annotations, self._annotation_path, within=self._out)
            publish(self._staged_table, self._table_path, within=self._out)
