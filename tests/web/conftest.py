from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipeline.clock import now_us
from pipeline.detection.model import BeatModel
from pipeline.explain.witness import Witness
from pipeline.live.engine import Engine
from pipeline.records import Chunk, Findings, Record
from pipeline.sources.synthetic import Episode, Scenario, synthesise
from pipeline.storage.database import Database
from pipeline.ward import Ward
from pipeline.web.access import Access
from pipeline.web.app import create_app
from pipeline.web.desk import AlarmDesk
from pipeline.web.feed import play_ward
from pipeline.web.hub import Hub
from pipeline.web.server import Server
from tests.waiting import wait_for
from tests.web.pages import open_page

__all__ = ["open_page"]  # a fixture, for all files here

RUN = "ward/run"  # a ventricular run at 40 s, so that there is an alarm


@dataclass
class Service:
    """A service on loopback, with what stands behind it."""

    hub: Hub
    desk: AlarmDesk
    database: Database
    server: Server

    @property
    def url(self) -> str:
        return self.server.url


@contextmanager
def serve(
    hub: Hub, folder: Path, access: Access | None = None, *, port: int = 0, origin: str | None = "s1"
) -> Iterator[Service]:
    with Database.open(f"sqlite:///{folder / 'ecg.db'}") as database, AlarmDesk(hub, database, origin) as desk:
        server = Server("127.0.0.1", port)
        with server.running(create_app(hub, desk, access or Access())):
            yield Service(hub, desk, database, server)


def wait_for_numbers(hub: Hub) -> None:
    """Wait until each alarm is stored, so that it has a number."""
    wait_for(
        lambda: all(raised.id is not None for one in hub.patients() for raised in one.alarms()),
        "the number of each stored alarm",
    )


Heard = list[tuple[Chunk, Findings]]


def monitored(record: Record, seconds: float, *, chunk_s: float = 2.0) -> Heard:
    """Return what a ward finds in a record, with the chunks in which it found it."""
    ward, heard = Ward(BeatModel.pretrained()), []
    for part in record.chunks(chunk_s):
        if part.start >= seconds * record.fs:
            break
        (found,), refused = ward.process([part])
        assert refused == []
        heard.append((part, found))
    return heard


def tell(hub: Hub, heard: Heard) -> None:
    for part, found in heard:
        for listener in (hub.metrics, hub):
            listener.signal(part)
            listener.findings(found)


@pytest.fixture(scope="session")
def run_record() -> Record:
    scenario = Scenario("a run", (Episode("vt", 40.0, 43.0, 170.0), Episode("missing", 50.0, 52.0)))
    return synthesise(scenario, name=RUN, seconds=120.0, seed=3)


@pytest.fixture(scope="session")
def minute(run_record: Record) -> Heard:
    """A minute of a patient with a ventricular run and a gap."""
    return monitored(run_record, 60.0)


@pytest.fixture
def hub(minute: Heard) -> Hub:
    """A hub that has heard that minute."""
    hub = Hub(history_s=120.0)
    tell(hub, minute)
    return hub


@pytest.fixture
def service(tmp_path: Path, minute: Heard) -> Iterator[Service]:
    """A service that has shown that minute, alarms stored."""
    hub = Hub(history_s=120.0)
    with serve(hub, tmp_path) as running:
        tell(hub, minute)
        wait_for_numbers(hub)
        yield running


def chunk(
    start: int,
    n: int,
    record: str = "ward/bed-1",
    value: float = 0.0,
    fs: float = 250.0,
    leads: tuple[str, ...] = ("MLII", "V1"),
) -> Chunk:
    return Chunk(record, start, fs, leads, np.full((n, len(leads)), value, dtype=np.float32))


def live_ward() -> list[Record]:
    """Sixteen patients; the first has ventricular beats, the second runs, the third gaps, again and again."""
    special = [
        Scenario("ventricular beats", (Episode("bigeminy", 8.0, 12.0),), period_s=14.0),
        Scenario("ventricular runs", (Episode("vt", 9.0, 11.0, 170.0),), period_s=13.0),
        Scenario("gaps", (Episode("missing", 6.0, 8.0),), period_s=15.0),
    ]
    usual = Scenario("sinus rhythm", rate_bpm=75.0)
    scenarios = special + 13 * [usual]
    return [synthesise(who, name=f"ward/bed-{i + 1}", seconds=3600.0, seed=i) for i, who in enumerate(scenarios)]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, minute: Heard) -> Iterator[Service]:
    """A service that shows sixteen patients in real time, for as long as a module's tests take.

    Scoring the minute before it has compiled what scores: no patient waits for that.
    """
    hub, stop = Hub(), threading.Event()
    engine = Engine(BeatModel.pretrained(), clock=now_us, watch=Witness)
    engine.listeners += [hub.metrics, hub]
    hub.why = engine.explain
    feed = threading.Thread(target=play_ward, args=(engine, live_ward(), stop), kwargs={"warm_s": 60.0})
    with serve(hub, tmp_path_factory.mktemp("live")) as running:
        feed.start()
        try:
            wait_for(
                lambda: len(hub.patients()) == 16 and all(one.kept[1] >= 60 * one.fs for one in hub.patients()),
                "a minute of sixteen patients",
            )
            yield running
        finally:
            stop.set()
            feed.join()
