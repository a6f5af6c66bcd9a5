from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.scoring import Job, plan, run_jobs
from pipeline.settings import Settings
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb
from pipeline.storage import read_beats, read_summary

NAMES = ("sinus", "ventricular", "afib")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "ward"
    for name in NAMES:
        write_wfdb(synthesise(demo_ward(60.0)[f"synth/{name}"], name=name, seconds=60.0, seed=3), folder)
    return folder


@pytest.fixture(scope="module")
def jobs(folder: Path) -> list[Job]:
    return plan(NAMES, Path("unset"), Settings(), data_dir=folder)


def into(jobs: list[Job], out: Path) -> list[Job]:
    return [replace(job, out=out) for job in jobs]


def children() -> Iterator[int]:
    """Return the processes that score for this one."""
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text():
                yield int(pid)


def test_several_processes_write_what_one_writes(jobs: list[Job], tmp_path: Path) -> None:
    one = list(run_jobs(into(jobs, tmp_path / "one")))
    two = list(run_jobs(into(jobs, tmp_path / "two"), processes=2))
    assert sorted(outcome.record for outcome in two) == sorted(outcome.record for outcome in one)
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

    outcomes = list(run_jobs(into(jobs, tmp_path), processes=2, progress=kill))
    died = [outcome for outcome in outcomes if outcome.kind == "ProcessDied"]
    assert len(outcomes) == len(jobs)
    assert 1 <= len(died) <= 2
    assert all("SIGKILL" in outcome.error and outcome.record in outcome.error for outcome in died)
    assert set(read_summary(tmp_path).failed) == {outcome.record for outcome in died}
    assert sum(outcome.scored is not None for outcome in outcomes) == len(jobs) - len(died)


def test_ctrl_c_stops_all_processes_and_the_next_run_goes_on(tmp_path: Path) -> None:
    folder, out = tmp_path / "long", tmp_path / "out"
    names = [f"p{i}" for i in range(3)]
    scenario = demo_ward(1200.0)["synth/ventricular"]
    write_wfdb(synthesise(scenario, name=names[0], seconds=1200.0, seed=1), folder)
    (folder / "RECORDS").unlink()
    for name in names[1:]:
        for path in folder.glob(f"{names[0]}.*"):
            content = path.read_bytes()
            is_header = path.suffix == ".hea"
            path.with_stem(name).write_bytes(content.replace(b"p0", name.encode()) if is_header else content)
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "score", *names, "--json"]
    command += ["--data-dir", str(folder), "--out", str(out)]
    # A terminal's Ctrl-C reaches the whole process group.
    process = subprocess.Popen(
        [*command, "--jobs", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 150.0
    while not list((out / "beats").rglob("*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=100)
    done = {path.stem for path in (out / "beats").rglob("*.parquet")}
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert done
    assert not [path for path in out.rglob("*") if "part" in path.name]
    rerun = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout)
    assert [row["record"] for row in rerun["records"]] == [f"long/{name}" for name in names]
    assert {row["record"] for row in rerun["records"] if not row["is_new"]} == {f"long/{name}" for name in done}


def test_a_record_in_two_versions_of_its_database_is_refused() -> None:
    with pytest.raises(ValueError, match="mitdb/208"):
        plan(["mitdb/1.0.0/208", "mitdb/208"], Path("out"), Settings())


def test_no_process_at_all_is_refused(jobs: list[Job]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        list(run_jobs(jobs, processes=0))
