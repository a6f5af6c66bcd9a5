"""One message, state or row of one patient, through broker, worker and database: the others go on."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from pipeline import BeatModel
from pipeline.clock import now_us
from pipeline.live.aside import Aside
from pipeline.live.broker import Broker, subject_of
from pipeline.live.engine import Engine
from pipeline.live.frames import Frame, encode, encode_json
from pipeline.live.worker import Worker
from pipeline.storage.database import Database
from pipeline.storage.database.tables import alarms, live_beats, live_patients
from tests.live.conftest import BEGAN_US
from tests.live.test_worker import (
    EVERYBODY,
    QUICK,
    Results,
    expected,
    frames,
    results,
    send,
    url,
    working,
)
from tests.services import NatsServer, PostgreSQL
from tests.waiting import PATIENCE_S, wait_for

__all__ = ["expected", "frames", "url"]  # fixtures

HUGE = "1" + "0" * 400


def as_text(patient: str, **change: str) -> bytes:
    """A frame as JSON with some values replaced, however large they are."""
    signal = np.zeros((250, 1), np.float32)
    document = json.loads(encode_json(Frame.of(patient, "s", 0, BEGAN_US, 250.0, ("II",), signal)))
    document["gain"], document["samples"] = [200.0], [[1]] * 250
    for name in change:
        document[name] = f"<{name}>"
    text = json.dumps(document)
    for name, value in change.items():
        text = text.replace(f'"<{name}>"', value)
    return text.encode()


POISON: dict[str, bytes] = {
    "a rate of 400 digits": as_text("ward/bed-1", fs=HUGE),
    "a sample of 400 digits": as_text("ward/bed-1", samples=f"[[{HUGE}]]"),
    "a gain of 400 digits": as_text("ward/bed-1", gain=f"[{HUGE}]"),
    "a number of 400 digits": as_text("ward/bed-1", sequence=HUGE),
    "half a surrogate pair as a lead": as_text("ward/bed-1", leads='["\\ud800"]'),
    "a NUL in a lead's name": as_text("ward/bed-1", leads='["II\\u0000"]'),
    "a NUL in a unit": as_text("ward/bed-1", units='["mV\\u0000"]'),
    "text as samples": as_text("ward/bed-1", samples='[["1"]]'),
    "deep lists": b'{"samples": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_poisoned_messages_are_refused_and_everybody_is_monitored_as_without_them(
    model: BeatModel,
    nats: NatsServer,
    url: str,
    request: pytest.FixtureRequest,
    frames: list[Frame],
    expected: Results,
    store: str,
) -> None:
    if store == "postgresql":
        postgres: PostgreSQL = request.getfixturevalue("postgres")
        url = postgres.url(postgres.create_database())
    far = replace(frames[0], patient="ward/far", sequence=2**53)
    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        for data in POISON.values():
            broker.run(broker.jetstream.publish("ecg.ward.bed-1", data))
        broker.run(broker.jetstream.publish(subject_of("ward/far"), encode(far)))
        with working(model, [nats.url], database) as worker:
            send(nats.url, frames)
            wait_for(lambda: len(results(database)["live_beats"]) >= len(expected["live_beats"]), "the last beat")
            assert worker.intake.refused == len(POISON)
            assert worker.trouble is None
        with database.writing() as connection:  # what is told of the poisoned messages is not of the undisturbed run
            connection.execute(alarms.delete().where(alarms.c.kind == "frames dropped"))
            for table in (live_patients, live_beats):
                connection.execute(table.delete().where(table.c.patient == "ward/far"))
        found = results(database)
        assert found["live_beats"] == expected["live_beats"]
        assert found["alarms"] == expected["alarms"]


def test_a_damaged_state_is_that_patients_new_start_kept_aside_and_told(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results, tmp_path: Path
) -> None:
    half = len(frames) // 2
    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        with working(model, [nats.url], database):
            send(nats.url, frames[:half])
            wait_for(lambda: len(database.live.states(range(8))) == 4, "all states")
        state = database.live.state("ward/bed-2")
        assert state is not None
        damaged = bytearray(state.state)
        damaged[len(damaged) // 2] ^= 4
        with database.writing() as connection:
            where = live_patients.c.patient == "ward/bed-2"
            connection.execute(update(live_patients).where(where).values(state=bytes(damaged)))
        aside = Aside(tmp_path / "aside")
        worker = Worker(
            broker, database, Engine(model, clock=now_us), EVERYBODY, clock=now_us, settings=QUICK, aside=aside
        )
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            send(nats.url, frames[half:])
            others = [row for row in expected["live_beats"] if row[0] != "ward/bed-2"]
            wait_for(
                lambda: [r for r in results(database)["live_beats"] if r[0] != "ward/bed-2"] == others, "the others"
            )

            def told() -> list[str]:
                return [one.alarm.record for one in database.alarms.newest() if one.alarm.kind == "monitor anew"]

            wait_for(lambda: told() == ["ward/bed-2"], "the alarm")
        finally:
            worker.stop()
            thread.join(PATIENCE_S)
    (kept,) = (tmp_path / "aside").iterdir()
    assert kept.read_bytes() == bytes(damaged)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700


def test_a_row_that_the_database_does_not_take_is_left_out_and_the_others_are_stored(
    model: BeatModel,
    nats: NatsServer,
    postgres: PostgreSQL,
    frames: list[Frame],
    expected: Results,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.live.frames.is_text", lambda value, longest: True)  # a door that is open
    spoilt = [
        replace(f, leads=("MLII\0", "V1"), session="x") if f.patient == "ward/bed-2" and f.sequence > 60 else f
        for f in frames
    ]
    with Database.open(postgres.url(postgres.create_database())) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        with working(model, [nats.url], database) as worker:
            send(nats.url, spoilt)
            others = [row for row in expected["live_beats"] if row[0] != "ward/bed-2"]
            wait_for(
                lambda: [r for r in results(database)["live_beats"] if r[0] != "ward/bed-2"] == others, "the others"
            )
            assert worker.troubles == 0


def test_thousands_of_names_find_no_room_and_the_others_are_monitored(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results
) -> None:
    crowd = [replace(frames[0], patient=f"evil/{i}") for i in range(300)]
    narrow = QUICK.model_copy(update={"most_patients": 50, "most_patients_a_site": 20})
    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        send(nats.url, crowd)
        engine = Engine(model, clock=now_us)
        worker = Worker(broker, database, engine, EVERYBODY, clock=now_us, settings=narrow)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            send(nats.url, frames)

            def mine(name: str) -> list[tuple[Any, ...]]:
                return [row for row in results(database)[name] if row[0].startswith("ward/")]

            wait_for(lambda: mine("live_beats") == expected["live_beats"], "its beats")
            assert len(engine) == 24
            assert worker.intake.refused == 280
            told = [one.alarm for one in database.alarms.newest() if one.alarm.kind == "too many patients"]
            assert len(told) == 1
            assert "evil/" in told[0].message
        finally:
            worker.stop()
            thread.join(PATIENCE_S)


def test_a_state_of_nobody_is_kept_aside_once_and_fills_no_disk(tmp_path: Path) -> None:
    aside = Aside(tmp_path / "aside", most=3)
    for i in range(10):
        assert aside.keep("ward/a", ValueError("x"), b"state", at_us=i) is not None
    assert len(list((tmp_path / "aside").iterdir())) == 3
    assert aside.keep("ward/a", ValueError("x"), None, at_us=99) is None
    (tmp_path / "file").touch()
    assert Aside(tmp_path / "file").keep("ward/a", ValueError("x"), b"state", at_us=1) is None
