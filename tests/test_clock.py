"""Times of the wall clock in the time zone that is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.clock import moment
from pipeline.records import Alarm
from pipeline.storage.database import Database

AUTUMN = 1_792_888_200_000_000  # 2026-10-25 00:30 UTC: half past two in Berlin, for the first time
HOUR_US = 3_600_000_000


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'ecg.db'}"
    monkeypatch.setenv("ECG_DATABASE_URL", url)
    with Database.open(url) as database:
        alarm = Alarm("ward/bed-1", "ventricular tachycardia", "high", True, 60.0, 61.0, 1, 2, "")
        database.alarms.add("live", [alarm], at_us=AUTUMN, started_at_us=AUTUMN - 60_000_000)
        database.alarms.acknowledge(database.alarms.newest(1)[0].id, "A. Nurse", at_us=AUTUMN + HOUR_US)
        database.limits.set("ward/bed-1", {"tachy_bpm": 160.0}, "A. Nurse", at_us=AUTUMN)


def shown(*words: str) -> str:
    ran = CliRunner().invoke(main, words, catch_exceptions=False)
    assert ran.exit_code == 0, ran.stderr
    return ran.stdout


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    assert moment(AUTUMN) == "2026-10-25 00:30 UTC"
    assert moment(AUTUMN, "Europe/Berlin") == "2026-10-25 02:30 CEST"
    assert moment(AUTUMN + HOUR_US, "Europe/Berlin") == "2026-10-25 02:30 CET"


@pytest.mark.parametrize(("zone", "began", "done"), [
    ("UTC", "2026-10-25 00:30 UTC", "2026-10-25 01:30 UTC"),
    ("Europe/Berlin", "2026-10-25 02:30 CEST", "2026-10-25 02:30 CET"),
])  # fmt: skip
def test_commands_show_the_zone_of_the_settings_and_store_utc(
    database: None, monkeypatch: pytest.MonkeyPatch, zone: str, began: str, done: str
) -> None:
    monkeypatch.setenv("ECG_TIME_ZONE", zone)
    table = shown("alarms")
    assert max(map(len, table.splitlines())) <= 80
    words = " ".join(table.split())
    assert all(part in words for part in (*began.split(), *done.split()))
    assert shown("alarms", "--log").startswith(f"{done}  A. Nurse")
    assert shown("limits", "--log").startswith(f"{began}  A. Nurse")
    (stored,) = json.loads(shown("alarms", "--json"))
    assert (stored["noted_at_us"], stored["acknowledged_at_us"]) == (AUTUMN, AUTUMN + HOUR_US)


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        ("Europe/Berln", "there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"),
        ("Europe", "there is no time zone 'Europe'"),
        ("../etc/passwd", "there is no time zone '../etc/passwd'"),
        ("", "there is no time zone ''"),
    ],
)
def test_a_wrong_name_is_told(monkeypatch: pytest.MonkeyPatch, zone: str, says: str) -> None:
    monkeypatch.setenv("ECG_TIME_ZONE", zone)
    ran = CliRunner().invoke(main, ["alarms"], catch_exceptions=False)
    assert ran.exit_code == 2
    assert "setting time_zone" in ran.stderr
    assert says in " ".join(ran.stderr.split())
