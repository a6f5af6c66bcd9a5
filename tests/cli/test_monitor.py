from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.cli.work import Work
from pipeline.live.partitions import Partitions
from pipeline.settings import Settings
from pipeline.storage.database import Database
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.slow

COMMAND = [str(Path(sys.executable).with_name("ecg-anomaly")), "monitor", "--no-browser", "--port", "0"]
Run = Callable[..., Result]
NORMAL = 'ecg_beats_total{kind="normal"}'


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


def measured(url: str) -> dict[str, float]:
    """Return what /metrics says."""
    text = urlopen(f"{url}metrics", timeout=PATIENCE_S).read().decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_one_command_shows_the_demo_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    with started(tmp_path, "--demo") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.fullmatch(r"Monitor: (http://127\.0\.0\.1:\d+/)\n", first)
        assert found, first
        with urlopen(found[1], timeout=PATIENCE_S) as answer:
            assert b"Central station" in answer.read()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_a_token_that_can_be_guessed_is_refused(ecg: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECG_MONITOR_TOKEN", 5 * "x")
    ran = ecg("monitor", "--demo", "--no-browser", "--port", "0")
    assert ran.exit_code == 2
    assert "a token of 5 characters is short" in ran.stderr


def test_with_a_token_nothing_is_shown_without_it_and_no_log_tells_it(tmp_path: Path) -> None:
    token = secrets.token_urlsafe()
    with started(tmp_path, "--demo", token=token) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.fullmatch(r"Monitor: (http://127\.0\.0\.1:\d+/)\n", first)
        assert found, first
        second = process.stdout.readline()
        with pytest.raises(HTTPError, match="401"):
            urlopen(found[1] + "metrics", timeout=PATIENCE_S)
        with urlopen(
            Request(found[1] + "metrics", headers={"Authorization": f"Bearer {token}"}), timeout=PATIENCE_S
        ) as answer:
            assert answer.status == 200
        with pytest.raises(HTTPError, match="403"):  # as a browser would ask, from elsewhere
            urlopen(Request(f"{found[1]}?token={token}", headers={"Origin": "http://evil.example"}), timeout=PATIENCE_S)
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=PATIENCE_S)
    assert "ECG_MONITOR_TOKEN" in second + rest
    assert token not in first + second + rest + errors


def test_a_token_that_is_made_stands_in_a_file_of_this_user_and_in_no_log(tmp_path: Path) -> None:
    with started(tmp_path, "--demo", "--host", "0.0.0.0") as process:  # noqa: S104 - with a token
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=PATIENCE_S)
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
        wait_for(lambda: (now := measured(found[1])).get(NORMAL) and now.get("ecg_samples_total"), "a counted beat")
        numbers = measured(found[1])
        assert numbers['ecg_frames_total{fate="arrived"}'] > 0
        assert numbers['ecg_frames_total{fate="lost"}'] == 0
        told = json.loads(urlopen(found[1] + "readyz", timeout=PATIENCE_S).read())
        assert told == {"ready": True, "wrong": [], "unheard": 0}
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert has_states(tmp_path)  # SIGTERM ends it as Ctrl-C does
    assert {"time", "level", "logger", "message"} <= json.loads(errors.splitlines()[0]).keys()


def test_a_worker_that_ctrl_c_ends_stores_what_it_has_and_says_by_whom(tmp_path: Path, stream: str) -> None:
    with started(tmp_path, "--from", stream, "--metrics", "0") as process:
        assert process.stdout is not None
        metrics = process.stdout.readline().split()[-1]
        wait_for(lambda: "ecg_beats_total{" in urlopen(metrics, timeout=PATIENCE_S).read().decode(), "a counted beat")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert has_states(tmp_path)


def has_states(folder: Path) -> bool:
    with Database.open(f"sqlite:///{folder / 'ecg-anomaly.db'}") as database:
        return bool(database.live.states(range(64)))


def test_metrics_with_a_page_stand_at_the_pages_port(ecg: Run) -> None:
    ran = ecg("monitor", "--demo", "--no-browser", "--metrics", "0")
    assert ran.exit_code == 2
    assert "--port" in ran.stderr


def test_a_worker_that_has_not_begun_is_not_ready() -> None:
    work = Work(["nats://127.0.0.1:1"], Partitions.parse("0-7/8"), (), 1, Settings())
    assert {name: check() for name, check in work.checks.items()} == {"worker": "it has not begun"}


def test_metrics_beyond_this_machine_need_a_token(ecg: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECG_MONITOR_TOKEN", raising=False)
    ran = ecg("monitor", "--metrics", "0", "--host", "0.0.0.0")  # noqa: S104
    assert ran.exit_code == 2
    assert "ECG_MONITOR_TOKEN" in ran.stderr


def test_a_worker_shows_its_patients_on_a_page(tmp_path: Path, stream: str) -> None:
    with started(tmp_path, "--from", stream, "--page") as process:
        assert process.stdout is not None
        page = process.stdout.readline().split()[-1]
        patient = wait_for(lambda: _beats(f"{page}api/patients/1/beats"), "a beat that is shown", pause_s=0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert patient["name"].startswith("ward/bed-")
    assert process.returncode == 130
    assert "Traceback" not in errors


def _beats(url: str) -> dict[str, Any]:
    try:
        with urlopen(url, timeout=PATIENCE_S) as answer:
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
