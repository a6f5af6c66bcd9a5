from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipeline import BeatModel, Monitor
from pipeline.announcing import AlarmEvent, DriftEvent, EventListener, EventSender, events_of
from pipeline.live.listener import Listener
from pipeline.records import Alarm, Drift
from pipeline.sources.synthetic import demo_ward, synthesise
from tests.services import free_port
from tests.waiting import wait_for


def drift(i: int = 0) -> DriftEvent:
    return DriftEvent(record=f"ward/bed-{i}", source="monitor", time_s=float(i), before=0.1, after=1.2)


class Server:
    """Takes events as Prefect's server does, and answers as a test says."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.requests = 0


@contextmanager
def listening(port: int, server: Server) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests += 1
            status = server.answers.pop(0) if server.answers else 204
            if status == 204:
                server.events += body
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_events_arrive_in_order_with_their_payload() -> None:
    port, server = free_port(), Server()
    with listening(port, server), EventSender(f"http://127.0.0.1:{port}/api") as sender:
        for i in range(120):
            sender.send(drift(i))
    assert [event["payload"]["time_s"] for event in server.events] == list(range(120))
    assert (sender.sent, sender.dropped) == (120, 0)
    first = server.events[0]
    assert first["event"] == "ecg-anomaly.drift.detected"
    assert first["resource"]["prefect.resource.id"] == "ecg-anomaly.record.ward/bed-0"
    assert DriftEvent(**first["payload"]) == drift(0)
    assert len({event["id"] for event in server.events}) == 120


def test_nobody_waits_for_a_server_that_is_away_and_nothing_is_lost_when_it_is_back() -> None:
    port, server = free_port(), Server()
    sender = EventSender(f"http://127.0.0.1:{port}/api", first_pause_s=0.05)
    for i in range(100):  # who waited here would wait for ever
        sender.send(drift(i))
    time.sleep(0.2)
    assert sender.sent == 0
    with listening(port, server):
        wait_for(lambda: sender.sent == 100, "all events")
        sender.close()
    assert [event["payload"]["time_s"] for event in server.events] == list(range(100))


def test_of_too_many_that_wait_the_oldest_are_dropped_and_counted() -> None:
    port, server = free_port(), Server()
    sender = EventSender(f"http://127.0.0.1:{port}/api", most=10, first_pause_s=0.05)
    for i in range(25):
        sender.send(drift(i))
    with listening(port, server):
        wait_for(lambda: sender.sent == 10, "what was not dropped")
        sender.close()
    assert [event["payload"]["time_s"] for event in server.events] == list(range(15, 25))
    assert sender.dropped == 15


def test_closing_gives_up_on_a_server_that_stays_away() -> None:
    sender = EventSender(f"http://127.0.0.1:{free_port()}/api", first_pause_s=0.01)
    sender.send(drift())
    sender.close(timeout_s=0.2)  # else it would not return
    assert (sender.sent, sender.dropped) == (0, 1)


def test_what_may_pass_is_sent_again_and_what_is_refused_is_not() -> None:
    port, server = free_port(), Server()
    server.answers = [503, 429, 204, 422]
    with listening(port, server), EventSender(f"http://127.0.0.1:{port}/api", first_pause_s=0.01) as sender:
        sender.send(drift(1))
        wait_for(lambda: sender.sent == 1, "the event")
        sender.send(drift(2))
        wait_for(lambda: sender.dropped == 1, "the refusal")
    assert [event["payload"]["time_s"] for event in server.events] == [1]
    assert server.requests == 4


def test_a_level_that_is_not_known_is_null() -> None:
    port, server = free_port(), Server()
    with listening(port, server), EventSender(f"http://127.0.0.1:{port}/api") as sender:
        sender.send(DriftEvent(record="a", source="score", time_s=1.0, before=math.nan, after=2.0))
    assert server.events[0]["payload"]["before"] is None


def test_a_scored_record_is_one_event_of_drift_and_one_for_each_kind_of_alarm() -> None:
    drifts = [Drift("a", i, float(i), 0.0, float(i), "restarted") for i in range(3)]
    alarms = [Alarm("a", kind, "high", True, t, t + 1, 0, 3, f"{kind} at {t}") for kind, t in
              (("pause", 1.0), ("couplet", 2.0), ("pause", 3.0))]  # fmt: skip
    events = events_of("a", drifts, alarms, source="score", model="abc")
    assert [(type(event), event.count) for event in events] == [(DriftEvent, 3), (AlarmEvent, 2), (AlarmEvent, 1)]
    first, second, _ = events
    assert isinstance(first, DriftEvent)
    assert (first.time_s, first.after) == (2.0, 2.0)
    assert isinstance(second, AlarmEvent)
    assert second.message == "pause at 3.0"
    assert events_of("a", [], [], source="score") == []


def test_without_an_address_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert EventSender.to_prefect() is None


def test_each_drift_and_alarm_of_a_live_stream_is_told(model: BeatModel) -> None:
    port, server = free_port(), Server()
    record = synthesise(demo_ward(240.0)["synth/ventricular"], name="ward/bed-1", seconds=240.0, seed=3)
    drifts: list[Drift] = []
    alarms: list[Alarm] = []
    with listening(port, server), EventSender(f"http://127.0.0.1:{port}/api") as sender:
        listener: Listener = EventListener(sender, model.checksum)
        for findings in Monitor(model).stream(record, seconds=1.0):
            listener.findings(findings)
            drifts += findings.drifts
            alarms += findings.alarms
    payloads = [event["payload"] for event in server.events]
    told = [AlarmEvent(**payload) for payload in payloads if "kind" in payload]
    assert sum(event.count for event in told) == len(alarms) > 0
    assert {event.message for event in told} <= {alarm.message for alarm in alarms}
    assert sum(payload["count"] for payload in payloads if "kind" not in payload) == len(drifts)
    assert {(payload["source"], payload["model"]) for payload in payloads} == {("monitor", model.checksum)}
