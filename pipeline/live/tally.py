"""A listener that counts: what a person is told at the end of a replay."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.live.listener import Status
from pipeline.records import Alarm, Chunk, Findings, Gap

__all__ = ["PatientTally", "Tally"]


@dataclass(slots=True)
class PatientTally:
    """What was heard of one patient.

    Attributes
    ----------
    signal_s : float
        Signal that came, in s.
    lost_s : float
        Signal that was lost before it reached the monitor, in s.
    beats, anomalies, drifts : int
        How many there were.
    alarms : list of Alarm
        What a person was told.
    state : str
        As in :class:`~pipeline.live.listener.Status`.
    """

    signal_s: float = 0.0
    lost_s: float = 0.0
    beats: int = 0
    anomalies: int = 0
    drifts: int = 0
    alarms: list[Alarm] = field(default_factory=list)
    state: str = ""


class Tally:
    """Count what is heard, patient by patient."""

    def __init__(self) -> None:
        self.patients: dict[str, PatientTally] = {}
        self.signal_s = 0.0  # of all patients

    def signal(self, chunk: Chunk) -> None:
        """Count signal."""
        seconds = len(chunk.signal) / chunk.fs
        self._of(chunk.record).signal_s += seconds
        self.signal_s += seconds

    def findings(self, findings: Findings) -> None:
        """Count what was found."""
        patient = self._of(findings.record)
        patient.beats += len(findings)
        patient.anomalies += int(findings.is_anomaly.sum())
        patient.drifts += len(findings.drifts)
        patient.alarms += findings.alarms

    def gap(self, gap: Gap) -> None:
        """Count what was lost."""
        self._of(gap.record).lost_s += gap.stop_s - gap.start_s

    def status(self, status: Status) -> None:
        """Keep the state."""
        self._of(status.patient).state = status.state

    def _of(self, patient: str) -> PatientTally:
        return self.patients.setdefault(patient, PatientTally())
