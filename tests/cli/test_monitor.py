from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.cli.work import Work
from pipeline.live.partitions import Partitions
from pipeline.settings import Settings
from pipeline.storage.database import Database

COMMAND = [str(Path(sys.executable).with_name("ecg-anomaly")), "monitor", "--no-browser", "--port", "0"]


@contextmanager
def started(tmp_path: Path, *arguments: str, token: str = "") -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "ECG_STATE_DIR": str(tmp_path), "ECG_MONITOR_TOKEN": token, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    with process:
        try:
            yield process
        finally:
            process.kill()  # where a test has failed; else it has ended


def test_one_command_shows_the_demo_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    with started(tmp_path, "--demo") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.fullmatch(r"Monitor: (http://127\.0\.0\.1:\d+/)\n", first)
        assert found, first
        with urlopen(found[1], timeout=30) as answer:
            assert b"Central station" in answer.read()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_a_token_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    with started(tmp_path, "--demo", token=5 * "x") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "a token of 5 characters is short" in errors


def test_with_a_token_nothing_is_shown_without_it_and_no_log_tells_it(tmp_path: Path) -> None:
    token = secrets.token_urlsafe()
    with started(tmp_path, "--demo", token=token) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.fullmatch(r"Monitor: (http://127\.0\.0\.1:\d+/)\n", first)
        assert found, first
        second = process.stdout.readline()
        with pytest.raises(HTTPError, match="401"):
            urlopen(found[1] + "metrics", timeout=30)
        with urlopen(Request(found[1] + "metrics", headers={"Authorization": f"Bearer {token}"}), timeout=30) as answer:
            assert answer.status == 200
        with pytest.raises(HTTPError, match="403"):  # as a browser would ask, from elsewhere
            urlopen(Request(f"{found[1]}?token={token}", headers={"Origin": "http://evil.example"}), timeout=30)
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=60)
    assert "ECG_MONITOR_TOKEN" in second + rest
    assert token not in first + second + rest + errors


def test_a_token_that_is_made_stands_in_a_file_of_this_user_and_in_no_log(tmp_path: Path) -> None:
    with started(tmp_path, "--demo", "--host", "0.0.0.0") as process:  # noqa: S104 - with a token
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=60)
    kept = tmp_path / "monitor-token"
    assert str(kept) in lines[1]
    assert kept.stat().st_mode & 0o777 == 0o600
    token = kept.read_text().strip()
    assert len(token) >= 16
    assert token not in "".join([*lines, rest, errors])


def test_a_worker_without_a_page_tells_machines_how_it_does(tmp_path: Path, stream: str) -> None:
    with started(tmp_path, "--from", stream, "--metrics", "0") as process:
        assert process.stdout is not None
        found = re.fullmatch(r"Metrics: (http://127\.0\.0\.1:\d+/)metrics\n", process.stdout.readline())
        assert found
        deadline = time.monotonic() + 60
        numbers: dict[str, float] = {}
        while not numbers.get('ecg_beats_total{kind="normal"}') or not numbers.get("ecg_samples_total"):
            assert time.monotonic() < deadline, f"no beat was counted: {numbers}"
            time.sleep(0.1)
            text = urlopen(found[1] + "metrics", timeout=30).read().decode()
            lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
            numbers = {name: float(value) for name, value in lines}
        assert numbers['ecg_frames_total{fate="arrived"}'] > 0
        assert numbers['ecg_frames_total{fate="lost"}'] == 0
        assert json.loads(urlopen(found[1] + "readyz", timeout=30).read()) == {"ready": True, "wrong": []}
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert {"time", "level", "logger", "message"} <= json.loads(errors.splitlines()[0]).keys()


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_worker_that_is_ended_stores_what_it_has_and_says_by_whom(
    tmp_path: Path, stream: str, sign: signal.Signals, code: int
) -> None:
    with started(tmp_path, "--from", stream, "--metrics", "0") as process:
        assert process.stdout is not None
        metrics = process.stdout.readline().split()[-1]
        deadline = time.monotonic() + 60
        while "ecg_beats_total{" not in urlopen(metrics, timeout=30).read().decode():
            assert time.monotonic() < deadline, "no beat was counted"
            time.sleep(0.1)
        process.send_signal(sign)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    with Database.open(f"sqlite:///{tmp_path / 'ecg-anomaly.db'}") as database:
        assert database.live.states(range(64))


def test_metrics_with_a_page_stand_at_the_pages_port(tmp_path: Path) -> None:
    with started(tmp_path, "--demo", "--metrics", "0") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--port" in errors


def test_a_worker_that_has_not_begun_is_not_ready() -> None:
    work = Work(["nats://127.0.0.1:1"], Partitions.parse("0-7/8"), (), 1, Settings())
    assert {name: check() for name, check in work.checks.items()} == {"worker": "it has not begun"}


def test_metrics_beyond_this_machine_need_a_token(tmp_path: Path) -> None:
    with started(tmp_path, "--metrics", "0", "--host", "0.0.0.0") as process:  # noqa: S104
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "ECG_MONITOR_TOKEN" in errors


def test_a_worker_shows_its_patients_on_a_page(tmp_path: Path, stream: str) -> None:
    with started(tmp_path, "--from", stream, "--page") as process:
        assert process.stdout is not None
        page = process.stdout.readline().split()[-1]
        deadline = time.monotonic() + 60
        while not (patient := _beats(f"{page}api/patients/1/beats")):
            assert time.monotonic() < deadline, "no beat was shown"
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert patient["name"].startswith("ward/bed-")
    assert process.returncode == 130
    assert "Traceback" not in errors


def _beats(url: str) -> dict[str, Any]:
    try:
        with urlopen(url, timeout=30) as answer:
            facts: dict[str, Any] = json.loads(answer.read())
    except HTTPError:
        return {}
    return facts if facts["beats"] else {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--partitions", "7"], "7"),
        (["--records", "nowhere/1", "--data-dir", "empty"], "holds no recording"),
        (["--demo", "--speed", "0"], "0"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    result = CliRunner().invoke(main, ["monitor", *arguments])
    assert result.exit_code in (1, 2)
    assert message in result.output
    assert "Traceback" not in result.output
