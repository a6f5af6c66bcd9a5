from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from pipeline.errors import SourceUnavailable
from pipeline.health import read_health
from tests.services import free_port


class Service:
    """Answers as a monitor does, with the metrics of its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.samples = Counter("ecg_samples", "samples", registry=self.registry)
        self.beats = Counter("ecg_beats", "beats", ["kind"], registry=self.registry)
        self.patients = Gauge("ecg_patients", "patients", ["state"], registry=self.registry)
        self.unstored = Gauge("ecg_alarms_unstored", "unstored", registry=self.registry)
        self.unheard = Gauge("ecg_patients_unheard", "unheard", registry=self.registry)
        self.wrong: list[str] = []
        self.token = ""
        self.url = ""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/readyz":
                self.answer(503 if running.wrong else 200, json.dumps({"wrong": running.wrong}).encode())
            elif running.token and self.headers.get("Authorization") != f"Bearer {running.token}":
                self.answer(401, b"{}")
            else:
                self.answer(200, generate_latest(running.registry))

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        running.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        http.shutdown()
        thread.join()


def watched(samples: int, service: Service) -> Callable[[float], None]:
    return lambda _seconds: service.samples.inc(samples)


def test_a_monitor_that_takes_signal_in_is_well(service: Service) -> None:
    service.patients.labels("live").set(2)
    service.beats.labels("normal").inc(40)
    service.beats.labels("ventricular").inc(2)
    health = read_health(service.url, sleep=watched(3600, service))
    assert health.stale == ()
    assert (health.samples_per_s, health.beats, health.patients["live"]) == (720.0, 42, 2)


def test_what_is_stale_is_named(service: Service) -> None:
    service.wrong = ["broker"]
    service.patients.labels("live").set(2)
    service.patients.labels("late").set(1)
    service.unstored.set(4)
    service.unheard.set(3)
    health = read_health(service.url + "/", sleep=watched(0, service))
    assert [line.partition(":")[0] for line in health.stale] == ["not ready", "signal", "signal", "patients", "alarms"]
    assert "broker" in health.stale[0]
    assert "1 of 3 patients" in health.stale[1]


def test_a_monitor_without_patients_is_well(service: Service) -> None:
    assert read_health(service.url, sleep=watched(0, service)).stale == ()


def test_the_token_is_shown_where_it_is_asked_for(service: Service) -> None:
    service.token = "0123456789abcdef"  # noqa: S105
    assert read_health(service.url, token=service.token, sleep=watched(1, service)).ready
    with pytest.raises(SourceUnavailable, match="token"):
        read_health(service.url, sleep=watched(1, service))


def test_an_address_where_no_monitor_is_says_so(service: Service) -> None:
    with pytest.raises(SourceUnavailable, match="nobody answers"):
        read_health(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SourceUnavailable, match="no monitor"):
        read_health(f"{service.url}/metrics?")
    with pytest.raises(ValueError, match="http://HOST:PORT"):
        read_health("localhost")
    with pytest.raises(ValueError, match="watch_s"):
        read_health(service.url, watch_s=0)
