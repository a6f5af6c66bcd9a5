from __future__ import annotations

import pytest
from pydantic import JsonValue

from pipeline.storage.database import Database, StoredRun

MODEL = "5c" * 32


def test_a_run_comes_back_as_it_was_told(database: Database) -> None:
    facts: dict[str, JsonValue] = {"alpha": 0.01, "alarms": {"k": 3}, "leads": ["MLII", None], "name": "Überlänge"}
    database.runs.start("run", "score", at_us=10, command="ecg-anomaly score mitdb", model=MODEL, facts=facts)
    assert database.runs.get("run") == StoredRun(
        "run", "score", "running", 10, None, "ecg-anomaly score mitdb", MODEL, facts, {}, ""
    )
    database.runs.finish("run", "completed", at_us=20, figures={"records": 48}, message="48 of 48")
    assert database.runs.get("run") == StoredRun(
        "run", "score", "completed", 10, 20, "ecg-anomaly score mitdb", MODEL, facts, {"records": 48}, "48 of 48"
    )
    assert database.runs.get("another") is None


def test_a_run_that_begins_again_is_running_and_keeps_its_first_start(database: Database) -> None:
    database.runs.start("run", "score", at_us=10)
    database.runs.finish("run", "crashed", at_us=20, figures={"records": 3}, message="gone")
    database.runs.start("run", "score", at_us=30)
    again = database.runs.get("run")
    assert again is not None
    assert (again.state, again.started_at_us, again.finished_at_us, again.figures) == ("running", 10, None, {})


def test_runs_are_listed_from_the_newest_on_by_kind_and_state(database: Database) -> None:
    for i, kind in enumerate(("score", "train", "score")):
        database.runs.start(f"run {i}", kind, at_us=i)
    database.runs.finish("run 0", "failed", at_us=9)
    assert [run.id for run in database.runs.newest()] == ["run 2", "run 1", "run 0"]
    assert [run.id for run in database.runs.newest(1)] == ["run 2"]
    assert [run.id for run in database.runs.newest(kind="score")] == ["run 2", "run 0"]
    assert [run.id for run in database.runs.newest(kind="score", state="running")] == ["run 2"]


def test_a_run_ends_in_a_state_that_there_is_and_after_its_start(database: Database) -> None:
    with pytest.raises(ValueError, match="never started"):
        database.runs.finish("run", "completed", at_us=1)
    database.runs.start("run", "score", at_us=1)
    with pytest.raises(ValueError, match=r"'done'.*completed"):
        database.runs.finish("run", "done", at_us=1)  # type: ignore[arg-type]  # that is what is tested
