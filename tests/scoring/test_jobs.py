from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import ModelError, RecordNotFound
from pipeline.scoring import Job, model_at, plan, run_job, run_jobs
from pipeline.settings import Settings
from pipeline.sources import open_record
from pipeline.storage import read_beats, read_summary

NAMES = ("sinus", "ventricular", "afib")


@pytest.fixture
def jobs(folder: Path, settings: Settings, tmp_path: Path) -> list[Job]:
    return list(plan(NAMES, tmp_path, settings, data_dir=folder).jobs)


def into(jobs: list[Job], out: Path) -> list[Job]:
    return [replace(job, out=out) for job in jobs]


def children() -> Iterator[int]:
    """Return the processes that score for this one."""
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text():
                yield int(pid)


def test_a_plan_has_a_job_per_record_and_each_once(folder: Path, settings: Settings, tmp_path: Path) -> None:
    assert [job.record for job in plan((), tmp_path, settings, data_dir=folder).jobs] == [
        f"ward/{name}" for name in NAMES
    ]
    some = plan(["s*", "sinus", "afib"], tmp_path, settings, data_dir=folder, leads=["V1"]).jobs
    assert [(job.name, job.leads) for job in some] == [("sinus", ("V1",)), ("afib", ("V1",))]


def test_a_job_knows_the_name_that_its_record_will_carry(jobs: list[Job], folder: Path) -> None:
    for job in jobs:
        assert job.record == open_record(job.name, data_dir=folder).name


def test_what_stands_for_no_record_is_told_beside_the_jobs(folder: Path, settings: Settings, tmp_path: Path) -> None:
    planned = plan(["x*", "ward/sinus", "ward/ghost"], tmp_path, settings, data_dir=folder)
    assert [job.name for job in planned.jobs] == ["sinus"]
    assert list(planned.missing) == ["ward/x*", "ward/ghost"]
    assert all(isinstance(error, RecordNotFound) for error in planned.missing.values())


def test_nothing_at_all_makes_no_plan(folder: Path, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(RecordNotFound, match=r"x\*"):
        plan(["x*", "y*"], tmp_path, settings, data_dir=folder)
    with pytest.raises(RecordNotFound, match=r"nosuchdb"):
        plan(["nosuchdb"], tmp_path, settings.model_copy(update={"physionet_url": str(folder)}))


def test_a_record_in_two_versions_of_its_database_is_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match="mitdb/208"):
        plan(["mitdb/1.0.0/208", "mitdb/208"], Path("out"), settings)


def test_the_way_to_the_results_is_told(jobs: list[Job]) -> None:
    steps: list[tuple[str, float]] = []
    assert run_job(jobs[0], progress=lambda stage, share: steps.append((stage, share))).is_new
    assert steps[-1] == ("scoring", 1.0)


def test_a_model_that_is_no_model_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"bad\.safetensors"):
        model_at(tmp_path / "bad.safetensors")


def test_a_record_that_is_not_there_fails_alone_and_is_listed(jobs: list[Job], tmp_path: Path) -> None:
    outcomes = list(run_jobs([jobs[0], replace(jobs[1], name="ghost"), jobs[2]]))
    assert [(outcome.record, outcome.kind) for outcome in outcomes] == [
        ("ward/sinus", ""), ("ward/ghost", "RecordNotFound"), ("ward/afib", "")
    ]  # fmt: skip
    assert read_summary(tmp_path).failed == {"ward/ghost": outcomes[1].error}
    assert list(read_summary(tmp_path).records) == ["ward/afib", "ward/sinus"]


def test_what_nobody_foresaw_costs_its_record_alone_and_keeps_its_traceback(jobs: list[Job], tmp_path: Path) -> None:
    calls: list[None] = []

    def clock() -> float:
        calls.append(None)
        return 1.0 / (len(calls) - 1)

    first, second = run_jobs(jobs[:2], clock=clock)
    assert first.kind == "ZeroDivisionError"
    assert first.error.startswith("record 'ward/sinus': ZeroDivisionError")
    assert "Traceback" in first.details
    assert second.scored is not None
    assert list(read_summary(tmp_path).failed) == ["ward/sinus"]


def test_an_output_folder_that_cannot_be_written_is_the_outcome(jobs: list[Job], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (outcome,) = run_jobs(into(jobs[:1], tmp_path / "file"))
    assert outcome.kind == "OutputError"
    assert "\n" not in outcome.error


def test_no_process_at_all_is_refused(jobs: list[Job]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        list(run_jobs(jobs, processes=0))


def test_no_jobs_have_no_outcome() -> None:
    assert list(run_jobs([])) == []


def test_several_processes_write_what_one_writes(jobs: list[Job], tmp_path: Path) -> None:
    one = list(run_jobs(into(jobs, tmp_path / "one")))
    two = list(run_jobs(into(jobs, tmp_path / "two"), processes=2, clock=time.perf_counter))
    assert {outcome.record for outcome in two} == {outcome.record for outcome in one}
    assert not [outcome.error for outcome in (*one, *two) if outcome.error]
    for outcome in one:
        assert read_beats(tmp_path / "one", outcome.record).equals(read_beats(tmp_path / "two", outcome.record))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks its processes up in /proc")
def test_a_process_that_is_killed_costs_its_record_alone(jobs: list[Job], tmp_path: Path) -> None:
    killed: list[str] = []

    def kill(record: str, stage: str, _share: float) -> None:
        if stage == "scoring" and not killed:
            killed.append(record)
            for pid in children():
                os.kill(pid, signal.SIGKILL)

    outcomes = list(run_jobs(jobs, processes=2, progress=kill))
    died = [outcome for outcome in outcomes if outcome.kind == "ProcessDied"]
    assert len(outcomes) == len(jobs)
    assert 1 <= len(died) <= 2
    assert all("SIGKILL" in outcome.error and outcome.record in outcome.error for outcome in died)
    assert set(read_summary(tmp_path).failed) == {outcome.record for outcome in died}
    assert sum(outcome.scored is not None for outcome in outcomes) == len(jobs) - len(died)
