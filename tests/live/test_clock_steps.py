"""The machine's own clock is set while patients are monitored: nothing waits for the hour to come round again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from pipeline import BeatModel
from pipeline.clock import Steady, now_us
from pipeline.live.engine import Engine
from pipeline.live.frames import Frame
from pipeline.live.lease_watch import LeaseWatch
from pipeline.live.listener import Status
from pipeline.settings import LiveSettings
from pipeline.sources.synthetic import SyntheticRecord
from pipeline.storage.database import Database, Lease
from tests.live.conftest import Played
from tests.live.test_engine import Clock, Ear
from tests.live.test_worker import Results, a_worker, assert_ends_as, results, send, step_until, working
from tests.live.test_worker import expected as expected
from tests.live.test_worker import frames as frames
from tests.live.test_worker import url as url
from tests.services import NatsServer
from tests.waiting import wait_for

HOUR_US = 3_600_000_000
SETTINGS = LiveSettings(commit_s=0.2, lease_s=1.0)


class Stepped:
    """The wall clock, which somebody sets."""

    def __init__(self) -> None:
        self.off_us = 0

    def __call__(self) -> int:
        return now_us() + self.off_us


def test_a_steady_clock_goes_on_whatever_is_done_to_the_other() -> None:
    wall = Clock()
    steady, began = Steady(wall), wall.now
    wall.now += 5
    assert steady() == began + 5
    wall.now -= 2 * HOUR_US
    assert steady() == began + 5
    wall.now += 7
    assert steady() == began + 12
    wall.now += HOUR_US
    assert steady() == began + 12 + HOUR_US
    wall.now -= 300  # two threads that read it at once
    assert steady() == began + 12 + HOUR_US
    wall.now += 301
    assert steady() == began + 13 + HOUR_US


def test_steps_of_the_clock_lose_double_and_delay_nothing(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results
) -> None:
    clock, parts = Stepped(), 4
    with Database.open(url) as database, working(model, [nats.url], database, clock=clock, settings=SETTINGS):

        def stored() -> int:
            return len(results(database)["live_beats"])

        def more_than(before: int) -> bool:
            return stored() > before

        for part, off_us in enumerate((0, -2 * HOUR_US, 5 * HOUR_US, -HOUR_US)):
            clock.off_us = off_us
            send(nats.url, frames[part * len(frames) // parts : (part + 1) * len(frames) // parts])
            if part < parts - 1:
                before = stored()
                wait_for(partial(more_than, before), "new beats")
        assert_ends_as(expected, database)


def test_the_lease_of_a_worker_that_died_with_its_clock_ahead_runs_out(
    model: BeatModel, nats: NatsServer, url: str, frames: list[Frame], expected: Results
) -> None:
    ahead = Stepped()
    ahead.off_us = 20 * HOUR_US
    with Database.open(url) as database:
        with a_worker(model, [nats.url], database, clock=ahead, settings=SETTINGS) as first:
            send(nats.url, frames[: len(frames) // 2])
            step_until(first, lambda: results(database)["live_beats"], "the first beats")
        assert {lease.owner for lease in database.live.leases(range(8))} == {first.owner}  # it let nothing go
        with working(model, [nats.url], database, settings=SETTINGS) as second:
            wait_for(lambda: second.owned == set(range(8)), "the takeover")
            send(nats.url, frames[len(frames) // 2 :])
            assert_ends_as(expected, database)


def test_a_lease_that_is_renewed_is_left_alone_however_far_it_reaches() -> None:
    watch = LeaseWatch(10)
    assert watch.stale([Lease(0, "a", 1000), Lease(1, "b", 105)], 0, 100) == []
    assert watch.stale([Lease(0, "a", 1005), Lease(1, "b", 105)], 9, 109) == []
    assert watch.stale([Lease(0, "a", 1010), Lease(2, "c", 1010)], 18, 118) == []
    assert watch.stale([Lease(0, "a", 1015), Lease(2, "c", 1010)], 29, 129) == [Lease(2, "c", 1010)]


@pytest.fixture
def seconds(ward_records: list[SyntheticRecord], played: Played) -> Iterator[list[Frame]]:
    return iter([[frame for frame in batch if len(frame.samples)] for batch in played(ward_records[:2])])


def test_a_device_that_falls_silent_after_the_clock_was_set_back_is_told_of(
    model: BeatModel, seconds: Iterator[list[Frame]]
) -> None:
    clock, ear = Clock(), Ear()
    engine = Engine(model, clock=clock)
    engine.listeners.append(ear)
    sent = [frame for batch in seconds for frame in batch]
    quiet, lively = sent[0].patient, next(frame.patient for frame in sent if frame.patient != sent[0].patient)
    by_patient = {name: [frame for frame in sent if frame.patient == name] for name in (quiet, lively)}
    for second in range(20):
        clock.now += 1_000_000
        engine.take([by_patient[quiet][second], by_patient[lively][second]])
    clock.now -= 2 * HOUR_US
    for second in range(20, 30):
        clock.now += 1_000_000
        engine.take([by_patient[lively][second]])
    last = {heard.patient: heard.state for heard in ear.of(Status) if isinstance(heard, Status)}
    assert last == {quiet: "late", lively: "live"}
    assert engine.silent(5_000_000) == [quiet]
