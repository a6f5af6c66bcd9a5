from __future__ import annotations

import math
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.live.listener import Intake, Status
from pipeline.records import Alarm, Gap, Record
from pipeline.sources.synthetic import Scenario, synthesise
from pipeline.web.hub import ENDED, EVENTS, Hub
from pipeline.web.patient import Patient
from pipeline.web.ring import MISSING
from pipeline.web.wire import hello_event
from tests.web.conftest import RUN, Heard, chunk, monitored, tell


def only(hub: Hub) -> Patient:
    (patient,) = hub.patients()
    return patient


def test_what_was_heard_can_be_read_back(hub: Hub, run_record: Record) -> None:
    patient = only(hub)
    whole = np.concatenate([part.signal for part in run_record.chunks(60.0)])[: 60 * 360]
    position, steps = patient.signal(0, 60 * 360)
    assert position == 0
    assert np.allclose(np.where(steps == MISSING, np.nan, steps / 1000), whole, atol=0.0006, equal_nan=True)
    rows = patient.beats(0, 60 * 360)
    assert rows["beat"].tolist() == list(range(len(rows)))
    assert len(rows) > 60
    assert {raised.alarm.kind for raised in patient.alarms()} >= {"ventricular tachycardia"}
    assert patient.anomalies == rows["is_anomaly"].sum()


def test_buffers_are_bounded(minute: Heard) -> None:
    hub = Hub(history_s=10.0)
    tell(hub, minute)
    patient = only(hub)
    assert patient.kept == (50 * 360, 60 * 360)
    assert len(patient.beats(0, 60 * 360)) <= 25
    assert len(hub.events_since(0)[1] or []) <= EVENTS


def test_a_graver_alarm_is_not_pushed_out_by_many_milder_ones(minute: Heard) -> None:
    hub = Hub()
    tell(hub, minute)
    found = next(found for _, found in minute if len(found))
    grave = Alarm(RUN, "asystole", "high", True, 1.0, 5.0, -1, -1, "", "asystole@1", 0, None)
    over = replace(grave, key="asystole@0", ended_s=4.0)  # nobody has seen it yet
    mild = [Alarm(RUN, "R on T", "low", True, 9.0, 9.0, 0, 0, "", f"mild@{i}", 0, 10.0) for i in range(600)]
    hub.findings(replace(found.without_events(), alarms=(over, grave, *mild)))
    kept = [raised.alarm.key for raised in only(hub).alarms()]
    assert len(kept) == 500
    assert {"asystole@0", "asystole@1", "mild@599"} <= set(kept)
    assert "mild@0" not in kept


def test_a_viewer_hears_each_event_once_and_in_order(hub: Hub) -> None:
    position = hub.told
    whole = hub.events_since(0)[1]
    assert whole is not None
    parts: list[dict[str, Any]] = []
    at = 0
    for told in range(position + 1):
        _, events = hub.events_since(told)
        assert events == whole[told:]
    while at != position:
        at, events = hub.events_since(at)
        parts += events or []
    assert parts == whole


def test_a_viewer_that_is_too_far_behind_is_told_the_present(hub: Hub) -> None:
    position = hub.told
    for i in range(EVENTS + 1):
        hub.gap(Gap(RUN, float(i), i + 1.0, "missing"))
    assert hub.events_since(position)[1] is None
    (told,) = hello_event(hub.patients())["patients"]
    assert told["name"] == RUN
    assert told["vitals"]["hr"] is not None
    assert len(told["beats"]) > 10


def test_a_patient_whose_rate_is_not_promised_says_why() -> None:
    hub = Hub(history_s=600.0)
    tell(hub, monitored(synthesise(Scenario("sinus rhythm", rate_bpm=100.0), name=RUN, seconds=540.0, seed=3), 540.0))
    (patient,) = hub.patients()
    assert patient.vitals()["doubt"] is None
    for i in range(len(patient._judged) - 100, len(patient._judged)):  # as in a patient with many ectopic beats
        patient._judged[i] *= -1
    assert "% of the beats are flagged" in (patient.vitals()["doubt"] or "")


def test_a_new_patient_is_told_to_every_viewer(hub: Hub) -> None:
    position = hub.told
    hub.signal(chunk(0, 10))
    _, events = hub.events_since(position)
    assert events is not None
    assert [(event["type"], event["name"]) for event in events] == [("patient", "ward/bed-1")]
    assert [patient.name for patient in hub.patients()] == [RUN, "ward/bed-1"]


def test_a_stay_that_begins_anew_drops_the_old_signal() -> None:
    hub = Hub()
    hub.signal(chunk(0, 500, value=1.0))
    hub.status(Status("ward/bed-1", "ended", 2.0, 0, math.nan))
    hub.signal(chunk(0, 100, value=0.5))
    assert only(hub).kept == (0, 100)
    assert only(hub).signal(0, 100)[1][0].tolist() == [500, 500]


def test_patients_whose_stay_has_ended_are_kept_for_a_while_only() -> None:
    hub = Hub(history_s=1.0)
    for i in range(50):
        hub.signal(chunk(0, 100, f"ward/bed-{i}"))
        hub.status(Status(f"ward/bed-{i}", "ended", 0.4, 0, math.nan))
    names = [patient.name for patient in hub.patients()]
    assert names == [f"ward/bed-{i}" for i in range(50 - ENDED - 1, 50)]
    _, events = hub.events_since(0)
    assert events is not None
    assert sum(event["type"] == "gone" for event in events) == 50 - ENDED - 1


def test_signal_that_was_skipped_is_missing_not_bridged() -> None:
    hub = Hub()
    hub.signal(chunk(0, 100, value=1.0))
    hub.signal(chunk(150, 100, value=1.0))
    _, steps = only(hub).signal(0, 250)
    assert (steps[100:150] == MISSING).all()
    assert (np.delete(steps, slice(100, 150), axis=0) == 1000).all()


def test_a_viewer_that_reads_all_the_time_does_not_hold_up_the_monitor(hub: Hub) -> None:
    patient, stop = only(hub), threading.Event()

    def read() -> None:
        while not stop.is_set():
            patient.signal(0, 60 * 360)
            patient.shapes(0, 60 * 360)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for i in range(50):  # it would never come to the end if it waited until nobody reads
        hub.signal(chunk(60 * 360 + 72 * i, 72, RUN, fs=360.0))
        time.sleep(0.002)
    stop.set()
    for reader in readers:
        reader.join()


def test_status_is_told_and_counted(hub: Hub) -> None:
    position = hub.told
    hub.status(Status(RUN, "late", 60.0, 1, 4.0))
    _, events = hub.events_since(position)
    assert events is not None
    assert events[0] | {"type": "status", "state": "late", "lag_s": 4.0} == events[0]
    hub.metrics.status(Status(RUN, "late", 60.0, 1, 4.0))
    assert 'ecg_patients{state="late"} 1.0' in hub.metrics.render().decode()
    hub.metrics.status(Status(RUN, "ended", 60.0, 1, 4.0))
    assert 'ecg_patients{state="late"} 0.0' in hub.metrics.render().decode()
    assert "ecg_stays_ended_total 1.0" in hub.metrics.render().decode()


def test_metrics_name_no_patient(hub: Hub) -> None:
    text = hub.metrics.render().decode()
    assert "ecg_beats_total" in text
    assert "ward" not in text
    assert "run" not in text.replace("ventricular", "")


def test_findings_before_any_signal_make_a_patient(minute: Heard) -> None:
    hub = Hub()
    hub.gap(Gap("ward/nobody", 0.0, 1.0, "missing"))
    assert hub.patients() == []
    kinds: list[tuple[str, int]] = []
    hub.on_alarm = lambda alarm, began_us: kinds.append((alarm.kind, began_us))
    for _, found in minute:
        hub.findings(found)
    assert [patient.name for patient in hub.patients()] == [RUN]
    assert ("ventricular tachycardia", 0) in kinds


def test_a_backlog_is_measured_always_and_told_when_it_grows_and_when_it_is_over(hub: Hub) -> None:
    position = hub.told
    for seconds, frames in ((0.3, 5), (2.5, 40), (2.7, 44), (12.2, 900), (0.0, 0), (0.1, 1)):
        hub.intake(Intake(seconds, frames))
        assert f"ecg_backlog_seconds {seconds}" in hub.metrics.render().decode()
    _, events = hub.events_since(position)
    assert events is not None
    assert [(event["type"], event["seconds"], event["frames"]) for event in events] == [
        ("backlog", 2, 40),
        ("backlog", 12, 900),
        ("backlog", 0, 0),
    ]
