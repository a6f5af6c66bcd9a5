from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pipeline import BeatModel
from pipeline.live.engine import Engine
from pipeline.live.ledger import Ledger
from pipeline.live.pruner import DAY_US, Pruner
from pipeline.records import Alarm, Gap
from pipeline.sources.synthetic import SyntheticRecord
from pipeline.storage.database import Database, partition_of
from pipeline.storage.database.tables import alarms, live_beats, live_gaps, live_patients, live_stays
from tests.live.conftest import BEGAN_US, Played
from tests.services import PostgreSQL

KEEP_DAYS = 2.0


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ecg.db'}"
    server: PostgreSQL = request.getfixturevalue("postgres")
    return server.url(server.create_database())


@pytest.fixture
def database(model: BeatModel, ward_records: list[SyntheticRecord], played: Played, url: str) -> Iterator[Database]:
    """Two minutes of four patients, and an alarm among them."""
    engine, ledger = Engine(model, clock=lambda: BEGAN_US), Ledger()
    for batch in played(ward_records):
        for frame in batch:
            ledger.took(frame.patient, 1, 0)
        ledger.found(engine.take(batch))
    stays = ledger.results(ledger.patients())
    for stay in stays:
        stay.gaps.append(Gap(stay.patient, 1.0, 2.0, "lost"))
    with Database.open(url) as database:
        database.live.acquire("x", range(8), 8, now_us=1, until_us=9)
        database.live.commit("x", 8, now_us=BEGAN_US, until_us=9, positions={0: 1}, log="", results=stays)
        alarm = Alarm(stays[0].patient, "asystole", "high", True, 3.0, 7.0, -1, -1, "no beat for 4 s")
        database.alarms.add(stays[0].origin, [alarm], at_us=BEGAN_US, started_at_us=stays[0].began_at_us)
        yield database


def count(database: Database, table: object) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]  # any table


def pruner(database: Database, now_us: int, partitions: tuple[int, ...] = tuple(range(8))) -> Pruner:
    return Pruner(database, lambda: partitions, 8, keep_days=KEEP_DAYS, clock=lambda: now_us)


def test_what_is_old_goes_and_what_is_not_stays(database: Database) -> None:
    before, alarms_before = count(database, live_beats), count(database, alarms)
    assert pruner(database, BEGAN_US + round(KEEP_DAYS * DAY_US)).prune() == 0  # nothing is older than that
    assert count(database, live_beats) == before
    assert count(database, live_gaps) >= 4
    cut_s = 60.0
    dropped = pruner(database, BEGAN_US + round(KEEP_DAYS * DAY_US + cut_s * 1e6)).prune()
    assert 0 < dropped < before
    with database.reading() as connection:
        first = connection.execute(select(func.min(live_beats.c.r_peak))).scalar_one()
    assert first >= cut_s * 360
    assert count(database, live_beats) == before - dropped
    assert count(database, live_stays) == 4
    assert pruner(database, BEGAN_US + 10 * DAY_US).prune() == before - dropped
    assert count(database, live_beats) == count(database, live_stays) == count(database, live_gaps) == 0
    assert count(database, live_patients) == 0
    assert count(database, alarms) == alarms_before > 0  # what persons were told is kept


def test_what_a_wrong_clock_calls_old_counts_from_when_it_was_stored(database: Database) -> None:
    with database.writing() as connection:
        for patient in connection.execute(select(live_stays.c.patient)).scalars().all():
            values = {"patient": patient, "partition": partition_of(patient, 8), "position": 1, "log": "", "state": b""}
            connection.execute(live_patients.insert().values(**values, stored_at_us=BEGAN_US + 400 * DAY_US))
    before = count(database, live_beats)
    assert pruner(database, BEGAN_US + 400 * DAY_US).prune() == 0
    assert pruner(database, BEGAN_US + round((400 + KEEP_DAYS) * DAY_US) - 130_000_000).prune() == 0
    assert count(database, live_beats) == before
    assert count(database, live_stays) == count(database, live_patients) == 4
    assert pruner(database, BEGAN_US + round((401 + KEEP_DAYS) * DAY_US)).prune() == before


def test_only_the_patients_of_its_partitions_are_touched(
    database: Database, ward_records: list[SyntheticRecord]
) -> None:
    names = [record.name for record in ward_records]
    mine = partition_of(names[0], 8)
    pruner(database, BEGAN_US + 10 * DAY_US, (mine,)).prune()
    with database.reading() as connection:
        left = set(connection.execute(select(live_beats.c.patient).distinct()).scalars())
    assert left == {name for name in names if partition_of(name, 8) != mine}


def test_it_works_in_a_thread_and_ends_when_told(database: Database) -> None:
    with pruner(database, BEGAN_US + 10 * DAY_US) as working:
        while count(database, live_stays):
            assert working._thread.is_alive()
    assert not working._thread.is_alive()
