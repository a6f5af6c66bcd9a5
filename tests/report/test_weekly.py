from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pipeline.records import Alarm
from pipeline.report.weekly import DAY_US, read_week, write_week
from pipeline.storage.database import Database, ModelStore

NOW = 1_795_531_736_000_000  # 2026-11-24 14:48:56 UTC


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(f"sqlite:///{tmp_path / 'ecg.db'}")


def alarm(kind: str, at_s: float, record: str = "mitdb/208") -> Alarm:
    return Alarm(record, kind, "high", True, at_s, at_s, 1, 2, f"{kind} <b>")


def test_the_page_tells_what_happened_in_the_week_and_nothing_else(database: Database, tmp_path: Path) -> None:
    runs, models = database.runs, ModelStore(database, tmp_path / "models")
    for i, (kind, end) in enumerate((("score", "completed"), ("score", "crashed"), ("evaluate", "completed"))):
        runs.start(f"run {i}", kind, at_us=NOW - DAY_US)
        figures = {"macro.auprc": 0.9321} if kind == "evaluate" else {}
        runs.finish(f"run {i}", end, at_us=NOW - DAY_US + 5_000_000, message=f"<{end}>", figures=figures)  # type: ignore[arg-type]  # a state
    runs.start("last month", "sync", at_us=NOW - 30 * DAY_US)
    database.alarms.add("out", [alarm("pause", 1.0), alarm("pause", 9.0, "mitdb/100")], at_us=NOW - DAY_US)
    database.alarms.add("out", [alarm("couplet", 1.0)], at_us=NOW - 8 * DAY_US)
    database.alarms.acknowledge(database.alarms.newest(1)[0].id, "somebody", at_us=NOW)
    save_file({"weight": np.zeros(4, dtype=np.float32)}, tmp_path / "model.safetensors")
    version = models.publish(tmp_path / "model.safetensors", at_us=NOW - 1, figures={"macro.auprc": 0.91})

    week = read_week(database, models, until_us=NOW)
    assert [(row.kind, row.number, row.open, row.records) for row in week.alarms] == [("pause", 2, 1, 2)]
    page = write_week(week, tmp_path / "reports")
    assert page.name == "2026-11-24.html"
    text = page.read_text()
    assert all(word in text for word in ("2026-11-17", version.checksum[:12], "0.932", "&lt;crashed&gt;", "pause"))
    assert not any(word in text for word in ("couplet", "sync", "<crashed>", "http:", "https:", "<script"))


def test_days_and_times_are_of_the_zone_that_is_asked_for(database: Database, tmp_path: Path) -> None:
    database.runs.start("night", "score", at_us=NOW - DAY_US)
    database.runs.finish("night", "failed", at_us=NOW - DAY_US + 1, message="no disk", figures={})
    week = read_week(database, ModelStore(database, tmp_path / "models"), until_us=NOW)
    assert "2026-11-23 14:48 UTC" in write_week(week, tmp_path).read_text()
    page = write_week(week, tmp_path, zone="Pacific/Kiritimati")  # 14 hours ahead of UTC
    assert page.name == "2026-11-25.html"
    assert "2026-11-24 04:48 +14" in page.read_text()


def test_a_week_without_anything_has_a_page_too(database: Database, tmp_path: Path) -> None:
    week = read_week(database, ModelStore(database, tmp_path / "models"), until_us=NOW, days=1)
    text = write_week(week, tmp_path / "reports").read_text()
    assert "Nothing was run" in text
    assert "the one that ships" in text
    with pytest.raises(ValueError, match="days"):
        read_week(database, ModelStore(database, tmp_path / "models"), until_us=NOW, days=0)
