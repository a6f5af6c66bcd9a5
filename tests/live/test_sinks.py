from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pipeline.errors import OutputError
from pipeline.live.broker import Broker
from pipeline.live.courier import Courier
from pipeline.live.sinks import JsonLines, NatsSubject, Webhook, alarm_document, open_sink
from pipeline.records import Alarm
from pipeline.storage.database import Database, StayResults, StoredAlarm
from tests.services import NatsServer
from tests.storage.conftest import make_findings
from tests.waiting import PATIENCE_S, wait_for

BEGAN_US = 1_750_000_000_000_000


def an_alarm(number: int = 0) -> Alarm:
    return Alarm("ward/bed-1", "pause", "high", True, 1.0 + number, 4.5 + number, 2, 3, "no beat for 3.5 s")


def document(number: int = 0) -> dict[str, Any]:
    stored = StoredAlarm(7 + number, "live/s/1", an_alarm(number), BEGAN_US, 0, None, None, None)
    return alarm_document(stored)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database in which three alarms wait for each sink that is named."""
    with Database.open(f"sqlite:///{tmp_path / 'ecg.db'}") as opened:
        yield opened


def raise_alarms(database: Database, sinks: list[str]) -> None:
    database.live.acquire("w", range(4), 4, now_us=1, until_us=9)
    found = make_findings("ward/bed-1", 3, alarms=tuple(an_alarm(i) for i in range(3)))
    stay = StayResults("ward/bed-1", "s", BEGAN_US, 360.0, ("II",), [found])
    database.live.commit("w", 4, now_us=2, until_us=9, positions={0: 1}, log="", results=[stay], sinks=sinks)


class Hook(BaseHTTPRequestHandler):
    answers: ClassVar[list[int]] = []
    got: ClassVar[list[tuple[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.answers.pop(0) if self.answers else 204
        if status < 300:
            self.got.append((self.headers["Idempotency-Key"], body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.answers, Hook.got = [], []
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook?token=secret"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_alarm_is_told_in_plain_words_and_times() -> None:
    told = document()
    assert told["raised"] == "2025-06-15T15:06:44.500000Z"
    assert (told["patient"], told["kind"], told["priority"], told["physiological"]) == (
        "ward/bed-1", "pause", "high", True,
    )  # fmt: skip
    assert told["key"] == document()["key"] != document(1)["key"]


def test_a_file_gets_each_alarm_once_also_after_a_restart_and_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "alarms.jsonl"
    JsonLines(path).deliver(document())
    with path.open("a") as file:
        file.write('{"key": "cut')
    again = JsonLines(path)
    for number in (0, 1, 1):
        again.deliver(document(number))
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == [
        document(0)["key"],
        document(1)["key"],
    ]


def test_two_workers_that_write_into_one_file_tell_each_alarm_once(tmp_path: Path) -> None:
    path = tmp_path / "alarms.jsonl"
    one, other = JsonLines(path), JsonLines(path)
    one.deliver(document(0))
    other.deliver(document(0))  # whose patient it is now
    other.deliver(document(1))
    one.deliver(document(1))
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == [
        document(0)["key"],
        document(1)["key"],
    ]
    path.unlink()  # as who rotates logs does
    one.deliver(document(2))
    assert len(path.read_text().splitlines()) == 1


def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        open_sink(str(tmp_path / "file" / "alarms.jsonl"))


def test_a_webhook_that_fails_is_asked_again_until_it_has_each_alarm_once(database: Database, hook: str) -> None:
    sink = open_sink(hook)
    assert isinstance(sink, Webhook)
    assert "secret" not in sink.name
    raise_alarms(database, [sink.name])
    Hook.answers = [500, 204, 302]
    courier = Courier(database, [sink], lambda: range(4))
    courier.start()
    wait_for(lambda: len(Hook.got) >= 3, "three alarms")
    courier.stop()
    assert [body["raised"] for _, body in Hook.got] == sorted(body["raised"] for _, body in Hook.got)
    assert len({key for key, _ in Hook.got}) == len(Hook.got) == 3
    assert database.live.undelivered(sink.name, range(4)) == []


def test_a_webhook_that_is_not_there_is_named_without_its_secret(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"127\.0\.0\.1:1/hook does not answer") as caught:
        Webhook("http://user:secret@127.0.0.1:1/hook?token=secret").deliver(document())
    assert "secret" not in str(caught.value)


def test_an_alarm_goes_to_a_nats_subject(nats: NatsServer) -> None:
    sink = open_sink(f"{nats.url}/ward-alarms")
    assert isinstance(sink, NatsSubject)
    with Broker([nats.url]) as broker:
        subscription = broker.run(broker.client.subscribe("ward-alarms.>"))
        broker.run(broker.client.flush())
        try:
            sink.deliver(document())
            message = broker.run(subscription.next_msg(timeout=PATIENCE_S))
        finally:
            sink.close()
    assert message.subject == "ward-alarms.ward.bed-1"
    assert json.loads(message.data) == document()


def test_what_belongs_to_another_workers_partitions_stays(database: Database, tmp_path: Path) -> None:
    sink = JsonLines(tmp_path / "alarms.jsonl")
    raise_alarms(database, [sink.name])
    Courier(database, [sink], lambda: ()).deliver(sink)
    assert (tmp_path / "alarms.jsonl").read_text() == ""
