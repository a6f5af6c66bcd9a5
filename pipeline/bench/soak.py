"""Endurance: workers, broker, database and Prefect that are killed at random, against a run that nothing disturbs."""

from __future__ import annotations

import json
import logging
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from pipeline.bench.postgres import PostgresServer
from pipeline.bench.prefect_server import PrefectProgram
from pipeline.bench.programs import Programs, Victim
from pipeline.clock import now_us
from pipeline.detection.model import BeatModel
from pipeline.errors import SourceUnavailable
from pipeline.live.device import NatsDevice
from pipeline.live.engine import Engine
from pipeline.live.faults import Faults
from pipeline.live.frames import Frame
from pipeline.live.replay import play, synthetic_ward
from pipeline.live.results import Result
from pipeline.storage.database import Database
from pipeline.storage.database.tables import alarms, live_beats

__all__ = ["Soak", "soak"]

EVENTS = "ecg-anomaly."  # what the names of events begin with
SETTLE_S = 120.0  # how long nothing may come until the end of the backlog
FAULTS = Faults(late=0.01, doubled=0.01, dropped=0.002, reordered=0.01, drift=0.005, reconnects=4)

Beat = tuple[str, int, int]
Episode = tuple[str, int, str]  # of an alarm: record, when its stay began, key

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Soak:
    """What was counted.

    Attributes
    ----------
    minutes : float
        How long it took.
    patient_hours : float
        Signal that was sent.
    worker_kills, broker_kills, database_kills, prefect_kills : int
        How often each was killed; of several workers, how often any was.
    events : int
        What Prefect knows of in the end; none where there is no Prefect. It may itself forget what it had taken.
    beats, alarms : int
        What an undisturbed run finds.
    beats_lost, beats_doubled, beats_changed : int
        Beats that are not in the database, that are there and should not be, and that have another score.
    alarms_lost, alarms_doubled : int
        Alarms that are not in the database or were not delivered, and that were told twice or should not be there.
    """

    minutes: float
    patient_hours: float
    worker_kills: int
    broker_kills: int
    database_kills: int
    prefect_kills: int
    events: int
    beats: int
    alarms: int
    beats_lost: int
    beats_doubled: int
    beats_changed: int
    alarms_lost: int
    alarms_doubled: int

    @property
    def is_clean(self) -> bool:
        """True if nothing was lost and nothing doubled."""
        return not (self.beats_lost + self.beats_doubled + self.beats_changed + self.alarms_lost + self.alarms_doubled)


def soak(
    model: BeatModel,
    folder: Path,
    *,
    minutes: float,
    speed: float,
    patients: int,
    kills_per_minute: float,
    seed: int,
    workers: int = 1,
    postgres: bool = False,
    prefect: bool = False,
    progress: Callable[[str, float], object],
) -> Soak:
    """Play synthetic patients to a broker and workers that are killed at random, and count what came out.

    The same frames go through an engine in this process, which nothing disturbs.

    Parameters
    ----------
    model : BeatModel
        What scores.
    folder : Path
        Where broker, database and logs are; it should be empty.
    minutes : float
        How long, in real time.
    speed : float
        Times real time at which the devices send.
    patients : int
        How many.
    kills_per_minute : float
        Kills of workers, and half as many of the broker, of the database where it is PostgreSQL, and of Prefect.
    seed : int
        Makes the patients, what goes wrong with their frames, and the moments of the kills.
    workers : int
        How many contend for the same patients.
    postgres : bool
        Store in a PostgreSQL server of its own, which is killed as well, in place of a SQLite file.
    prefect : bool
        Let workers tell a Prefect server of alarms and drifts, which is killed as well.
    progress : callable
        Told what is under way and the share that is done.

    Raises
    ------
    SourceUnavailable
        If nats-server, PostgreSQL or Prefect is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seconds = 60.0 * minutes * speed
    records = synthetic_ward(patients, seconds=seconds, seed=seed)
    reference = Engine(model, clock=now_us, is_live=False)
    expected: dict[Beat, float] = {}
    told: dict[Episode, int] = {}  # the last revision of each
    rng = random.Random(seed)  # noqa: S311 - accidents, not secrets
    kills = Counter[str]()
    started = time.monotonic()

    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer()) if postgres else None
        url = f"sqlite:///{(folder / 'soak.db').absolute()}"
        if server is not None:
            url = server.url(server.create_database("soak"))
        database = stack.enter_context(Database.open(url))
        events = stack.enter_context(PrefectProgram(folder / "prefect")) if prefect else None
        others: dict[str, Victim | None] = {"database": server, "prefect": events}
        environment = {"ECG_LIVE__LEASE_S": "3", "PREFECT_API_URL": "" if events is None else events.url}
        there = {name: victim for name, victim in others.items() if victim is not None}
        programs = Programs(folder, url, workers=workers, others=there, environment=environment)
        stack.enter_context(closing(programs))
        programs.start("broker")
        device = _connect(programs.url)
        for name in programs.workers:
            programs.start(name)
        stopping = threading.Event()
        killer = threading.Thread(target=_kill, args=(programs, kills, rng, kills_per_minute, stopping))
        killer.start()
        try:
            for batch in play(
                records,
                session="soak",
                began_us=now_us(),
                speed=speed,
                clock=time.monotonic,
                wait=time.sleep,
                faults=FAULTS,
            ):
                _send(device, batch)
                _note(reference.take(batch), expected, told)
                progress(
                    f"{len(expected):,} beats, {sum(kills.values())} kills", (time.monotonic() - started) / 60 / minutes
                )
        finally:
            stopping.set()
            killer.join()
            device.close()
        programs.revive()
        _settle(database, programs.alarms, len(expected), len(told))
        found, stored, delivered = _read(database, programs.alarms)
        if events is not None:
            events.wait()
        known = 0 if events is None else events.events(EVENTS)
    return Soak(
        minutes=(time.monotonic() - started) / 60,
        patient_hours=patients * seconds / 3600,
        worker_kills=kills["worker"],
        broker_kills=kills["broker"],
        database_kills=kills["database"],
        prefect_kills=kills["prefect"],
        events=known,
        beats=len(expected),
        alarms=len(told),
        beats_lost=len(expected.keys() - found.keys()),
        beats_doubled=len(found.keys() - expected.keys()),
        beats_changed=sum(not _same(found[beat], score) for beat, score in expected.items() if beat in found),
        alarms_lost=sum(stored.get(episode, -1) != revision for episode, revision in told.items())
        + max(len(told) - len({key for key, _ in delivered}), 0),
        alarms_doubled=len(stored.keys() - told.keys()) + len(delivered) - len(set(delivered)),
    )


def _connect(url: str) -> NatsDevice:
    for _ in range(50):
        try:
            return NatsDevice([url])
        except SourceUnavailable:
            time.sleep(0.1)  # the broker is being started anew
    return NatsDevice([url])


def _send(device: NatsDevice, batch: list[Frame]) -> None:
    if batch:
        device.send(batch)


def _kill(
    programs: Programs, kills: Counter[str], rng: random.Random, per_minute: float, stopping: threading.Event
) -> None:
    """Kill one of them now and then, and start it again."""
    victims = programs.victims
    share = sum(name in programs.workers for name in victims) / len(victims)
    while not stopping.wait(rng.uniform(0.5, 1.5) * 60.0 * share / per_minute):
        programs.revive()
        name = rng.choice(victims)
        programs.kill(name)
        kills["worker" if name in programs.workers else name] += 1
        time.sleep(rng.uniform(0.0, 2.0))  # for how long it is gone
        programs.start(name)


def _note(results: list[Result], expected: dict[Beat, float], told: dict[Episode, int]) -> None:
    for result in results:
        found = result.findings
        if found is None:
            continue
        for beat, score in zip(found.beat.tolist(), found.score.tolist(), strict=True):
            expected[(found.record, result.stay.began_us, beat)] = score
        for alarm in (*found.alarms, *found.updates):
            episode = (alarm.record, result.stay.began_us, alarm.key)
            told[episode] = max(alarm.revision, told.get(episode, 0))


def _settle(database: Database, lines: Path, beats: int, alarms_told: int) -> None:
    """Wait until everything is there, or nothing more comes."""
    before, deadline = (-1, -1), time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        found, _, delivered = _read(database, lines)
        there = len(found), len({key for key, _ in delivered})
        if there[0] >= beats and there[1] >= alarms_told:
            break
        if there > before:  # a busy machine is no loss
            before, deadline = there, time.monotonic() + SETTLE_S
        time.sleep(1.0)  # another process writes, and tells nobody
    time.sleep(6.0)  # what should not come, would come now


def _read(database: Database, lines: Path) -> tuple[dict[Beat, float], dict[Episode, int], list[tuple[str, int]]]:
    with database.reading() as connection:
        columns = (live_beats.c.patient, live_beats.c.began_at_us, live_beats.c.beat, live_beats.c.score)
        found = {
            (row.patient, row.began_at_us, row.beat): math.nan if row.score is None else row.score
            for row in connection.execute(select(*columns))
        }
        wanted = select(alarms.c.record, alarms.c.started_at_us, alarms.c.key, alarms.c.revision)
        rows = connection.execute(wanted.where(alarms.c.record != "monitor"))
        stored = {(row.record, row.started_at_us, row.key): row.revision for row in rows}
    documents = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    states = [(document["key"], document["revision"]) for document in documents if document["patient"] != "monitor"]
    return found, stored, states


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))
