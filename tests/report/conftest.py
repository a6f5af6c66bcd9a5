from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest

from pipeline.annotations import Annotations
from pipeline.records import Alarm, Chunk, Drift, Findings, Gap
from pipeline.report import RecordReport, ReportCollector

FS = 250.0
LEADS = ("MLII", "V1")


@dataclass(frozen=True)
class Recording:
    """A made-up record: one beat a second, every tenth one an anomaly, with one alarm, one drift and one gap."""

    signal: np.ndarray
    findings: Findings
    annotations: Annotations

    def stream(self, seconds: float) -> Iterator[tuple[Chunk, Findings]]:
        """The chunks, each with what a monitor has found 0.5 s behind it."""
        found, step, first = self.findings, int(seconds * FS), 0
        columns = [f.name for f in fields(found) if isinstance(getattr(found, f.name), np.ndarray)]
        for start in range(0, len(self.signal), step):
            chunk = Chunk(found.record, start, FS, LEADS, self.signal[start : start + step])
            is_last = chunk.stop == len(self.signal)
            horizon = np.inf if is_last else chunk.stop - 0.5 * FS
            last = int(np.searchsorted(found.r_peak, horizon))
            part: dict[str, Any] = {name: getattr(found, name)[first:last] for name in columns}
            for name, at in (("alarms", "raised_s"), ("drifts", "time_s"), ("gaps", "stop_s")):
                events = getattr(found, name)
                part[name] = tuple(event for event in events if start <= getattr(event, at) * FS < chunk.stop)
            first = last
            yield chunk, replace(found, **part)

    def report(self, seconds: float = 10.0, *, annotated: bool = True) -> RecordReport:
        found = self.findings
        collector = ReportCollector(found.record, FS, LEADS, self.annotations if annotated else None)
        for chunk, part in self.stream(seconds):
            collector.add(chunk)
            collector.add_findings(part)
        return collector.finish()


def make_recording(record: str = "mitdb/208", duration_s: int = 180, message: str = "no beat for 3.2 s") -> Recording:
    rng = np.random.default_rng(1)
    time_s = np.arange(int(duration_s * FS)) / FS
    signal = np.exp(-(((time_s % 1.0 - 0.5) / 0.02) ** 2))[:, None] * [1.2, -0.6] + rng.normal(
        0, 0.02, (len(time_s), 2)
    )
    r_peak = np.arange(int(FS / 2), len(time_s), int(FS)).astype(np.int64)
    n = len(r_peak)
    is_anomaly = np.arange(n) % 10 == 5
    score = np.where(is_anomaly, 5.0, 1.0) + rng.random(n)
    window = rng.normal(0, 0.1, (n, 110, 2)).astype(np.float32)
    findings = Findings(
        record=record,
        fs=FS,
        leads=LEADS,
        beat=np.arange(n),
        r_peak=r_peak,
        rr_s=np.where(np.arange(n) == 0, np.nan, 1.0),
        score=score,
        threshold=np.full(n, 3.0),
        p_value=np.where(is_anomaly, 0.0004, 0.5),
        is_anomaly=is_anomaly,
        drift=np.arange(n) == 90,
        quality=np.ones(n, dtype=np.float32),
        learning=np.arange(n) < 60,
        kind=np.where(is_anomaly, np.arange(n) // 10 % 4, 0).astype(np.uint8),
        shape=score / 2,
        rhythm=score / 2,
        state=np.ones(n, dtype=np.uint8),
        state_probability=np.full(n, 0.9, dtype=np.float32),
        held=np.zeros(n, dtype=np.bool_),
        window=window,
        expected=np.zeros_like(window),
        alarms=(Alarm(record, "pause", "high", True, 40.0, 43.2, 39, 40, message),),
        drifts=(Drift(record, 90, 90.5, 0.2, 1.4, "level raised"),),
        gaps=(Gap(record, 100.0, 104.0, "flat"),),
    )
    symbol = np.where(is_anomaly, "V", "N")
    return Recording(signal.astype(np.float32), findings, Annotations(r_peak + 2, symbol, ("",) * n, FS))


@pytest.fixture
def recording() -> Callable[..., Recording]:
    return make_recording
