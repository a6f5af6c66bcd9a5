"""An alarm as a FHIR R4 ``Observation`` with the signal around it (https://hl7.org/fhir/R4/observation.html).

Leads are coded as in the standard's own ECG example: MDC codes of ISO/IEEE 11073-10101, one component a lead, whose
``SampledData`` counts microvolts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import __version__
from pipeline.records import Alarm
from pipeline.web.patient import Patient, RaisedAlarm
from pipeline.web.ring import MISSING

__all__ = ["AFTER_S", "BEFORE_S", "NO_SIGNAL", "Strip", "observation", "stored_observation", "stretch_of"]

BEFORE_S, AFTER_S = 6.0, 6.0  # s of signal before the onset and after the moment at which the alarm was raised
LONGEST_S = 60.0  # s of signal in one observation at the most; what is left out is at the far end

NO_SIGNAL = "the signal of this alarm is no longer kept"

MDC = "urn:oid:2.16.840.1.113883.6.24"
UCUM = "http://unitsofmeasure.org"
PROJECT = "https://ecg-anomaly.invalid/fhir"  # a name for codes of this project's own, not an address
POTENTIAL = ("131328", "MDC_ECG_ELEC_POTL")
LEADS = {
    "I": ("131329", "MDC_ECG_ELEC_POTL_I"),
    "II": ("131330", "MDC_ECG_ELEC_POTL_II"),
    "V1": ("131331", "MDC_ECG_ELEC_POTL_V1"),
    "V2": ("131332", "MDC_ECG_ELEC_POTL_V2"),
    "V3": ("131333", "MDC_ECG_ELEC_POTL_V3"),
    "V4": ("131334", "MDC_ECG_ELEC_POTL_V4"),
    "V5": ("131335", "MDC_ECG_ELEC_POTL_V5"),
    "V6": ("131336", "MDC_ECG_ELEC_POTL_V6"),
    "III": ("131389", "MDC_ECG_ELEC_POTL_III"),
    "AVR": ("131390", "MDC_ECG_ELEC_POTL_AVR"),
    "AVL": ("131391", "MDC_ECG_ELEC_POTL_AVL"),
    "AVF": ("131392", "MDC_ECG_ELEC_POTL_AVF"),
    "MLII": ("131394", "MDC_ECG_ELEC_POTL_MLII"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """A stretch of signal.

    Attributes
    ----------
    fs : float
        Rate in Hz.
    leads : tuple of str
        Names of the leads.
    first : int
        Position of the first sample, counted from the record's.
    steps : ndarray of int16, shape (samples, leads)
        Microvolts, MISSING where a sample is not there.
    """

    fs: float
    leads: tuple[str, ...]
    first: int
    steps: NDArray[np.int16]


def stretch_of(alarm: Alarm) -> tuple[float, float]:
    """Return from when to when, in s of the record, an alarm's signal is of interest."""
    stop_s = alarm.raised_s + AFTER_S
    return max(alarm.onset_s - BEFORE_S, stop_s - LONGEST_S), stop_s


def observation(patient: Patient, raised: RaisedAlarm) -> dict[str, Any]:
    """Return an alarm of a running monitor as an ``Observation`` resource, as plain values for JSON.

    Parameters
    ----------
    patient : Patient
        Whose alarm; its buffers hold the signal.
    raised : RaisedAlarm
        The alarm.

    Returns
    -------
    dict
        As :func:`stored_observation` does.
    """
    start_s, stop_s = stretch_of(raised.alarm)
    first, steps = patient.signal(round(start_s * patient.fs), round(stop_s * patient.fs))
    return stored_observation(
        raised.alarm,
        Strip(patient.fs, patient.leads, first, steps),
        number=raised.id,
        began_us=patient.status.began_us or None,
        acknowledged=(raised.acknowledged_by, raised.acknowledged_at_us),
    )


def stored_observation(
    alarm: Alarm,
    strip: Strip | None,
    *,
    number: int | None,
    began_us: int | None,
    acknowledged: tuple[str | None, int | None] = (None, None),
    without: str = NO_SIGNAL,
) -> dict[str, Any]:
    """Return an alarm as an ``Observation`` resource, as plain values for JSON.

    Parameters
    ----------
    alarm : Alarm
        The alarm.
    strip : Strip or None
        Its signal, as far as it is kept.
    number : int or None
        Its number in the database.
    began_us : int or None
        When its record began, in microseconds since 1970 UTC, where anybody knows.
    acknowledged : tuple of (str, int) or (None, None)
        By whom and when, in microseconds since 1970 UTC.
    without : str
        What a note says where there is no signal.

    Returns
    -------
    dict
        ``status`` is ``preliminary``: a machine's finding that nobody has confirmed, acknowledged or not. Signal that
        is no longer kept is left out; without any, the components are left out and a note says so.
    """
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "preliminary",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "procedure",
                        "display": "Procedure",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": f"{PROJECT}/alarm", "code": _code(alarm.kind)}], "text": alarm.kind},
        "subject": {"identifier": {"system": f"{PROJECT}/record", "value": alarm.record}, "display": alarm.record},
        "device": {"display": f"ecg-anomaly {__version__}; for research only, not a medical device"},
        "valueString": alarm.message,
        "interpretation": [{"text": f"{alarm.priority} priority, {_about(alarm.physiological)}"}],
    }
    if number is not None:
        resource["identifier"] = [{"system": f"{PROJECT}/alarm-number", "value": str(number)}]
    if began_us is not None:
        resource["effectivePeriod"] = {
            "start": _instant(began_us, alarm.onset_s),
            "end": _instant(began_us, max(alarm.onset_s, alarm.raised_s, alarm.ended_s or 0.0)),
        }
        resource["issued"] = _instant(began_us, alarm.raised_s)
    by, at_us = acknowledged
    notes = []
    if by is not None and at_us is not None:
        notes.append({"text": "acknowledged", "authorString": by, "time": _instant(at_us, 0.0)})
    if strip is not None and len(strip.steps):
        offset_s = strip.first / strip.fs - alarm.onset_s
        text = f"from {offset_s:+.3f} s of the onset, {len(strip.steps) / strip.fs:.3f} s"
        resource["component"] = [
            _component(lead, strip.fs, strip.steps[:, i], text) for i, lead in enumerate(strip.leads)
        ]
    else:
        notes.append({"text": without})
    if notes:
        resource["note"] = notes
    return resource


def _component(lead: str, fs: float, steps: NDArray[np.int16], text: str) -> dict[str, Any]:
    code, display = LEADS.get(lead.upper(), POTENTIAL)
    return {
        "code": {"coding": [{"system": MDC, "code": code, "display": display}], "text": f"{lead}, {text}"},
        "valueSampledData": {
            "origin": {"value": 0, "unit": "uV", "system": UCUM, "code": "uV"},
            "period": 1000.0 / fs,  # ms from one sample to the next
            "dimensions": 1,
            "data": " ".join("E" if step == MISSING else str(step) for step in steps.tolist()),
        },
    }


def _about(physiological: bool) -> str:
    return "about the heart" if physiological else "about the signal"


def _code(kind: str) -> str:
    return "-".join(kind.split())


def _instant(began_us: int, seconds: float) -> str:
    when = datetime.fromtimestamp((began_us + round(seconds * 1e6)) / 1e6, UTC)
    return when.isoformat(timespec="milliseconds")
