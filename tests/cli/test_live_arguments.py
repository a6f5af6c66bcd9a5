from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
Process = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    "words",
    [
        ("fhir",),
        ("models", "list"),
        ("monitor", "--demo", "--tui"),
        ("monitor", "--demo", "--port", "0", "--no-browser"),
        ("monitor", "--metrics", "0"),
    ],
)
def test_settings_that_name_no_database_are_a_usage_error(
    ecg: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ECG_DATABASE_URL", "foo://user:secret@x")
    ran = ecg(*words)
    assert ran.exit_code == 2
    assert "ECG_DATABASE_URL" in ran.stderr
    assert "sqlite:///FILE" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "secret" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("monitor", "--alarms-to", "ftp://x/alarms"), "'ftp://x/alarms'"),
        (("monitor", "--alarms-to", "ftp://user:secret@x/alarms"), "'ftp://x/alarms'"),
        (("monitor", "--from", "http://user:secret@127.0.0.1:4222"), "'http://127.0.0.1:4222'"),
        (("monitor", "--from", "nats://127.0.0.1:4222,127.0.0.1:4223"), "'127.0.0.1:4223'"),
        (("monitor", "--from", "nats://"), "nats://HOST:PORT"),
        (("monitor", "--demo", "--records", "mitdb/208"), "--records does not go with --demo"),
        (("monitor", "--demo", "--from", "nats://127.0.0.1:4222"), "--from does not go with --demo"),
        (("monitor", "--demo", "--alarms-to", "alarms.jsonl"), "--alarms-to does not go with --demo"),
        (("monitor", "--records", "mitdb/208", "--partitions", "0/2"), "--partitions does not go with --records"),
        (("monitor", "--speed", "2"), "--speed does not go with a broker's patients"),
        (("monitor", "--demo", "--tui", "--page"), "--page does not go with --tui"),
        (("monitor", "--demo", "--tui", "--port", "8601"), "--port does not go with --tui"),
        (("replay", "mitdb/208", "--ward", "3"), "--ward plays synthetic patients"),
        (("replay", "--ward", "3", "--leads", "V1"), "--ward plays synthetic patients"),
    ],
)
def test_what_contradicts_itself_is_a_usage_error_and_makes_nothing(
    ecg: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = ecg(*words)
    assert ran.exit_code == 2
    assert message in ran.stderr
    assert "secret" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_alarms_that_cannot_be_written_is_told_before_anything_else(ecg: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = ecg("monitor", "--from", "nats://127.0.0.1:1", "--alarms-to", tmp_path / "file" / "alarms.jsonl")
    assert ran.exit_code == 1
    assert "alarms cannot be written" in ran.stderr
    assert "NATS" not in ran.stderr


def test_a_taken_port_of_metrics_names_its_own_option_and_the_address_once(ecg: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = ecg("monitor", "--metrics", str(port))
    assert ran.exit_code == 1
    assert ran.stderr.endswith("name another with --metrics\n")
    assert ran.stderr.count("127.0.0.1") == 1


def test_a_broker_that_does_not_answer_is_logged_once(process: Process) -> None:
    ran = process("monitor", "--from", "nats://127.0.0.1:1")
    assert ran.returncode == 1
    logged = re.findall(r'"logger": "pipeline.live.broker"', ran.stderr)
    assert len(logged) <= 1
    assert "start it, such as with `ecg-anomaly broker`" in ran.stderr
