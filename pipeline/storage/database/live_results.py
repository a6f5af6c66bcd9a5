"""What came out for a patient's stay, as rows of the tables of live monitoring."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.records import KINDS, RHYTHMS, Alarm, Drift, Findings, Gap

__all__ = ["StayResults", "beat_rows", "drift_rows", "gap_rows", "stay_row"]


@dataclass(slots=True)
class StayResults:
    """What came out for a patient's stay since the last transaction.

    Attributes
    ----------
    patient, session : str
        Whose, and the session that the stay began with.
    began_at_us : int
        When the stay began, in microseconds since 1970 UTC.
    fs : float
        Its rate in Hz.
    leads : tuple of str
        Its leads.
    findings : list of Findings
        Beats, alarms and drifts.
    gaps : list of Gap
        Signal that was lost before it reached the monitor.
    """

    patient: str
    session: str
    began_at_us: int
    fs: float
    leads: tuple[str, ...]
    findings: list[Findings] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """Where its alarms come from, as the table of alarms has it."""
        return f"live/{self.session}/{self.began_at_us}"

    def alarms(self) -> Iterator[Alarm]:
        """Yield what a person is told, and what becomes of it."""
        for findings in self.findings:
            yield from findings.alarms
            yield from findings.updates


def stay_row(stay: StayResults) -> dict[str, Any]:
    """Return its row of ``live_stays``."""
    return {**_key(stay), "session": stay.session, "fs": stay.fs, "leads": list(stay.leads)}


def _key(stay: StayResults) -> dict[str, Any]:
    return {"patient": stay.patient, "began_at_us": stay.began_at_us}


def beat_rows(stay: StayResults) -> Iterator[dict[str, Any]]:
    """Yield its rows of ``live_beats``."""
    key = _key(stay)
    for findings in stay.findings:
        columns = [
            findings.beat, findings.r_peak, findings.rr_s, findings.score, findings.threshold, findings.p_value,
            findings.is_anomaly, findings.drift, findings.quality, findings.learning, findings.kind, findings.shape,
            findings.rhythm, findings.state,
        ]  # fmt: skip
        for row in zip(*(column.tolist() for column in columns), strict=True):
            (
                beat, r_peak, rr_s, score, threshold, p_value, is_anomaly, drift, quality, learning, kind, shape,
                rhythm, state,
            ) = row  # fmt: skip
            yield {
                **key,
                "beat": beat,
                "r_peak": r_peak,
                "rr_s": _known(rr_s),
                "score": _known(score),
                "threshold": _known(threshold),
                "p_value": _known(p_value),
                "is_anomaly": is_anomaly,
                "drift": drift,
                "quality": quality,
                "learning": learning,
                "kind": KINDS[kind],
                "shape": _known(shape),
                "rhythm": _known(rhythm),
                "state": RHYTHMS[state] or None,
            }


def _known(value: float) -> float | None:
    """Return None for NaN, which SQLite makes of it anyway and PostgreSQL does not."""
    return None if math.isnan(value) else value


def drift_rows(stay: StayResults) -> Iterator[dict[str, Any]]:
    """Yield its rows of ``live_drifts``."""
    for drift in (drift for findings in stay.findings for drift in findings.drifts):
        yield {**_key(stay), **_drift_columns(drift)}


def _drift_columns(drift: Drift) -> dict[str, Any]:
    return {
        "beat": drift.beat,
        "time_us": round(drift.time_s * 1e6),
        "before": drift.before,
        "after": drift.after,
        "action": drift.action,
    }


def gap_rows(stay: StayResults) -> Iterator[dict[str, Any]]:
    """Yield its rows of ``live_gaps``."""
    gaps = [*stay.gaps, *(gap for findings in stay.findings for gap in findings.gaps)]
    for gap in gaps:
        start_us, stop_us = round(gap.start_s * 1e6), round(gap.stop_s * 1e6)
        yield {**_key(stay), "start_us": start_us, "stop_us": stop_us, "reason": gap.reason}
