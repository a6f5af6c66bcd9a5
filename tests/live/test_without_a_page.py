"""What a worker without a page tells machines: what was refused and dropped, and whether it can do its work."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

from pipeline import BeatModel
from pipeline.cli.work import Work, connect
from pipeline.clock import now_us
from pipeline.live.broker import STREAM, Broker
from pipeline.live.engine import Engine
from pipeline.live.frames import Frame
from pipeline.live.partitions import Partitions
from pipeline.settings import LiveSettings, Settings
from pipeline.sources.synthetic import SyntheticRecord
from pipeline.web.access import Access
from pipeline.web.metrics import Metrics
from pipeline.web.probes import create_probes
from pipeline.web.server import Server
from tests.live.conftest import BEGAN_US, Played
from tests.live.test_engine import Clock
from tests.live.test_worker import send
from tests.services import NatsServer
from tests.waiting import PATIENCE_S, wait_for


@pytest.fixture(scope="module")
def frames(ward_records: list[SyntheticRecord], played: Played) -> list[Frame]:
    return [frame for batch in played(ward_records[:1]) for frame in batch]


@contextmanager
def at_work(model: BeatModel, url: str, settings: Settings) -> Iterator[Metrics]:
    """Work as ``monitor --metrics`` does, in a thread."""
    metrics, stop, engine = Metrics(), threading.Event(), Engine(model, clock=now_us)
    connect(engine, metrics)
    work = Work([url], Partitions(0, 7, 8), (), 1, settings)
    thread = threading.Thread(target=work.run, args=(engine, stop))
    thread.start()
    try:
        yield metrics
    finally:
        stop.set()
        thread.join(PATIENCE_S)


def fate(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value("ecg_frames_total", {"fate": name}) or 0.0


def test_refused_and_dropped_frames_are_counted_without_a_page(
    model: BeatModel, nats: NatsServer, frames: list[Frame], tmp_path: Path
) -> None:
    settings = Settings(state_dir=tmp_path, database_url="", live=LiveSettings(commit_s=0.2, lease_s=1.0))
    half, dropped = len(frames) // 2, 20
    with Broker([nats.url]) as broker:
        broker.make_stream()
        with at_work(model, nats.url, settings) as metrics:
            for data in (b"\xc1", b"{}", b""):
                broker.run(broker.jetstream.publish("ecg.ward.bed-1", data))
            send(nats.url, frames[:half])
            wait_for(lambda: fate(metrics, "arrived") == half, "the first half")
            wait_for(lambda: fate(metrics, "refused") == 3, "what was refused")
            assert fate(metrics, "dropped") == 0
        _, end = broker.run(broker.look())
        send(nats.url, frames[half:])
        broker.run(broker.jetstream.purge_stream(STREAM, seq=end + dropped + 1))  # as its limits would
        with at_work(model, nats.url, settings) as metrics:
            wait_for(lambda: fate(metrics, "dropped") == dropped, "what was dropped")


def test_a_patient_who_is_not_heard_makes_no_service_unready(model: BeatModel) -> None:
    """Whoever restarts what is not ready would take the monitor from all others; an alarm says who it is."""
    clock, metrics, wrong = Clock(), Metrics(), list[str]()
    engine = Engine(model, clock=clock)
    connect(engine, metrics)
    for second in range(20):
        clock.now += 1_000_000
        flat = np.full((250, 1), 0.2, np.float32)
        engine.take([Frame.of("ward/a", "s", second, BEGAN_US + second * 1_000_000, 250.0, ("II",), flat)])
    assert engine.deaf() == ["ward/a"]
    server = Server("127.0.0.1", 0)
    checks = {"worker": lambda: wrong[0] if wrong else None}
    with server.running(create_probes(metrics, Access(), checks)):
        with urlopen(f"{server.url}readyz", timeout=PATIENCE_S) as answer:
            assert json.loads(answer.read()) == {"ready": True, "wrong": [], "unheard": 1}
        wrong.append("it holds no partition")
        with pytest.raises(OSError, match="503") as caught:
            urlopen(f"{server.url}readyz", timeout=PATIENCE_S)
        with caught.value as answer:  # type: ignore[attr-defined]  # urllib's HTTPError is one
            assert json.loads(answer.read()) == {"ready": False, "wrong": ["worker"], "unheard": 1}
