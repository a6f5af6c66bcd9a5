from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import column, inspect, select, table, text, update

from pipeline.errors import OutputError
from pipeline.records import Alarm
from pipeline.storage.database import Database
from pipeline.storage.database.schema import VERSION_TABLE
from pipeline.storage.database.tables import metadata

VERSION = table(VERSION_TABLE, column("version_num"))
OURS = {*metadata.tables, VERSION_TABLE}


def tables(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def test_the_migrations_lead_to_the_tables_that_the_code_knows(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
        checks = {name: {check["name"] for check in inspect(connection).get_check_constraints(name)} for name in OURS}
    assert {name for found in checks.values() for name in found} == {
        "ck_runs_state",
        "ck_alarms_acknowledged",
        "ck_model_versions_state",
    }


def test_bringing_up_to_date_twice_changes_nothing(database: Database) -> None:
    database.runs.start("one", "score", at_us=1)
    database.upgrade()
    assert tables(database) == OURS
    assert [run.id for run in database.runs.newest()] == ["one"]


def test_processes_that_open_a_new_database_at_once_all_find_it_ready(
    url: str, tmp_path: Path, together: Callable[[str, Sequence[Sequence[str]]], None]
) -> None:
    program = """
import sys, time
from pathlib import Path
import pipeline.storage.database.schema
from pipeline.storage.database import Database
ready = Path(sys.argv[3])
(ready / sys.argv[2]).touch()
while len(list(ready.iterdir())) < 4:
    time.sleep(0.001)
with Database.open(sys.argv[1]) as database:
    database.runs.start(sys.argv[2], "score", at_us=1)
"""
    ready = tmp_path / "ready"
    ready.mkdir()
    together(program, [[url, f"run {i}", str(ready)] for i in range(4)])
    with Database(url) as database:
        assert len(database.runs.newest()) == 4


def test_a_migration_that_fails_leaves_nothing_behind(url: str) -> None:
    with Database(url) as database:
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE model_versions (mine INTEGER)"))  # somebody else's, in the way
        with pytest.raises(OutputError, match="model_versions"):
            database.upgrade()
        assert tables(database) == {"model_versions"}


def test_a_database_of_a_newer_version_is_refused_and_left_alone(url: str) -> None:
    with Database.open(url) as database, database.writing() as connection:
        connection.execute(update(VERSION).values(version_num="9999"))
    with pytest.raises(OutputError, match=r"newer version.*9999.*upgrade ecg-anomaly"):
        Database.open(url)
    with Database(url) as database, database.reading() as connection:
        assert connection.execute(select(VERSION.c.version_num)).scalar() == "9999"


def test_another_programs_migrations_in_the_same_database_are_no_ones_business(url: str) -> None:
    with Database(url) as database:
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            connection.execute(text("INSERT INTO alembic_version VALUES ('somebody else')"))
        database.upgrade()
        with database.reading() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "somebody else"


def test_alarms_from_before_they_had_a_life_are_kept_with_what_waits_for_sinks(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", "pipeline.storage.database:migrations")
    with Database(url) as old:
        with old.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0003")
            connection.execute(
                text(
                    "INSERT INTO alarms (id, origin, record, kind, priority, physiological, onset_us, raised_us,"
                    " first_beat, last_beat, message, noted_at_us, acknowledged_by, acknowledged_at_us)"
                    " VALUES (7, 'bed-1', 'x', 'run', 'high', :yes, 1000000, 2500000, 3, 5, '3 in a row', 9, 'Ada', 10)"
                ),
                {"yes": True},
            )
            connection.execute(text("INSERT INTO live_deliveries (sink, alarm, partition) VALUES ('hook', 7, 1)"))
        old.upgrade()
        (stored,) = old.alarms.newest()
        expected = Alarm("x", "run", "high", True, 1.0, 2.5, 3, 5, "3 in a row")
        assert (stored.id, stored.alarm, stored.acknowledged_by) == (7, expected, "Ada")
        assert [one.id for one in old.live.undelivered("hook", [1])] == [7]
        old.alarms.add("bed-1", [expected], at_us=11)  # scored again by this version: the same alarm
        assert len(old.alarms.newest()) == 1
