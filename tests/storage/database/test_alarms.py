from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from pipeline.errors import OutputError
from pipeline.records import Alarm
from pipeline.storage.database import Database, StoredAlarm

DAY_US = 1_795_478_400_000_000  # a day in 2026
Make = Callable[..., Alarm]


def raised(database: Database, **which: object) -> list[float]:
    return [stored.alarm.raised_s for stored in database.alarms.newest(**which)]  # type: ignore[arg-type]  # any of its own


def test_an_alarm_comes_back_as_it_was_to_the_microsecond(database: Database, alarm: Make) -> None:
    told = replace(alarm(raised_s=1234567.890123), first_beat=-1, last_beat=2**40, message="Überlänge ♥ 'x'; --")
    database.runs.start("run", "score", at_us=DAY_US)
    database.alarms.add("bed-1", [told], at_us=DAY_US + 1, started_at_us=DAY_US - 5, run="run")
    (stored,) = database.alarms.newest()
    assert stored == StoredAlarm(stored.id, "bed-1", told, DAY_US - 5, DAY_US + 1, "run", None, None)


def test_an_alarm_that_is_written_again_is_not_doubled(database: Database, alarm: Make) -> None:
    for i in range(3):
        database.alarms.add("bed-1", [alarm(), alarm(raised_s=20.0)], at_us=DAY_US + i)
        database.alarms.replace("results", "mitdb/208", [alarm()], at_us=DAY_US + i)
    assert raised(database, origin="bed-1") == [20.0, 12.0]
    assert raised(database, origin="results") == [12.0]
    assert {stored.noted_at_us for stored in database.alarms.newest()} == {DAY_US}


def test_two_leads_that_go_off_at_once_are_two_alarms(database: Database, alarm: Make) -> None:
    both = [replace(alarm(), kind="lead off", message=f"lead {lead} flat", key="") for lead in ("MLII", "V1")]
    database.alarms.add("bed-1", both, at_us=DAY_US)
    assert len(database.alarms.newest()) == 2


def test_a_record_that_is_scored_again_has_the_new_alarms_alone(database: Database, alarm: Make) -> None:
    database.alarms.replace("results", "mitdb/208", [alarm(), alarm(raised_s=30.0)], at_us=DAY_US)
    database.alarms.replace("results", "mitdb/100", [alarm("mitdb/100")], at_us=DAY_US)
    database.alarms.replace("other", "mitdb/208", [alarm()], at_us=DAY_US)
    database.alarms.replace("results", "mitdb/208", [alarm(raised_s=30.0), alarm(raised_s=99.0)], at_us=DAY_US)
    assert raised(database, origin="results", record="mitdb/208") == [99.0, 30.0]
    assert raised(database, record="mitdb/100") == [12.0]
    assert raised(database, origin="other") == [12.0]
    database.alarms.replace("results", "mitdb/208", [], at_us=DAY_US)
    assert raised(database, origin="results", record="mitdb/208") == []


def test_what_somebody_has_acknowledged_stays_so_and_stays(database: Database, alarm: Make) -> None:
    database.alarms.replace("results", "mitdb/208", [alarm(), alarm(raised_s=30.0)], at_us=DAY_US)
    late, early = database.alarms.newest()
    for stored in (late, early):
        database.alarms.acknowledge(stored.id, " Dr. Ada ", at_us=DAY_US + 7)
    database.alarms.replace("results", "mitdb/208", [alarm()], at_us=DAY_US + 9)  # the other has not come again
    kept = database.alarms.newest()
    assert [(s.id, s.acknowledged_by, s.acknowledged_at_us) for s in kept] == [
        (late.id, "Dr. Ada", DAY_US + 7),
        (early.id, "Dr. Ada", DAY_US + 7),
    ]
    assert database.alarms.newest(only_open=True) == []


def test_who_acknowledges_first_is_kept(database: Database, alarm: Make) -> None:
    database.alarms.add("bed-1", [alarm()], at_us=DAY_US)
    (stored,) = database.alarms.newest()
    database.alarms.acknowledge(stored.id, "first", at_us=DAY_US + 1)
    again = database.alarms.acknowledge(stored.id, "second", at_us=DAY_US + 2)
    assert (again.acknowledged_by, again.acknowledged_at_us) == ("first", DAY_US + 1)


def test_nobody_acknowledges_and_no_alarm_is_refused(database: Database, alarm: Make) -> None:
    database.alarms.add("bed-1", [alarm()], at_us=DAY_US)
    (stored,) = database.alarms.newest()
    with pytest.raises(ValueError, match="blank"):
        database.alarms.acknowledge(stored.id, "  ", at_us=DAY_US)
    with pytest.raises(ValueError, match=str(stored.id + 1)):
        database.alarms.acknowledge(stored.id + 1, "me", at_us=DAY_US)


def test_alarms_of_another_record_and_of_no_run_are_refused(database: Database, alarm: Make) -> None:
    with pytest.raises(ValueError, match=r"mitdb/208.*mitdb/100"):
        database.alarms.replace("results", "mitdb/100", [alarm()], at_us=DAY_US)
    with pytest.raises(OutputError, match=r"(?i)foreign key"):
        database.alarms.add("results", [alarm()], at_us=DAY_US, run="never started")
    assert database.alarms.newest() == []


def test_alarms_of_a_demo_are_not_counted_and_can_be_left_out(database: Database, alarm: Make) -> None:
    database.alarms.add("demo-1750000000000000", [alarm(raised_s=50.0)], at_us=DAY_US)
    database.alarms.add("/srv/demo-1", [alarm(raised_s=60.0)], at_us=DAY_US)
    assert sorted(raised(database)) == [50.0, 60.0]
    assert raised(database, with_demos=False) == [60.0]
    assert [count.number for count in database.alarms.counts(DAY_US, DAY_US + 1)] == [1]


def test_threads_that_acknowledge_at_once_agree_on_who_was_first(database: Database, alarm: Make) -> None:
    database.alarms.add("bed-1", [alarm()], at_us=DAY_US)
    (stored,) = database.alarms.newest()
    seen: list[str | None] = []

    def acknowledge(by: str) -> None:
        seen.append(database.alarms.acknowledge(stored.id, by, at_us=DAY_US).acknowledged_by)

    threads = [threading.Thread(target=acknowledge, args=(f"person {i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1


def test_processes_that_write_at_once_lock_nobody_out_and_lose_nothing(
    url: str, together: Callable[[str, Sequence[Sequence[str]]], None]
) -> None:
    program = """
import sys
from pipeline.records import Alarm
from pipeline.storage.database import Database
url, own = sys.argv[1:]
with Database.open(url) as database:
    for i in range(40):
        shared = Alarm("r/shared", "pause", "high", True, i, i + 1, 0, 1, "told by everybody")
        mine = Alarm(f"r/{own}", "pause", "high", True, i, i + 1, 0, 1, "told by one")
        database.alarms.add("ward", [shared], at_us=1)
        database.alarms.replace("ward", mine.record, [mine], at_us=1)
        database.runs.start(f"{own}-{i}", "score", at_us=i)
        database.runs.finish(f"{own}-{i}", "completed", at_us=i + 1)
"""
    together(program, [[url, str(i)] for i in range(4)])
    with Database(url) as database:
        assert raised(database, record="r/shared") == [float(i + 1) for i in reversed(range(40))]
        assert [raised(database, record=f"r/{i}") for i in range(4)] == [[40.0]] * 4
        assert len(database.runs.newest(1000, state="completed")) == 160


def test_a_later_state_replaces_the_one_before_and_an_earlier_one_changes_nothing(
    database: Database, alarm: Make
) -> None:
    begun = replace(alarm(), key="run@12000000", priority="medium")
    ended = replace(begun, revision=3, ended_s=25.0, longest=9, rate_bpm=170.5, last_beat=30)
    for state in (begun, ended, replace(begun, revision=1, longest=4)):
        database.alarms.add("bed-1", [state], at_us=DAY_US)
    (stored,) = database.alarms.newest()
    assert stored.alarm == ended


def test_an_alarm_whose_priority_has_risen_is_to_be_acknowledged_anew(database: Database, alarm: Make) -> None:
    begun = replace(alarm(), key="run@12000000", priority="medium")
    risen = replace(begun, revision=2, priority="high", kind="long run", raised_s=15.0)
    database.alarms.add("bed-1", [begun], at_us=DAY_US)
    (stored,) = database.alarms.newest()
    database.alarms.acknowledge(stored.id, "Ada", at_us=DAY_US + 1)
    database.alarms.add("bed-1", [replace(begun, revision=1, longest=5)], at_us=DAY_US + 2)
    assert database.alarms.newest()[0].acknowledged_by == "Ada"
    database.alarms.add("bed-1", [risen], at_us=DAY_US + 3)
    (again,) = database.alarms.newest()
    assert (again.id, again.alarm, again.acknowledged_by) == (stored.id, risen, None)
    database.alarms.acknowledge(stored.id, "Ada", at_us=DAY_US + 4)
    database.alarms.add("bed-1", [replace(risen, revision=3, ended_s=20.0)], at_us=DAY_US + 5)
    assert database.alarms.newest()[0].acknowledged_by == "Ada"


def test_many_are_acknowledged_together_or_none(database: Database, alarm: Make) -> None:
    database.alarms.add("live", [alarm(raised_s=float(i)) for i in range(3)], at_us=DAY_US)
    numbers = [one.id for one in database.alarms.newest()]
    with pytest.raises(ValueError, match="no alarm of number 999"):
        database.alarms.acknowledge_all([*numbers, 999], "Ada", at_us=DAY_US + 1)
    assert all(one.acknowledged_by is None for one in database.alarms.newest())
    assert database.alarms.actions() == []
    done = database.alarms.acknowledge_all(numbers, "Ada", at_us=DAY_US + 1)
    assert [one.acknowledged_by for one in done] == 3 * ["Ada"]


def test_an_acknowledgement_is_taken_back_and_both_are_in_the_log(database: Database, alarm: Make) -> None:
    database.alarms.add("live", [alarm()], at_us=DAY_US)
    (stored,) = database.alarms.newest()
    database.alarms.acknowledge(stored.id, "Ada", at_us=DAY_US + 1)
    database.alarms.acknowledge(stored.id, "Bob", at_us=DAY_US + 2)  # it is hers already: nothing was done
    (again,) = database.alarms.take_back([stored.id], "Bob", at_us=DAY_US + 3)
    assert (again.acknowledged_by, again.acknowledged_at_us) == (None, None)
    assert [one.id for one in database.alarms.acknowledged(DAY_US + 3)] == [stored.id]  # other pages hear of it
    seen = [(one.action, one.by, one.done_at_us) for one in database.alarms.actions()]
    assert seen == [("taken back", "Bob", DAY_US + 3), ("acknowledged", "Ada", DAY_US + 1)]
