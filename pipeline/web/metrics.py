"""What Prometheus may ask: counts over all patients. No label ever names a patient."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from pipeline.records import KINDS, Findings, Gap

__all__ = ["Metrics"]

DELAYS_S = (0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 5.0, 10.0)


class Metrics:
    """The counters of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
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
        self.patients = Gauge("ecg_patients", "Patients, by the state of their stream", ["state"], registry=registry)
        self.viewers = Gauge("ecg_viewers", "Pages connected", registry=registry)
        self.skipped = Counter("ecg_viewer_skips", "Times a slow page was moved on to the newest", registry=registry)
        self.unstored = Gauge("ecg_alarms_unstored", "Alarms that wait for the database", registry=registry)
        self.backlog_s = Gauge("ecg_backlog_seconds", "Age of the oldest frame in the broker", registry=registry)
        self.backlog_frames = Gauge("ecg_backlog_frames", "Frames that wait in the broker", registry=registry)
        self.acknowledged = Counter("ecg_alarms_acknowledged", "Alarms acknowledged on the page", registry=registry)

    def findings(self, findings: Findings, signal_until_s: float) -> None:
        """Count what was found, with signal taken in until then."""
        for code, n in Count(findings.kind.tolist()).items():
            self.beats.labels(KINDS[code]).inc(n)
        for time_s in findings.time_s.tolist():
            self.delay_s.observe(signal_until_s - time_s)
        for alarm in findings.alarms:
            self.alarms.labels(alarm.priority, str(alarm.physiological).lower()).inc()
        self.drifts.inc(len(findings.drifts))
        for gap in findings.gaps:
            self.lost(gap)

    def lost(self, gap: Gap) -> None:
        """Count a gap."""
        self.gap_s.labels(gap.reason).inc(max(0.0, gap.stop_s - gap.start_s))

    def states(self, states: Iterable[str]) -> None:
        """Note how many patients are in each state."""
        counts = Count(states)
        for state in ("live", "late", "ended"):
            self.patients.labels(state).set(counts[state])

    def render(self) -> bytes:
        """Return the text that Prometheus reads."""
        return generate_latest(self.registry)
