from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pipeline.storage import read_beats
from tests.waiting import PATIENCE_S, wait_for

NAMES = [f"p{i}" for i in range(8)]


def finished(out: Path) -> set[str]:
    return {path.stem for path in (out / "beats").rglob("*.parquet")}


def interrupt(
    words: list[str], when: Callable[[int], object], sign: signal.Signals, delay_s: float = 0.0
) -> tuple[int, str]:
    """Start a command, signal its process group as a terminal does, and return exit code and standard error."""
    running = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: running.poll() is not None or when(running.pid), "the moment to stop it", pause_s=0.01)
    time.sleep(delay_s)
    os.killpg(running.pid, sign)
    _, errors = running.communicate(timeout=PATIENCE_S)
    return running.returncode, errors


@pytest.mark.parametrize(
    ("jobs", "sign", "code"), [(1, signal.SIGINT, 130), (2, signal.SIGINT, 130), (1, signal.SIGTERM, 143)]
)
def test_a_stopped_run_leaves_whole_files_and_the_next_one_goes_on(
    long_ward: Path,
    tmp_path: Path,
    command: str,
    ecg: Callable[..., Result],
    jobs: int,
    sign: signal.Signals,
    code: int,
) -> None:
    arguments = ["--data-dir", str(long_ward), "--out", str(tmp_path), "--json"]
    words = [command, "score", *NAMES, *arguments, "--jobs", str(jobs)]
    # A moment later, when the next record is under way: its draft is what has to be cleared away.
    returned, errors = interrupt(words, lambda _: finished(tmp_path), sign, delay_s=0.2)
    done = finished(tmp_path)
    assert returned == code, errors
    assert "Traceback" not in errors
    assert 0 < len(done) < len(NAMES)
    assert all(len(read_beats(tmp_path, f"long/{name}")) > 500 for name in done)
    assert not [path for path in tmp_path.rglob("*") if "part" in path.name]
    left = next(name for name in NAMES if name not in done)
    rows = json.loads(ecg("score", *done, left, *arguments).stdout)["records"]
    assert {row["record"]: row["is_new"] for row in rows} == {f"long/{name}": name == left for name in (*done, left)}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks its processes up in /proc")
def test_ctrl_c_while_processes_start_is_one_line(long_ward: Path, tmp_path: Path, command: str) -> None:
    def has_workers(pid: int) -> bool:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum("spawn_main" in Path(f"/proc/{child}/cmdline").read_text() for child in children) == 2

    arguments = ["score", "--data-dir", str(long_ward), "--out", str(tmp_path), "--jobs", "2"]
    returned, errors = interrupt([command, *arguments], has_workers, signal.SIGINT)
    assert returned == 130
    assert errors.strip() == "Stopped. What was finished is kept whole; run the same command again to go on."
