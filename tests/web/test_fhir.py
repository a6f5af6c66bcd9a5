from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from urllib.request import urlopen

from fhir.resources.R4B.observation import Observation

from pipeline.live.listener import Status
from pipeline.web.fhir import AFTER_S, BEFORE_S, NO_SIGNAL, observation
from pipeline.web.hub import Hub
from pipeline.web.patient import Patient, RaisedAlarm
from tests.waiting import PATIENCE_S
from tests.web.conftest import RUN, Service

BEGAN_US = 1_750_000_000_000_000


def run_alarm(patient: Patient) -> RaisedAlarm:
    (raised,) = [one for one in patient.alarms() if one.alarm.kind == "ventricular tachycardia"]
    return raised


def test_an_alarm_is_a_valid_observation_with_its_signal(service: Service) -> None:
    (patient,) = service.hub.patients()
    service.hub.status(Status(RUN, "live", 60.0, BEGAN_US, 0.0))
    raised = run_alarm(patient)
    assert raised.id is not None
    service.desk.acknowledge([raised.id], "A. Nurse")
    with urlopen(f"{service.url}api/alarms/{raised.id}/observation", timeout=PATIENCE_S) as answer:
        assert answer.headers["Content-Type"] == "application/fhir+json"
        document = json.loads(answer.read())
    Observation.model_validate(document)
    assert document["status"] == "preliminary"
    assert document["subject"]["identifier"]["value"] == RUN
    began = datetime.fromisoformat(document["effectivePeriod"]["start"]).timestamp()
    assert abs(began - BEGAN_US / 1e6 - raised.alarm.onset_s) < 0.002
    assert document["note"][0]["authorString"] == "A. Nurse"
    names = [one["code"]["coding"][0]["display"].removeprefix("MDC_ECG_ELEC_POTL_") for one in document["component"]]
    assert names == ["MLII", "V1"]
    start = round((raised.alarm.onset_s - BEFORE_S) * 360)
    _, steps = patient.signal(start, round((raised.alarm.raised_s + AFTER_S) * 360))
    for i, component in enumerate(document["component"]):
        sampled = component["valueSampledData"]
        assert sampled["period"] == 1000 / 360
        assert (sampled["dimensions"], sampled["origin"]["code"]) == (1, "uV")
        assert [int(word) for word in sampled["data"].split(" ")] == steps[:, i].tolist()


def test_missing_samples_are_errors_in_the_standard_s_sense(hub: Hub) -> None:
    (patient,) = hub.patients()
    document = observation(patient, RaisedAlarm(replace(run_alarm(patient).alarm, onset_s=51.0, raised_s=51.5)))
    Observation.model_validate(document)
    words = document["component"][0]["valueSampledData"]["data"].split(" ")
    assert words.count("E") == 2 * 360


def test_an_alarm_whose_signal_is_gone_is_still_one(hub: Hub) -> None:
    (patient,) = hub.patients()
    document = observation(patient, RaisedAlarm(replace(run_alarm(patient).alarm, onset_s=-900.0, raised_s=-899.0)))
    assert "component" not in document
    assert document["note"] == [{"text": NO_SIGNAL}]
    assert "effectivePeriod" not in document  # nobody told when the record began
    Observation.model_validate(document)
