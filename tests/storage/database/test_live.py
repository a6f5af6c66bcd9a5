from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from pipeline.errors import LeaseLost, OutputError
from pipeline.records import Alarm, Findings, Gap
from pipeline.storage.database import Database, PatientState, StayResults, partition_of
from pipeline.storage.database.tables import live_beats, live_gaps
from tests.storage.conftest import make_findings

PATIENT = "ward/bed-1"
MINE = partition_of(PATIENT, 4)


def results(n: int = 3) -> StayResults:
    alarm = Alarm(PATIENT, "pause", "high", True, 1.0, 4.0, 2, 3, "no beat for 3 s")
    found: Findings = make_findings(PATIENT, n, alarms=(alarm,))
    return StayResults(PATIENT, "s", 10**15, 360.0, ("II",), [found], [Gap(PATIENT, 1.0, 2.0, "lost")])


def take(database: Database, owner: str, now_us: int, of: int = 4) -> dict[int, tuple[int, str]]:
    return database.live.acquire(owner, range(of), of, now_us=now_us, until_us=now_us + 10)


def test_a_partition_has_one_owner_until_its_lease_has_run_out(database: Database) -> None:
    assert take(database, "a", 100) == dict.fromkeys(range(4), (0, ""))
    assert take(database, "b", 105) == {}
    assert take(database, "a", 106) == dict.fromkeys(range(4), (0, ""))
    assert take(database, "b", 117) == dict.fromkeys(range(4), (0, ""))
    with pytest.raises(LeaseLost):
        database.live.commit("a", 4, now_us=118, until_us=130, positions={MINE: 7}, log="log", results=[results()])
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(live_beats)).scalar() == 0


def test_a_partition_that_was_let_go_is_free_at_once(database: Database) -> None:
    take(database, "a", 100)
    database.live.release("a")
    assert len(take(database, "b", 101)) == 4


def test_the_number_of_partitions_is_the_databases(database: Database) -> None:
    take(database, "a", 100)
    with pytest.raises(OutputError, match="4 partitions, not 8"):
        take(database, "b", 200, of=8)


def test_position_state_and_results_are_written_together_and_once(database: Database) -> None:
    take(database, "a", 100)
    for now_us in (101, 102):
        database.live.commit(
            "a",
            4,
            now_us=now_us,
            until_us=200,
            positions={MINE: 7},
            log="log",
            states=[PatientState(PATIENT, 7, "log", b"state")],
            results=[results()],
            sinks=["file", "hook"],
        )
    assert take(database, "a", 103)[MINE] == (7, "log")
    assert database.live.states([MINE]) == [PatientState(PATIENT, 7, "log", b"state")]
    assert database.live.states([(MINE + 1) % 4]) == []
    (alarm,) = database.alarms.newest()
    assert (alarm.alarm.kind, alarm.started_at_us, alarm.noted_at_us) == ("pause", 10**15, 101)
    with database.reading() as connection:
        rows = connection.execute(select(live_beats).order_by(live_beats.c.beat)).all()
        assert [row.beat for row in rows] == [0, 1, 2]
        assert rows[0].score is None or isinstance(rows[0].score, float)
        assert connection.execute(select(live_gaps.c.reason)).scalars().all() == ["lost"]


def test_an_alarm_waits_for_each_of_its_sinks(database: Database) -> None:
    take(database, "a", 100)
    database.live.commit(
        "a", 4, now_us=1, until_us=200, positions={MINE: 7}, log="log", results=[results()], sinks=["file", "hook"]
    )
    (stored,) = database.live.undelivered("hook", range(4))
    assert stored.alarm.kind == "pause"
    assert database.live.undelivered("hook", [(MINE + 1) % 4]) == []
    database.live.delivered("hook", [stored])
    assert database.live.undelivered("hook", range(4)) == []
    assert len(database.live.undelivered("file", range(4))) == 1


def test_a_state_that_comes_while_a_sink_takes_the_one_before_is_delivered_too(database: Database) -> None:
    take(database, "a", 100)
    begun = Alarm(PATIENT, "run", "medium", True, 1.0, 4.0, 2, 3, "3 in a row", key="run@4000000")
    ended = replace(begun, revision=1, ended_s=9.0)

    def commit(alarms: tuple[Alarm, ...], updates: tuple[Alarm, ...]) -> None:
        found = replace(make_findings(PATIENT, 0, alarms=alarms), updates=updates)
        stay = StayResults(PATIENT, "s", 10**15, 360.0, ("II",), [found])
        database.live.commit(
            "a", 4, now_us=1, until_us=200, positions={MINE: 7}, log="log", results=[stay], sinks=["hook"]
        )

    commit((begun,), ())
    (before,) = database.live.undelivered("hook", range(4))
    commit((), (ended,))
    database.live.delivered("hook", [before])
    (after,) = database.live.undelivered("hook", range(4))
    assert (after.id, after.alarm) == (before.id, ended)
    database.live.delivered("hook", [after])
    assert database.live.undelivered("hook", range(4)) == []
