"""What comes out of the engine, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.live.sequencer import Stay
from pipeline.records import Findings, Gap

__all__ = ["Result", "Totals"]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What came out for one patient.

    Attributes
    ----------
    stay : Stay
        The stay that it belongs to; positions and times count from its beginning.
    findings : Findings or None
        Beats just scored, with alarms, drifts and gaps.
    lost : Gap or None
        Signal that was lost before it reached the monitor.
    """

    stay: Stay
    findings: Findings | None
    lost: Gap | None = None


@dataclass(slots=True)
class Totals:
    """What the engine has done since it was made.

    Attributes
    ----------
    beats, anomalies, alarms, drifts, gaps : int
        What was found.
    refused : int
        Frames, and stretches of signal, that could not be taken in.
    """

    beats: int = 0
    anomalies: int = 0
    alarms: int = 0
    drifts: int = 0
    gaps: int = 0
    refused: int = 0
