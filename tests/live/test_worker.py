from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text

from pipeline import BeatModel
from pipeline.clock import now_us
from pipeline.errors import SourceUnavailable
from pipeline.live.broker import STREAM, Broker
from pipeline.live.device import open_device
from pipeline.live.engine import Engine
from pipeline.live.faults import Faults
from pipeline.live.frames import Frame, encode
from pipeline.live.ledger import Ledger
from pipeline.live.partitions import Partitions
from pipeline.live.worker import Worker
from pipeline.settings import LiveSettings
from pipeline.sources.synthetic import SyntheticRecord
from pipeline.storage.database import Database, connection, partition_of
from pipeline.storage.database.tables import alarms, live_beats, live_drifts, live_gaps, live_stays
from pipeline.web.hub import Hub
from tests.live.conftest import Played
from tests.services import NatsServer, PostgreSQL
from tests.waiting import PATIENCE_S, wait_for

FAULTS = Faults(late=0.03, doubled=0.05, dropped=0.02, reordered=0.05, drift=0.01, lead_off=60, reconnects=60, seed=3)
QUICK = LiveSettings(commit_s=0.2, lease_s=1.0)
EVERYBODY = Partitions(0, 7, 8)

Results = dict[str, list[tuple[Any, ...]]]


def results(database: Database) -> Results:
    """All that was found, in order; not when it was noted."""
    found: Results = {}
    with database.reading() as connection:
        for table in (live_stays, live_beats, live_drifts, live_gaps, alarms):
            columns = [column for column in table.c if column.name not in ("id", "noted_at_us", "leads")]
            wanted = select(*columns).order_by(*columns)
            if table is alarms:
                wanted = wanted.where(~alarms.c.origin.startswith("monitor/"))
            found[table.name] = [tuple(row) for row in connection.execute(wanted)]
    return found


@pytest.fixture(scope="module")
def frames(ward_records: list[SyntheticRecord], played: Played) -> list[Frame]:
    """What four bad devices send in two minutes."""
    return [frame for batch in played(ward_records, FAULTS) for frame in batch]


@pytest.fixture(scope="module")
def expected(model: BeatModel, frames: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What an uninterrupted run finds in them, in one piece."""
    engine, ledger = Engine(model, clock=now_us), Ledger()
    for position, frame in enumerate(frames):
        ledger.took(frame.patient, position, 0)
    ledger.found(engine.take(frames))
    with Database.open(f"sqlite:///{tmp_path_factory.mktemp('expected') / 'ecg.db'}") as database:
        database.live.acquire("x", range(8), 8, now_us=1, until_us=9)
        database.live.commit(
            "x", 8, now_us=1, until_us=9, positions={0: 1}, log="", results=ledger.results(ledger.patients())
        )
        found = results(database)
    assert all(found[name] for name in ("live_stays", "live_beats", "live_gaps", "alarms"))  # or the tests show nothing
    return found


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ecg.db'}"


@contextmanager
def a_worker(
    model: BeatModel,
    servers: Sequence[str],
    database: Database,
    partitions: Partitions = EVERYBODY,
    clock: Callable[[], int] = now_us,
    settings: LiveSettings = QUICK,
) -> Iterator[Worker]:
    """A worker that does what it is told step by step."""
    with Broker(servers) as broker:
        engine = Engine(model, clock=now_us)
        yield Worker(broker, database, engine, partitions, clock=clock, settings=settings)


@contextmanager
def working(model: BeatModel, servers: Sequence[str], database: Database, **more: Any) -> Iterator[Worker]:
    """A worker that works in a thread."""
    with a_worker(model, servers, database, **more) as worker:
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield worker
        finally:
            worker.stop()
            thread.join(PATIENCE_S)


def send(target: str, frames: Sequence[Frame], seconds: float = 0.0) -> None:
    """Play the device: all frames, spread over so many seconds."""
    device = open_device(target)
    try:
        for start in range(0, len(frames), 20):
            device.send(frames[start : start + 20])
            time.sleep(seconds * 20 / len(frames))
    finally:
        device.close()


@contextmanager
def sending(target: str, frames: Sequence[Frame], seconds: float) -> Iterator[None]:
    thread = threading.Thread(target=send, args=(target, frames, seconds))
    thread.start()
    try:
        yield
    finally:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def step_until(worker: Worker, happened: Callable[[], object], what: str) -> None:
    """Let a worker work, here and step by step, until something has happened."""

    def stepped() -> object:
        worker.step()
        return happened()

    wait_for(lambda: happened() or stepped(), what, pause_s=0.0)


def assert_ends_as(expected: Results, database: Database) -> None:
    """Wait until all beats are there; then everything is, once."""
    with suppress(AssertionError):
        wait_for(lambda: len(results(database)["live_beats"]) >= len(expected["live_beats"]), "the last beat")
    time.sleep(2 * QUICK.commit_s)
    found = results(database)
    assert {name: len(rows) for name, rows in found.items()} == {name: len(rows) for name, rows in expected.items()}
    assert found == expected


@pytest.mark.parametrize("way", ["nats", "mqtt"])
def test_frames_over_a_broker_are_monitored_as_in_process(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results, way: str
) -> None:
    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        with working(model, [nats.url], database) as worker:
            send(nats.url if way == "nats" else nats.mqtt_url, frames)
            assert_ends_as(expected, database)
            wait_for(lambda: worker.intake.waiting == 0, "the end of the backlog")
        states = database.live.states(range(8))
        assert len(states) == 4
        assert max(len(state.state) for state in states) <= 64 * 1024


def test_killed_at_random_moments_nothing_is_missing_and_nothing_comes_twice(
    nats: NatsServer, url: str, tmp_path: Path, frames: list[Frame], expected: Results
) -> None:
    command = [str(Path(sys.executable).with_name("ecg-anomaly")), "monitor", "--from", nats.url, "--partitions"]
    command += ["0-7/8", "--alarms-to", str(tmp_path / "alarms.jsonl")]
    environment = {
        **os.environ,
        "ECG_DATABASE_URL": url,
        "ECG_LIVE__COMMIT_S": "0.2",
        "ECG_LIVE__LEASE_S": "1",
    }
    rng = random.Random(1)  # noqa: S311
    with Database.open(url) as database, sending(nats.url, frames, 10.0), ExitStack() as stack:

        def start() -> subprocess.Popen[bytes]:
            worker = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
            stack.callback(worker.wait)
            stack.callback(worker.kill)
            return worker

        for _ in range(3):
            before = len(results(database)["live_beats"])
            worker = start()
            wait_for(lambda before=before: len(results(database)["live_beats"]) > before, "a beat")  # type: ignore[misc]
            time.sleep(rng.random() * 0.5)
            worker.kill()
            worker.wait()
            if len(results(database)["live_beats"]) > 0.8 * len(expected["live_beats"]):
                break
        start()
        assert_ends_as(expected, database)

        def told() -> list[tuple[str, int]]:
            lines = [json.loads(line) for line in (tmp_path / "alarms.jsonl").read_text().splitlines()]
            return [(line["key"], line["revision"]) for line in lines if line["patient"] != "monitor"]

        def episodes() -> set[str]:
            return {key for key, _ in told()}

        wait_for(lambda: len(episodes()) >= len(expected["alarms"]), "the last alarm")
        assert len(episodes()) == len(expected["alarms"])
        assert len(told()) == len(set(told()))  # no state of one twice


@pytest.mark.parametrize("way", ["nats", "mqtt"])
def test_a_broker_that_is_killed_and_started_again_loses_nothing(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results, way: str
) -> None:
    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        with working(model, [nats.url], database), sending(nats.url if way == "nats" else nats.mqtt_url, frames, 3.0):
            for _ in range(2):
                time.sleep(1.0)
                nats.kill()
                time.sleep(0.3)
                nats.start()
            assert_ends_as(expected, database)


def test_a_broker_that_has_lost_its_disk_is_read_from_its_beginning(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results
) -> None:
    half = len(frames) // 2
    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        with working(model, [nats.url], database):
            send(nats.url, frames[:half])
            wait_for(lambda: sum(state.position for state in database.live.states(range(8))) > half, "the first half")
            nats.kill()
            nats.lose_disk()
            nats.start()
            # The devices send again what nobody has confirmed, and more.
            send(nats.url, frames[half - 20 :])
            assert_ends_as(expected, database)


def test_one_of_three_brokers_may_die(
    model: BeatModel, nats_cluster: list[NatsServer], url: str, frames: list[Frame], expected: Results
) -> None:
    servers = [server.url for server in nats_cluster]

    def make_stream(broker: Broker) -> bool:
        with suppress(SourceUnavailable):  # until they have elected a leader
            broker.make_stream(replicas=3)
            return True
        return False

    with Database.open(url) as database, Broker(servers) as broker:
        wait_for(lambda: make_stream(broker), "a stream")
        with working(model, servers, database), sending(",".join(servers), frames, 4.0):
            time.sleep(1.0)
            nats_cluster[0].kill()
            assert_ends_as(expected, database)


def test_a_worker_that_dies_is_replaced_and_cannot_write_any_more(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results
) -> None:
    third, ahead_us = len(frames) // 3, [0]
    leased: Any = {"clock": lambda: now_us() + ahead_us[0], "settings": LiveSettings(commit_s=0.2, lease_s=300.0)}
    with Database.open(url) as database, ExitStack() as stack:
        first = stack.enter_context(a_worker(model, [nats.url], database, **leased))
        send(nats.url, frames[:third])
        while not results(database)["live_beats"]:
            first.step()
        assert first.owned == set(range(8))
        second = stack.enter_context(working(model, [nats.url], database, **leased))
        send(nats.url, frames[third : 2 * third])
        for _ in range(5):
            first.step()  # it is slow, but alive
        assert second.owned == set()
        ahead_us[0] = 301_000_000  # and now it has been silent for longer than its lease
        wait_for(lambda: second.owned == set(range(8)), "the takeover")
        for _ in range(30):
            first.step()
        assert first.owned == set()
        send(nats.url, frames[2 * third :])
        assert_ends_as(expected, database)


def test_two_workers_share_the_patients(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results
) -> None:
    halves = Partitions(0, 3, 8), Partitions(4, 7, 8)
    assert {partition_of(frame.patient, 8) // 4 for frame in frames} == {0, 1}
    with Database.open(url) as database, Broker([nats.url]) as broker, ExitStack() as stack:
        broker.make_stream()
        for half in halves:
            stack.enter_context(working(model, [nats.url], database, partitions=half))
        send(nats.url, frames)
        assert_ends_as(expected, database)


def test_a_database_that_is_away_for_a_while_misses_nothing(
    model: BeatModel, nats: NatsServer, postgres: PostgreSQL, frames: list[Frame], expected: Results
) -> None:
    name = postgres.create_database()
    with (
        Database.open(postgres.url(name)) as database,
        Database(postgres.url("postgres")) as admin,
        Broker([nats.url]) as broker,
    ):
        broker.make_stream()
        with working(model, [nats.url], database), sending(nats.url, frames, 3.0):
            time.sleep(1.0)
            allow(admin, name, "false")
            with admin.writing() as connection:
                ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
                connection.execute(text(ended), {"name": name})
            time.sleep(2.0)
            allow(admin, name, "true")
            assert_ends_as(expected, database)


def allow(admin: Database, name: str, whether: str) -> None:
    with admin.writing() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {whether}"))


def test_a_full_disk_delays_and_loses_nothing(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results
) -> None:
    is_full = True

    def fill(connection: Any, *_: object) -> None:
        if is_full:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 10}")

    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        database.close()
        event.listen(database._engine, "connect", fill)
        with working(model, [nats.url], database) as worker:
            send(nats.url, frames)
            wait_for(lambda: worker.troubles > 0, "the disk to be full")
            stored = results(database)
            assert len(stored["live_beats"]) < len(expected["live_beats"])
            is_full = False
            database.close()  # new connections see the room
            assert_ends_as(expected, database)


def test_a_database_that_another_program_locks_for_long_delays_and_loses_nothing(
    model: BeatModel, nats: NatsServer, tmp_path: Path, url: str, frames: list[Frame], expected: Results,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(connection, "BUSY_S", 0.1)
    with Database.open(url) as database, Broker([nats.url]) as broker, closing(
        sqlite3.connect(tmp_path / "ecg.db", isolation_level=None)
    ) as other:  # fmt: skip
        broker.make_stream()
        with a_worker(model, [nats.url], database) as worker:
            send(nats.url, frames)
            step_until(worker, lambda: results(database)["live_beats"], "the first beats")
            other.execute("BEGIN IMMEDIATE")
            stored = results(database)
            step_until(worker, lambda: worker.troubles > 2, "the lock to be felt")
            assert results(database) == stored  # and readers do not wait
            other.execute("COMMIT")
            step_until(
                worker, lambda: len(results(database)["live_beats"]) >= len(expected["live_beats"]), "the last beat"
            )
            worker.stop()
            worker.run()
            assert_ends_as(expected, database)


def test_a_message_that_is_no_frame_of_its_subject_is_counted_and_the_others_go_on(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results
) -> None:
    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        for subject, data in (("ecg.ward.bed-1", b"\xc1"), ("ecg.x", b"{}"), ("ecg.ward.bed-1.*", b"")):
            broker.run(broker.client.publish(subject, data))
        broker.run(broker.client.publish("ecg.ward.bed-9", encode(frames[0])))
        with working(model, [nats.url], database) as worker:
            send(nats.url, frames)
            assert_ends_as(expected, database)
            assert worker.intake.refused == 4


def test_a_worker_that_is_behind_tells_a_person_once(
    model: BeatModel,
    nats: NatsServer,
    url: str,
    frames: list[Frame],
    expected: Results,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.live.backlog.ALARM_S", 0.5)
    monkeypatch.setattr("pipeline.live.backlog.BEHIND_S", 0.3)
    monkeypatch.setattr("pipeline.live.worker.BATCH", 50)
    with Database.open(url) as database:
        send(nats.url, frames)
        time.sleep(1.0)
        with working(model, [nats.url], database):
            assert_ends_as(expected, database)
        told = [stored.alarm for stored in database.alarms.newest() if stored.origin.startswith("monitor/")]
        assert [(alarm.kind, alarm.physiological) for alarm in told] == [("backlog", False)]
        assert "frames wait" in told[0].message


def test_the_backlog_is_on_metrics_while_it_lasts(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.live.worker.BATCH", 50)
    hub = Hub()

    def measured(name: str) -> float:
        value = hub.metrics.registry.get_sample_value(name)
        assert value is not None
        assert f"{name} {value}" in hub.metrics.render().decode()
        return value

    with Database.open(url) as database, Broker([nats.url]) as broker:
        engine = Engine(model, clock=now_us)
        engine.on_intake = hub.intake
        worker = Worker(broker, database, engine, EVERYBODY, clock=now_us, settings=QUICK)
        send(nats.url, frames)
        sent_us = now_us()
        step_until(worker, lambda: worker.intake.waiting > 0, "frames that wait")
        before_s = measured("ecg_backlog_seconds")
        assert measured("ecg_backlog_frames") == worker.intake.waiting > len(frames) / 2
        assert 0 < before_s < PATIENCE_S + (now_us() - sent_us) / 1e6
        step_until(worker, lambda: worker.intake.waiting == 0, "the end of the backlog")
        assert measured("ecg_backlog_frames") == measured("ecg_backlog_seconds") == 0
        worker.stop()
        worker.run()


def test_a_silent_patient_leaves_memory_and_comes_back_as_it_was(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results
) -> None:
    quick = QUICK.model_copy(update={"rest_s": 0.3})
    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        engine = Engine(model, clock=now_us)
        worker = Worker(broker, database, engine, EVERYBODY, clock=now_us, settings=quick)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            for part in range(3):
                send(nats.url, frames[part * len(frames) // 3 : (part + 1) * len(frames) // 3])
                wait_for(lambda: len(database.live.states(range(8))) == 4 and not len(engine), "all at rest")
            assert_ends_as(expected, database)
            _, published = broker.run(broker.look())  # the stream itself drops what comes twice
            assert engine.counts().frames == published  # those of patients who left and came back, once
        finally:
            worker.stop()
            thread.join(PATIENCE_S)


def test_frames_that_the_streams_limits_drop_before_they_are_read_are_counted_and_seen_as_gaps(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame]
) -> None:
    half, dropped = len(frames) // 2, 40
    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        with a_worker(model, [nats.url], database) as worker:
            send(nats.url, frames[:half])
            step_until(worker, lambda: database.live.states(range(8)) and not worker.intake.waiting, "the first half")
            worker.stop()
            worker.run()
        assert worker.intake.dropped == 0
        before = len(results(database)["live_gaps"])
        _, end = broker.run(broker.look())
        send(nats.url, frames[half:])
        broker.run(broker.jetstream.purge_stream(STREAM, seq=end + dropped + 1))  # as its limits would
        with working(model, [nats.url], database) as worker:
            wait_for(lambda: worker.intake.dropped == dropped, "the loss")
            wait_for(lambda: len(results(database)["live_gaps"]) > before, "a gap")


def test_a_patient_at_rest_waits_for_the_database_and_does_not_start_anew(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results
) -> None:
    quick = QUICK.model_copy(update={"rest_s": 0.1})
    half = len(frames) // 2
    with Database.open(url) as database, Broker([nats.url]) as broker:
        broker.make_stream()
        engine = Engine(model, clock=now_us)
        worker = Worker(broker, database, engine, EVERYBODY, clock=now_us, settings=quick)

        send(nats.url, frames[:half])
        step_until(worker, lambda: len(database.live.states(range(8))) == 4 and not len(engine), "all at rest")
        with database.writing() as connection:
            connection.execute(text("ALTER TABLE live_patients RENAME TO away"))
        send(nats.url, frames[half:])
        step_until(worker, lambda: worker.troubles > 2, "the trouble")
        assert len(engine) == 0  # nobody was taken for a new patient
        with database.writing() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO live_patients"))
        step_until(worker, lambda: len(results(database)["live_beats"]) >= len(expected["live_beats"]), "the last beat")
        worker.stop()
        worker.run()
        assert_ends_as(expected, database)
