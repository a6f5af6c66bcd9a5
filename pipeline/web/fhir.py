"""An alarm as a FHIR R4 ``Observation`` with the signal around it (https://hl7.org/fhir/R4/observation.html).

Leads are coded as in the standard's own ECG example: MDC codes of ISO/IEEE 11073-10101, one component a lead, whose
``SampledData`` counts microvolts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import __version__
from pipeline.web.patient import Patient, RaisedAlarm
from pipeline.web.ring import MISSING

__all__ = ["AFTER_S", "BEFORE_S", "observation"]

BEFORE_S, AFTER_S = 6.0, 6.0  # s of signal before the onset and after the moment at which the alarm was raised
LONGEST_S = 60.0  # s of signal in one observation at the most; what is left out is at the far end

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


def observation(patient: Patient, raised: RaisedAlarm) -> dict[str, Any]:
    """Return an alarm as an ``Observation`` resource, as plain values for JSON.

    Parameters
    ----------
    patient : Patient
        Whose alarm; its buffers hold the signal.
    raised : RaisedAlarm
        The alarm.

    Returns
    -------
    dict
        ``status`` is ``preliminary``: a machine's finding that nobody has confirmed, acknowledged or not. Signal that
        is no longer kept is left out; without any, the components are left out.
    """
    alarm = raised.alarm
    stop_s = alarm.raised_s + AFTER_S
    start_s = max(alarm.onset_s - BEFORE_S, stop_s - LONGEST_S)
    first, steps = patient.signal(round(start_s * patient.fs), round(stop_s * patient.fs))
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
    if raised.id is not None:
        resource["identifier"] = [{"system": f"{PROJECT}/alarm-number", "value": str(raised.id)}]
    began_us = patient.status.began_us
    if began_us:
        resource["effectivePeriod"] = {
            "start": _instant(began_us, alarm.onset_s),
            "end": _instant(began_us, max(alarm.onset_s, alarm.raised_s)),
        }
        resource["issued"] = _instant(began_us, alarm.raised_s)
    if raised.acknowledged_by is not None and raised.acknowledged_at_us is not None:
        when = _instant(raised.acknowledged_at_us, 0.0)
        resource["note"] = [{"text": "acknowledged", "authorString": raised.acknowledged_by, "time": when}]
    if len(steps):
        offset_s = first / patient.fs - alarm.onset_s
        text = f"from {offset_s:+.3f} s of the onset, {len(steps) / patient.fs:.3f} s"
        resource["component"] = [
            _component(lead, patient.fs, steps[:, i], text) for i, lead in enumerate(patient.leads)
        ]
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
