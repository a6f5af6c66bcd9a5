"""What Prometheus may ask: counts over all patients. No label ever names a patient."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.live.listener import Intake, Status
from pipeline.live.results import Totals
from pipeline.live.stays import Counts
from pipeline.records import KINDS, Chunk, Findings, Gap

__all__ = ["Metrics"]

DELAYS_S = (0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 5.0, 10.0)
STATES = ("live", "late")


class Metrics(Collector):
    """The counters of one service, in a registry of their own.

    It is a :class:`pipeline.live.listener.Listener` that counts what it hears; frames and the broker's backlog are
    asked for when somebody reads.

    Attributes
    ----------
    counts : callable or None
        Returns what became of frames so far.
    intake : Intake
        How frames come in from the broker.
    totals : Totals or None
        What the engine has done.
    deaf : callable or None
        Returns the patients whose frames come and whose beats do not.
    """

    def __init__(self) -> None:
        self.counts: Callable[[], Counts] | None = None
        self.intake = Intake()
        self.totals: Totals | None = None
        self.deaf: Callable[[], Collection[str]] | None = None
        self._heard: dict[str, tuple[str, float]] = {}  # patient -> state, end of its signal in s
        self.registry = registry = CollectorRegistry()
        registry.register(self)
        self.samples = Counter("ecg_samples", "Samples taken in, of all patients", registry=registry)
        self.beats = Counter("ecg_beats", "Beats scored, by kind", ["kind"], registry=registry)
        self.alarms = Counter("ecg_alarms", "Alarms raised", ["priority", "physiological"], registry=registry)
        self.drifts = Counter("ecg_drifts", "Drifts detected", registry=registry)
        self.gap_s = Counter("ecg_gap_seconds", "Seconds without usable signal", ["reason"], registry=registry)
        self.delay_s = Histogram(
            "ecg_beat_delay_seconds",
            "From an R peak to its verdict, in seconds of signal",
            buckets=DELAYS_S,
            registry=registry,
        )
        self.ended = Counter("ecg_stays_ended", "Stays that ended", registry=registry)
        self.viewers = Gauge("ecg_viewers", "Pages connected", registry=registry)
        self.skipped = Counter("ecg_viewer_skips", "Times a slow page was moved on to the newest", registry=registry)
        self.unstored = Gauge("ecg_alarms_unstored", "Alarms that wait for the database", registry=registry)
        self.acknowledged = Counter("ecg_alarms_acknowledged", "Alarms acknowledged on the page", registry=registry)

    @property
    def unheard(self) -> int:
        """How many patients' frames come and beats do not."""
        return len(self.deaf()) if self.deaf is not None else 0

    def signal(self, chunk: Chunk) -> None:
        """Count signal."""
        self.samples.inc(len(chunk.signal))
        state, _ = self._heard.get(chunk.record, ("live", 0.0))
        self._heard[chunk.record] = state, chunk.stop / chunk.fs

    def findings(self, findings: Findings) -> None:
        """Count what was found."""
        for code, n in Count(findings.kind.tolist()).items():
            self.beats.labels(KINDS[code]).inc(n)
        _, until_s = self._heard.get(findings.record, ("", 0.0))
        for time_s in findings.time_s.tolist():
            self.delay_s.observe(until_s - time_s)
        for alarm in findings.alarms:
            self.alarms.labels(alarm.priority, str(alarm.physiological).lower()).inc()
        self.drifts.inc(len(findings.drifts))
        for gap in findings.gaps:
            self.gap(gap)

    def gap(self, gap: Gap) -> None:
        """Count what was lost."""
        self.gap_s.labels(gap.reason).inc(max(0.0, gap.stop_s - gap.start_s))

    def take_intake(self, intake: Intake) -> None:
        """Keep how frames come in from the broker."""
        self.intake = intake

    def status(self, status: Status) -> None:
        """Keep a patient's state."""
        if status.state == "ended":
            self._heard.pop(status.patient, None)
            self.ended.inc()
        else:
            _, until_s = self._heard.get(status.patient, ("", 0.0))
            self._heard[status.patient] = status.state, until_s

    def collect(self) -> Iterator[Metric]:
        """Yield what is asked for when somebody reads."""
        patients = GaugeMetricFamily("ecg_patients", "Patients, by the state of their stream", labels=["state"])
        states = Count(state for state, _ in list(self._heard.values()))
        for state in STATES:
            patients.add_metric([state], states[state])
        yield patients
        what = "Patients whose frames come and whose beats do not"
        yield GaugeMetricFamily("ecg_patients_unheard", what, self.unheard)
        totals = self.totals or Totals()
        yield CounterMetricFamily("ecg_monitors_anew", "Patients that began anew because something failed", totals.anew)
        intake = self.intake
        yield GaugeMetricFamily("ecg_backlog_seconds", "Age of the oldest frame in the broker", intake.behind_s)
        yield GaugeMetricFamily("ecg_backlog_frames", "Frames that wait in the broker", intake.waiting)
        counts = asdict(self.counts()) if self.counts is not None else {}
        frames = CounterMetricFamily("ecg_frames", "Frames that arrived or are missing, by fate", labels=["fate"])
        fates = {"arrived": "frames", "doubled": "doubled", "late": "late", "reordered": "reordered", "lost": "lost"}
        for fate, name in fates.items():
            frames.add_metric([fate], counts.get(name, 0))
        frames.add_metric(["refused"], intake.refused + totals.refused)
        frames.add_metric(["dropped"], intake.dropped)  # by the stream's limits, before they were read
        yield frames
        yield CounterMetricFamily("ecg_clock_jumps", "Times of devices that did not continue", counts.get("jumps", 0))

    def render(self) -> bytes:
        """Return the text that Prometheus reads."""
        return generate_latest(self.registry)
