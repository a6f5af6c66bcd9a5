"""What goes over the wire between service and page.

Events are JSON objects with a ``type``; several go in one message, as a list. Signal is binary, little-endian, so that
sixteen patients cost a page nothing to read::

    message   u8  version (1)          block    u16 patient
              u8  kind (1: signal)              u8  leads
              u16 blocks                        u8  flags (1: does not continue what was sent before)
              block ...                         u32 samples
                                                f64 position of the first sample
                                                i16 microvolts, samples x leads; -32768 where missing
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Drift, Gap
from pipeline.web.patient import Patient, RaisedAlarm, beat_fields

__all__ = [
    "Block",
    "alarm_event",
    "backlog_event",
    "beats_event",
    "drift_event",
    "gap_event",
    "hello_event",
    "number",
    "patient_event",
    "patient_facts",
    "signal_message",
    "status_event",
]

VERSION, SIGNAL = 1, 1
JUMP = 1
RECENT = 60  # beats that a new viewer is told, to mark the strip that it starts with

Block = tuple[int, int, bool, NDArray[np.int16]]
"""Patient, position, whether it leaves out signal before it, microvolts of shape (samples, leads)."""


def signal_message(blocks: Iterable[Block]) -> bytes:
    """Return signal of some patients as one message."""
    parts, n = [b""], 0
    for patient, position, jump, steps in blocks:
        parts.append(struct.pack("<HBBId", patient, steps.shape[1], JUMP * jump, len(steps), position))
        parts.append(np.ascontiguousarray(steps, dtype="<i2").tobytes())
        n += 1
    parts[0] = struct.pack("<BBH", VERSION, SIGNAL, n)
    return b"".join(parts)


def beats_event(patient: Patient, rows: NDArray[np.void]) -> dict[str, Any]:
    """Return scored beats, with what stands on the tile after them."""
    return {"type": "beats", "patient": patient.number, "beats": beat_fields(rows), "vitals": patient.vitals()}


def drift_event(patient: Patient, drift: Drift) -> dict[str, Any]:
    """Return a drift."""
    return {"type": "drift", "patient": patient.number, **_plain(drift)}


def gap_event(patient: Patient, gap: Gap) -> dict[str, Any]:
    """Return a gap."""
    return {"type": "gap", "patient": patient.number, **_plain(gap)}


def alarm_event(patient: Patient, raised: RaisedAlarm) -> dict[str, Any]:
    """Return an alarm: raised, stored or acknowledged."""
    return {"type": "alarm", "patient": patient.number, **alarm_facts(raised)}


def alarm_facts(raised: RaisedAlarm) -> dict[str, Any]:
    """Return an alarm of this run as plain values."""
    facts = _plain(raised.alarm)
    facts |= {"id": raised.id, "by": raised.acknowledged_by, "at_us": raised.acknowledged_at_us}
    return facts


def backlog_event(seconds: int, frames: int) -> dict[str, Any]:
    """Return how far the monitor is behind; 0 s where it has caught up."""
    return {"type": "backlog", "seconds": seconds, "frames": frames}


def status_event(patient: Patient) -> dict[str, Any]:
    """Return a patient's status."""
    return {"type": "status", "patient": patient.number, **status_facts(patient)}


def status_facts(patient: Patient) -> dict[str, Any]:
    """Return a patient's status as plain values."""
    status = patient.status
    return {
        "state": status.state,
        "until_s": number(status.signal_until_s),
        "began_us": status.began_us,
        "lag_s": number(status.lag_s),
    }


def patient_facts(patient: Patient) -> dict[str, Any]:
    """Return what there is to know of a patient, beats and signal aside."""
    start, stop = patient.kept
    return {
        "patient": patient.number,
        "name": patient.name,
        "fs": patient.fs,
        "leads": list(patient.leads),
        "from_s": start / patient.fs,
        "to_s": stop / patient.fs,
        "history_s": patient.history_s,
        "vitals": patient.vitals(),
        "alarms": [alarm_facts(raised) for raised in patient.alarms()],
        **status_facts(patient),
    }


def hello_event(patients: Iterable[Patient]) -> dict[str, Any]:
    """Return the present, for a viewer that is new or has fallen too far behind."""
    return {"type": "hello", "patients": [_present(patient) for patient in patients]}


def patient_event(patient: Patient) -> dict[str, Any]:
    """Return a patient who has come, or whose stay begins anew, in place of one of the same name."""
    return {"type": "patient", **_present(patient)}


def _present(patient: Patient) -> dict[str, Any]:
    rows = patient.last_beats(RECENT)
    return {**patient_facts(patient), "beats": beat_fields(rows)}


def number(value: float) -> float | None:
    """Return a number as JSON has it: None where it is not finite."""
    return value if math.isfinite(value) else None


def _plain(event: Any) -> dict[str, Any]:
    facts = {key: number(value) if isinstance(value, float) else value for key, value in asdict(event).items()}
    del facts["record"]
    return facts
