"""Collects what the report shows of a record while it streams by, in bounded memory."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.explain.explanation import Explanation
from pipeline.records import KINDS, Alarm, Chunk, Drift, Findings, Gap
from pipeline.report.bins import Bins
from pipeline.report.events import EventPicker
from pipeline.report.marks import PRIORITIES, RANK_OF_AAMI, RANK_OF_KIND, anomaly_kind
from pipeline.report.record import Overview, Point, RecordReport, Trend, rounded
from pipeline.storage.labels import BeatLabels

__all__ = ["ReportCollector"]

_OVERVIEW_S, _OVERVIEW_BINS = 0.1, 20_000  # half an hour at ten bins a second
_TREND_S, _TREND_BINS = 2.0, 1_200
_MOST_POINTS = 1_500
_MOST_EVENTS_LISTED = 500
# A beat colours the overview from its P wave to its T wave.
_BEAT_SPAN_S = np.arange(-0.2, 0.35, 0.1)


class ReportCollector:
    """Collects the report of one record.

    For each chunk, call :meth:`add`, then :meth:`add_findings` with what was found in it. The report does not depend on
    how the record was cut into chunks.

    Parameters
    ----------
    record : str
        Name of the record.
    fs : float
        Its rate in Hz.
    leads : tuple of str
        Names of its leads; the first one is the overview's.
    annotations : Annotations, optional
        Its reference annotations, shown beside what was found.
    """

    def __init__(self, record: str, fs: float, leads: tuple[str, ...], annotations: Annotations | None = None) -> None:
        self._record, self._fs, self._leads = record, fs, leads
        self._annotated = annotations is not None
        self._labels = BeatLabels(annotations, fs)
        self._events = EventPicker(fs, len(leads), self._labels)
        self._signal = Bins(_OVERVIEW_S, _OVERVIEW_BINS, low=np.fmin, high=np.fmax)
        self._marks = Bins(_OVERVIEW_S, _OVERVIEW_BINS, rank=np.fmax, beats=np.add, flagged=np.add)
        self._trend = Bins(
            _TREND_S,
            _TREND_BINS,
            score_low=np.fmin,
            score_high=np.fmax,
            threshold=np.add,
            thresholds=np.add,
            rr_low=np.fmin,
            rr_high=np.fmax,
            rr=np.add,
            rrs=np.add,
            reference=np.fmax,
            alarm=np.fmax,
        )
        self._points: list[tuple[float, int, Point]] = []  # a heap: the lowest score first
        self._kinds: Counter[str] = Counter()
        self._beats = self._anomalies = 0
        self._learning_until_s = 0.0
        self._stop = 0
        self._alarms: dict[str, Alarm] = {}  # the last state of each, by key
        self._drifts: list[Drift] = []
        self._gaps: list[Gap] = []
        self._counts: Counter[str] = Counter()

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk of signal.

        Raises
        ------
        ValueError
            If it is of another record or has other leads.
        """
        if chunk.record != self._record or chunk.leads != self._leads:
            raise ValueError(f"chunk of {chunk.record!r} {chunk.leads} added to {self._record!r} {self._leads}")
        is_new = slice(max(self._stop - chunk.start, 0), None)  # samples that came before are set aside
        signal = chunk.signal[is_new]
        start = max(self._stop, chunk.start)
        if not len(signal):
            return
        first_lead = signal[:, 0]
        self._signal.add((start + np.arange(len(signal))) / self._fs, low=first_lead, high=first_lead)
        self._events.add_signal(start, signal)
        self._stop = start + len(signal)

    def add_findings(self, findings: Findings, why: Callable[[int], Explanation] | None = None) -> None:
        """Take what was found in the chunks so far.

        Parameters
        ----------
        findings : Findings
            The next ones.
        why : callable, optional
            Explains a beat of these findings by its number, see :meth:`pipeline.explain.witness.Witness.explain`.

        Raises
        ------
        ValueError
            If it is of another record.
        """
        if findings.record != self._record:
            raise ValueError(f"findings of {findings.record!r} added to {self._record!r}")
        self._keep(findings)
        self._events.add_findings(findings, why)
        if not len(findings):
            return
        time_s, flagged = findings.time_s, findings.is_anomaly
        if findings.learning.any():
            self._learning_until_s = float(time_s[findings.learning][-1])
        self._beats += len(findings)
        self._anomalies += int(flagged.sum())
        self._add_trend(findings, time_s)
        ranks = np.array(RANK_OF_KIND)[findings.kind]
        self._marks.add(time_s, beats=np.ones(len(findings)), flagged=flagged)
        at = np.maximum(time_s[flagged, None] + _BEAT_SPAN_S, 0.0)
        self._marks.add(at, rank=np.broadcast_to(np.maximum(ranks[flagged, None], 1), at.shape))
        for i in np.flatnonzero(flagged):
            kind = anomaly_kind(KINDS[findings.kind[i]])
            self._kinds[kind] += 1
            self._add_point(float(time_s[i]), float(findings.score[i]), float(findings.p_value[i]), kind)

    def finish(self) -> RecordReport:
        """Return the report of the record."""
        width_s = max(self._signal.width, self._marks.width)
        self._signal.coarsen(width_s)
        self._marks.coarsen(width_s)
        duration_s = max(self._stop / self._fs, (len(self._trend) - 1) * self._trend.width if not self._stop else 0.0)
        self._add_reference(duration_s)
        points = sorted((point for _, _, point in self._points), key=lambda point: point.time_s)
        trend = self._trend
        with np.errstate(invalid="ignore"):  # 0 / 0 where a bin holds no beat
            share = self._marks["flagged"] / self._marks["beats"]
            threshold, rr_mean = trend["threshold"] / trend["thresholds"], trend["rr"] / trend["rrs"]
        return RecordReport(
            record=self._record,
            fs=self._fs,
            leads=self._leads,
            duration_s=round(duration_s, 3),
            beats=self._beats,
            anomalies=self._anomalies,
            n_alarms=self._counts["alarms"],
            n_drifts=self._counts["drifts"],
            n_gaps=self._counts["gaps"],
            kinds=dict(self._kinds.most_common()),
            learning_until_s=round(self._learning_until_s, 3),
            annotated=self._annotated,
            overview=Overview(
                width_s=width_s,
                low=rounded(self._signal["low"], 2),
                high=rounded(self._signal["high"], 2),
                mark=rounded(self._marks["rank"], 0),
                share=rounded(share, 2),
            ),
            trend=Trend(
                width_s=trend.width,
                score_low=rounded(trend["score_low"], 3),
                score_high=rounded(trend["score_high"], 3),
                threshold=rounded(threshold, 3),
                rr_low=rounded(trend["rr_low"], 3),
                rr_high=rounded(trend["rr_high"], 3),
                rr_mean=rounded(rr_mean, 3),
                reference=rounded(trend["reference"], 0),
                alarm=rounded(trend["alarm"], 0),
            ),
            points=points,
            events=self._events.finish(),
            alarms=list(self._alarms.values()),
            drifts=self._drifts,
            gaps=self._gaps,
        )

    def _keep(self, findings: Findings) -> None:
        for alarm in (*findings.alarms, *findings.updates):
            is_new = alarm.revision == 0
            self._counts["alarms"] += is_new
            if alarm.key in self._alarms or (is_new and len(self._alarms) < _MOST_EVENTS_LISTED):
                self._alarms[alarm.key] = alarm
        for name in ("drifts", "gaps"):
            kept, new = getattr(self, f"_{name}"), getattr(findings, name)
            kept.extend(new[: max(_MOST_EVENTS_LISTED - len(kept), 0)])
            self._counts[name] += len(new)
        ranks = [PRIORITIES.index(alarm.priority) for alarm in findings.alarms]
        self._trend.add([alarm.raised_s for alarm in findings.alarms], alarm=ranks)

    def _add_trend(self, findings: Findings, time_s: NDArray[np.float64]) -> None:
        usual = np.where(findings.is_anomaly, np.nan, findings.score)
        has_threshold, has_rr = np.isfinite(findings.threshold), np.isfinite(findings.rr_s)
        self._trend.add(
            time_s,
            score_low=usual,
            score_high=usual,
            threshold=np.where(has_threshold, findings.threshold, 0.0),
            thresholds=has_threshold,
            rr_low=findings.rr_s,
            rr_high=findings.rr_s,
            rr=np.where(has_rr, findings.rr_s, 0.0),
            rrs=has_rr,
        )

    def _add_point(self, time_s: float, score: float, p_value: float, kind: str) -> None:
        if not np.isfinite(score):
            return
        p = float(f"{p_value:.2g}") if np.isfinite(p_value) else None
        point = Point(time_s=round(time_s, 2), score=float(f"{score:.4g}"), p_value=p, kind=kind)
        # Of equal scores the earlier one stays, so that the choice does not depend on the chunks.
        item = (score, -self._kinds.total(), point)
        if len(self._points) < _MOST_POINTS:
            heapq.heappush(self._points, item)
        else:
            heapq.heappushpop(self._points, item)

    def _add_reference(self, duration_s: float) -> None:
        is_anomalous = np.isin(self._labels.aami, list(RANK_OF_AAMI))
        time_s = self._labels.sample[is_anomalous] / self._fs
        ranks = np.array([RANK_OF_AAMI[str(aami)] for aami in self._labels.aami[is_anomalous]], dtype=np.float64)
        is_inside = (time_s >= 0) & (time_s <= duration_s)
        self._trend.add(time_s[is_inside], reference=ranks[is_inside])
