"""What comes out of the engine, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.live.stays import Stay
from pipeline.records import Alarm, Findings, Gap
from pipeline.signals.window import AFTER, BEFORE

__all__ = ["Result", "Totals", "findings_of_alarms"]


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
    anew : int
        Times that a patient began anew because something had failed.
    """

    beats: int = 0
    anomalies: int = 0
    alarms: int = 0
    drifts: int = 0
    gaps: int = 0
    refused: int = 0
    anew: int = 0


def findings_of_alarms(
    patient: str, stay: Stay, alarms: tuple[Alarm, ...], updates: tuple[Alarm, ...] = ()
) -> Findings:
    """Return findings of no beat, which carry what a person is told beside them."""
    whole, number = np.empty(0, np.int64), np.empty(0)
    window = np.empty((0, BEFORE + AFTER, len(stay.leads)), np.float32)
    return Findings(
        record=patient, fs=stay.fs, leads=stay.leads, beat=whole, r_peak=whole, rr_s=number, score=number,
        threshold=number, p_value=number, is_anomaly=np.empty(0, np.bool_), drift=np.empty(0, np.bool_),
        quality=np.empty(0, np.float32), learning=np.empty(0, np.bool_), kind=np.empty(0, np.uint8), shape=number,
        rhythm=number, state=np.empty(0, np.uint8), state_probability=np.empty(0, np.float32),
        held=np.empty(0, np.bool_), window=window, expected=window, alarms=alarms, updates=updates,
    )  # fmt: skip
