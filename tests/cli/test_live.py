from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pipeline.live.broker import Broker
from tests.services import answers, free_port
from tests.waiting import PATIENCE_S, wait_for

Run = Callable[..., Result]


def test_a_replay_monitors_and_says_what_it_found(ecg: Run, ward: Path) -> None:
    ran = ecg("replay", "sinus", "ventricular", "--data-dir", ward, "--speed", "max", "--doubled", 0.1, "--minutes", 2)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert max(map(len, ran.stdout.splitlines())) <= 80
    assert "ward/sinus" in ran.stdout
    assert "doubled" in ran.stdout


def test_a_replay_for_a_machine_counts_every_frame(ecg: Run) -> None:
    ran = ecg("replay", "--ward", 2, "--minutes", 1, "--speed", "max", "--dropped", 0.1, "--seed", 4, "--json")
    document = json.loads(ran.stdout)
    assert document["frames"]["frames"] + document["frames"]["lost"] >= 2 * 60
    assert document["frames"]["lost"] > 0
    patients = document["patients"]
    assert list(patients) == ["ward/bed-1", "ward/bed-2"]
    assert all(patient["beats"] > 40 and patient["state"] == "ended" for patient in patients.values())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--ward 8"),
        (("--ward", 1, "--speed", "fast"), "times real time"),
        (("--ward", 1, "--to", "ftp://x"), "nats://"),
        (("--ward", 1, "--drift", 0.5), "drift"),
    ],
)
def test_a_wrong_argument_of_replay_is_named(ecg: Run, arguments: tuple[object, ...], words: str) -> None:
    ran = ecg("replay", *arguments)
    assert ran.exit_code == 2
    assert words in ran.stderr


@pytest.mark.parametrize("target", ["nats", "mqtt"])
def test_a_broker_that_is_not_there_is_one_line(ecg: Run, target: str) -> None:
    ran = ecg("replay", "--ward", 1, "--minutes", 1, "--to", f"{target}://user:secret@127.0.0.1:{free_port()}")
    assert ran.exit_code == 1
    assert len(ran.stderr.splitlines()) == 1
    assert "secret" not in ran.stderr


@pytest.mark.parametrize("partitions", ["64/64", "3-1/8", "all"])
def test_wrong_partitions_are_named(ecg: Run, partitions: str) -> None:
    ran = ecg("monitor", "--partitions", partitions)
    assert ran.exit_code == 2
    assert partitions in ran.stderr


def test_a_broker_beyond_loopback_asks_for_a_token(ecg: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECG_BROKER_TOKEN", raising=False)
    ran = ecg("broker", "--host", "0.0.0.0")  # noqa: S104
    assert ran.exit_code == 2
    assert "ECG_BROKER_TOKEN" in ran.stderr


def test_broker_and_replay_play_together(command: str, tmp_path: Path) -> None:
    port, mqtt_port = free_port(), free_port()
    words = [command, "broker", "--port", str(port), "--mqtt-port", str(mqtt_port), "--store", str(tmp_path / "b")]
    running = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: answers(port), "the broker")
        device = [command, "replay", "--ward", "1", "--minutes", "1", "--speed", "max"]
        sent = subprocess.run([*device, "--to", f"nats://127.0.0.1:{port}"], capture_output=True, check=False)
        assert b"61 frames" in sent.stdout
        with Broker([f"nats://127.0.0.1:{port}"]) as broker:
            assert broker.run(broker.look())[1] == 61
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(PATIENCE_S)
