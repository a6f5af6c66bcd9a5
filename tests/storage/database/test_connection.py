from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from pipeline.errors import OutputError
from pipeline.settings import Settings
from pipeline.storage.database import Database


@pytest.mark.parametrize("url", ["", "ecg.db", "mysql://localhost/x", "sqlite://", "postgresql", "://", "sqlite:///"])
def test_a_url_of_no_database_is_refused_with_the_two_that_are(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///FILE.*postgresql://USER:PASSWORD@HOST/DATABASE"):
        Database(url)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(OutputError, match=r"127\.0\.0\.1:1/ecg.*ECG_DATABASE_URL") as caught:
        Database.open("postgresql://somebody:secret@127.0.0.1:1/ecg")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("path", ["/proc/no/ecg.db", "/dev/null/ecg.db"])
def test_a_place_that_cannot_be_written_is_named(path: str) -> None:
    with pytest.raises(OutputError, match=rf"{path}.*ECG_DATABASE_URL"):
        Database.open(f"sqlite:///{path}")


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database at all " * 50)
    before = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
    with pytest.raises(OutputError, match=r"notes\.txt.*not a database"):
        Database.open(f"sqlite:///{path}")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == before


def test_what_fails_half_way_is_not_kept(database: Database) -> None:
    def fail() -> None:
        with database.writing() as connection:
            connection.execute(text("UPDATE runs SET state = 'failed'"))
            raise KeyboardInterrupt

    database.runs.start("one", "score", at_us=1)
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [run.state for run in database.runs.newest()] == ["running"]


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    database.runs.start("one", "score", at_us=1)
    with database.writing() as connection:
        connection.execute(text("UPDATE runs SET state = 'failed'"))
        assert [run.state for run in database.runs.newest()] == ["running"]
    assert [run.state for run in database.runs.newest()] == ["failed"]


def test_sqlite_keeps_a_write_ahead_log(tmp_path: Path) -> None:
    path = tmp_path / "ecg.db"
    with Database.open(f"sqlite:///{path}"):
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()


def test_the_database_lies_in_the_state_folder_unless_a_setting_says_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("ECG_DATABASE_URL", raising=False)
    with Database.open(Settings().database):
        assert (tmp_path / "state/ecg-anomaly.db").is_file()
    monkeypatch.setenv("ECG_DATABASE_URL", "postgresql://somebody:secret@host/ecg")
    assert Settings().database == "postgresql://somebody:secret@host/ecg"
    assert "secret" not in repr(Settings())
