"""Stored alarms are listed and closed without a page, and who did so is in a log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pipeline.records import Alarm
from pipeline.storage.database import Database

Run = Callable[..., Result]
RUN = Alarm("mitdb/208", "ventricular run", "high", True, 70.0, 72.0, 80, 86, "7 beats", ended_s=75.0)
NOISE = Alarm("mitdb/119", "noise", "low", False, 5.0, 6.0, -1, -1, "noise")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    url = f"sqlite:///{tmp_path / 'ecg.db'}"
    monkeypatch.setenv("ECG_DATABASE_URL", url)
    with Database.open(url) as database:
        database.alarms.add("results", [RUN, NOISE], at_us=1)
        database.alarms.add("demo-1", [RUN], at_us=2)
    return tmp_path


def open_ones(ecg: Run, *words: str) -> set[int]:
    return {one["id"] for one in json.loads(ecg("alarms", "--open", "--json", *words).stdout)}


def test_open_alarms_are_closed_by_name_and_opened_again(ecg: Run, database: Path) -> None:
    assert open_ones(ecg) == {1, 2}
    assert open_ones(ecg, "--demos") == {1, 2, 3}
    assert ecg("alarms", "--acknowledge").exit_code == 2  # by whom?
    ran = ecg("alarms", "--record", "mitdb/208", "--acknowledge", "--by", "Ada", "--yes")
    assert ran.exit_code == 0
    assert "1 alarms, 0 of them open" in ran.stdout
    assert open_ones(ecg) == {2}
    assert ecg("alarms", "--number", "1", "--take-back", "--by", "Bob", "--yes").exit_code == 0
    assert open_ones(ecg) == {1, 2}
    lines = ecg("alarms", "--log").stdout.splitlines()
    assert ["Bob  taken back" in lines[0], "Ada  acknowledged" in lines[1]] == [True, True]
    assert ecg("alarms", "--number", "9", "--acknowledge", "--by", "Ada", "--yes").exit_code == 2


def test_closing_is_asked_for_unless_told_otherwise(ecg: Run, database: Path) -> None:
    ran = ecg("alarms", "--acknowledge", "--by", "Ada")  # no answer on standard input
    assert ran.exit_code == 1
    assert "Acknowledge 2 alarms, as Ada?" in ran.stderr
    assert open_ones(ecg) == {1, 2}


def test_the_list_says_when_an_alarm_began_and_how_long_it_lasted(ecg: Run, database: Path) -> None:
    text = ecg("alarms").stdout
    assert "1:10" in text
    assert " 5 " in text
    assert "2 alarms, 2 of them open" in text
