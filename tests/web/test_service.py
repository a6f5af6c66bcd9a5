from __future__ import annotations

import json
import logging
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from sqlalchemy import text

from pipeline import BeatModel
from pipeline.errors import OutputError
from pipeline.explain.witness import Witness
from pipeline.live.listener import Status
from pipeline.records import Record, last_states
from pipeline.storage.database import Database
from pipeline.web.access import Access
from pipeline.web.hub import Hub
from pipeline.web.logs import JsonFormatter
from pipeline.web.server import Server
from tests.waiting import PATIENCE_S, wait_for
from tests.web.conftest import RUN, Heard, Service, serve, tell, wait_for_numbers
from tests.web.test_stream import blocks

TOKEN = secrets.token_urlsafe()


def get(service: Service, path: str) -> Any:
    with urlopen(service.url + path, timeout=PATIENCE_S) as answer:
        body = answer.read()
    return json.loads(body) if answer.headers["Content-Type"].endswith("json") else body


def code(service: Service, path: str) -> int:
    try:
        with urlopen(service.url + path, timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def acknowledge(service: Service, number: int, by: str) -> Any:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    body = json.dumps({"by": by}).encode()
    with urlopen(Request(f"{service.url}api/alarms/{number}/acknowledge", body, headers), timeout=PATIENCE_S) as answer:
        return json.loads(answer.read())


def test_stored_signal_can_be_scrolled_back_through(service: Service, run_record: Record) -> None:
    whole = np.concatenate([part.signal for part in run_record.chunks(60.0)])
    ((_, position, _, steps),) = blocks(get(service, "api/patients/0/signal?from=3600&to=7200"))
    assert position == 3600
    assert np.allclose(steps / 1000, whole[3600:7200], atol=0.0006)
    ((_, position, _, steps),) = blocks(get(service, "api/patients/0/signal?from=-100&to=10"))
    assert (position, len(steps)) == (0, 10)
    ((_, _, _, steps),) = blocks(get(service, "api/patients/0/signal?from=90000&to=90010"))
    assert len(steps) == 0


def test_a_beat_is_explained_as_the_library_explains_it(service: Service, run_record: Record) -> None:
    assert get(service, "api/patients/0/beats/50/why")["words"] is None  # nothing explains beats here
    witness = Witness(BeatModel.pretrained())
    for part in run_record.chunks(2.0):
        witness.process(part)
    service.hub.why = lambda record, beat: witness.explain(beat, gates=False)
    told = get(service, "api/patients/0/beats/50/why")
    assert told == witness.explain(50, gates=False).to_dict()
    assert told["scored"]["record"] == RUN
    assert "9999" in get(service, "api/patients/0/beats/9999/why")["reason"]
    assert code(service, "api/patients/9/beats/50/why") == 404


@pytest.mark.parametrize("query", ["", "?from=0", "?from=a&to=b", "?from=5&to=0", "?from=0&to=99999999"])
def test_a_stretch_that_makes_no_sense_is_refused(service: Service, query: str) -> None:
    assert code(service, f"api/patients/0/signal{query}") == 400
    assert code(service, f"api/patients/0/shapes{query}") == 400


def test_what_is_not_there_is_not_found(service: Service) -> None:
    for path in ("api/patients/9/beats", "api/patients/9/signal?from=0&to=1", "api/alarms/99/observation", "nowhere"):
        assert code(service, path) == 404


def test_an_observation_that_cannot_be_had_says_why(service: Service) -> None:
    (earlier,) = service.database.alarms.newest(1)
    service.database.alarms.add("another session", [earlier.alarm], at_us=1)
    (other,) = service.database.alarms.newest(1, origin="another session")
    reasons = {
        other.id: f"alarm {other.id} is not of this run: its signal is no longer kept",
        999_999: "there is no alarm of number 999999",
        10**30: "a number of so many digits is none of ours",
    }
    for number, reason in reasons.items():
        with pytest.raises(HTTPError, match="400" if number == 10**30 else "404") as caught:
            urlopen(f"{service.url}api/alarms/{number}/observation", timeout=PATIENCE_S)
        with caught.value as answer:
            assert json.loads(answer.read()) == {"error": reason}


def test_beats_come_with_all_that_trends_need(service: Service) -> None:
    facts = get(service, "api/patients/0/beats")
    assert (facts["name"], facts["fs"], facts["leads"]) == (RUN, 360.0, ["MLII", "V1"])
    assert facts["to_s"] == 60.0
    flagged = [beat for beat in facts["beats"] if beat[6] & 1]
    assert len(flagged) >= 5
    assert {beat[8] for beat in flagged} == {"ventricular"}
    assert all(beat[3] > beat[4] and 0 < beat[5] < 0.01 for beat in flagged)
    assert [gap["reason"] for gap in facts["gaps"]] == ["missing"]


def test_beats_of_signal_that_was_not_shown_are_told_all_the_same(tmp_path: Path, minute: Heard) -> None:
    hub = Hub()
    for _, found in minute:
        hub.findings(found)  # as a monitor does that is behind
    with serve(hub, tmp_path) as running:
        facts = get(running, "api/patients/0/beats")
        assert len(facts["beats"]) == sum(len(found) for _, found in minute)
        assert get(running, "api/patients/0/shapes?from=0&to=21600")[0]["on_strip"][0][0] is None


def test_an_acknowledged_alarm_stays_so_when_the_service_is_started_anew(tmp_path: Path, minute: Heard) -> None:
    access = Access(token=TOKEN)
    for round_ in range(2):
        hub = Hub()
        with serve(hub, tmp_path, access, origin="one session") as running:
            tell(hub, minute)
            wait_for_numbers(hub)
            (run,) = [raised for raised in hub.patients()[0].alarms() if raised.alarm.kind == "ventricular tachycardia"]
            assert run.id is not None
            if round_ == 0:
                assert run.acknowledged_by is None
                position = hub.told
                assert acknowledge(running, run.id, " A. Nurse ")["by"] == "A. Nurse"
                _, events = hub.events_since(position)
                assert events is not None
                assert [(event["type"], event["by"]) for event in events] == [("alarm", "A. Nurse")]
                assert acknowledge(running, run.id, "somebody later")["by"] == "A. Nurse"
            assert run.acknowledged_by == "A. Nurse"
            assert run.acknowledged_at_us is not None
    with serve(Hub(), tmp_path, access, origin="another session") as running:
        (earlier,) = [one for one in running.desk.history(RUN, 10) if one.alarm.kind == "ventricular tachycardia"]
        assert earlier.acknowledged_by == "A. Nurse"


def test_alarms_wait_while_the_database_is_away_and_none_is_lost(tmp_path: Path, minute: Heard) -> None:
    hub = Hub()
    with serve(hub, tmp_path) as running:
        with running.database.writing() as connection:
            connection.execute(text("ALTER TABLE alarms RENAME TO away"))
        tell(hub, minute)
        wait_for(lambda: running.desk.trouble, "the trouble")
        raised = hub.patients()[0].alarms()
        assert raised
        assert all(one.id is None for one in raised)  # on the page, though not stored
        assert code(running, "readyz") == 503
        assert code(running, "api/patients/0/alarms") == 503
        assert code(running, "livez") == 200
        with running.database.writing() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO alarms"))
        wait_for(lambda: code(running, "readyz") == 200, "readiness")
        wait_for_numbers(hub)
        assert len(running.desk.history(RUN, 100)) == len(raised)
        assert b"ecg_alarms_unstored 0.0" in get(running, "metrics")


def test_alarms_that_a_worker_stores_are_found_and_those_from_before_as_well(tmp_path: Path, minute: Heard) -> None:
    began_us, hub = 1_750_000_000_000_000, Hub()
    early = [alarm for _, found in minute[:21] for alarm in (*found.alarms, *found.updates)]
    late = [alarm for _, found in minute[21:] for alarm in (*found.alarms, *found.updates)]
    n_early, last = len(last_states(early)), last_states(early + late)
    assert 0 < n_early < len(last)
    with Database.open(f"sqlite:///{tmp_path / 'ecg.db'}") as worker:
        worker.alarms.add("live/s1/1", early, at_us=1, started_at_us=began_us)
        worker.alarms.add("live/s0/0", early[:1], at_us=0, started_at_us=began_us - 1)  # of an earlier stay
        with serve(hub, tmp_path, origin=None):
            hub.signal(minute[0][0])
            hub.status(Status(RUN, "live", 40.0, began_us, 0.0))
            (patient,) = hub.patients()
            wait_for(
                lambda: len(patient.alarms()) == n_early and all(raised.id for raised in patient.alarms()),
                "the alarms of before",
            )
            tell(hub, minute[21:])
            assert any(raised.id is None for raised in patient.alarms())
            worker.alarms.add("live/s1/1", late, at_us=2, started_at_us=began_us)
            wait_for_numbers(hub)
            assert [raised.alarm for raised in patient.alarms()] == last
            assert len(worker.alarms.newest(record=RUN)) == len(last) + 1  # the page wrote none


def test_metrics_count_and_name_no_patient(service: Service) -> None:
    metrics = get(service, "metrics").decode()
    assert "ecg_samples_total 21600.0" in metrics
    assert 'ecg_alarms_total{physiological="true",priority="high"}' in metrics
    assert "ward" not in metrics


def test_a_taken_port_is_a_clear_error(service: Service) -> None:
    with pytest.raises(OutputError, match=f"port {service.server.port}.*name another with --port"):
        Server("127.0.0.1", service.server.port)


def test_logs_are_one_json_object_a_line() -> None:
    record = logging.makeLogRecord({"name": "pipeline.web", "msg": "line %d\nof two", "args": (1,), "alarm": 7})
    try:
        raise OutputError("full")
    except OutputError:
        record.exc_info = sys.exc_info()
    line = JsonFormatter().format(record)
    facts = json.loads(line)
    assert "\n" not in line
    assert (facts["logger"], facts["message"], facts["alarm"]) == ("pipeline.web", "line 1\nof two", 7)
    assert "OutputError: full" in facts["traceback"]


def test_an_acknowledgement_by_another_process_reaches_the_page_by_itself(service: Service) -> None:
    (patient,) = service.hub.patients()
    (run,) = [raised for raised in patient.alarms() if raised.alarm.kind == "ventricular tachycardia"]
    assert run.id is not None
    position = service.hub.told
    command = [sys.executable, "-c", _ACKNOWLEDGE, service.database.url, str(run.id)]
    subprocess.run(command, check=True, timeout=PATIENCE_S)
    wait_for(lambda: run.acknowledged_by == "B. Elsewhere", "the acknowledgement")
    _, events = service.hub.events_since(position)
    assert events is not None
    assert [(event["type"], event["by"]) for event in events if event["type"] == "alarm"] == [("alarm", "B. Elsewhere")]


_ACKNOWLEDGE = """
import sys
from pipeline.clock import now_us
from pipeline.storage.database import Database
with Database(sys.argv[1]) as database:
    database.alarms.acknowledge(int(sys.argv[2]), "B. Elsewhere", at_us=now_us())
"""
