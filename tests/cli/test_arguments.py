from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pipeline.cli.display import show_json

COMMANDS = (
    "broker", "cost", "demo", "explain", "fetch", "import", "monitor", "replay", "report", "score", "synth", "train",
)  # fmt: skip
Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score"], "name a record"),
        (["score", "x", "--alpha", "2"], "--alpha"),
        (["score", "x", "--leads", "MLII,,V1"], "MLII,V1"),
        (["score", "x", "--jobs", "0"], "--jobs"),
        (["score", "--data-dir", "not-there"], "not-there"),
        (["score", "x", "--model", "not-there"], "not-there"),
        (["score", "mitdb/208", "mitdb/1.0.0/208"], "mitdb/1.0.0/208"),
        (["demo", "--minutes", "0"], "--minutes"),
        (["fetch"], "RECORDS"),
        (["report", "not-there"], "not-there"),
        (["synth", "bigemny"], "did you mean 'bigeminy'"),
        (["synth", "--fs", "1"], "--fs"),
        (["train", "--epochs", "0"], "--epochs"),
        (["train", "--loss-curve", "loss.bmp"], ".png"),
        (["cost", "--figure", "cost.bmp"], ".png"),
        (["cost", "--folds", "1"], "--folds"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_bad_argument_is_exit_code_2_and_says_what_is_wrong(
    ecg: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = ecg(*arguments)
    assert ran.exit_code == 2
    assert ran.stdout == ""
    assert words in ran.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ECG_THRESHOLD__ALPHA", "7", "threshold.alpha"),
        ("ECG_ALARMS", "{", "alarms"),
        ("ECG_SETTINGS", "broken.toml", "settings cannot be read: broken.toml: Invalid value"),
        ("ECG_SETTINGS", "gone.toml", "ECG_SETTINGS names gone.toml: there is no such file"),
        ("ECG_SETTINGS", "wrong.toml", "there is no such setting: alpha; did you mean 'threshold.alpha'?"),
        ("ECG_THRESHOLD__ALHPA", "0.1", "there is no such setting: threshold.alhpa; did you mean 'threshold.alpha'?"),
        ("ECG_ALARMS__RULES__COUPLET__ENABLD", "0", "there is no such setting: alarms.rules.couplet.enabld\n"),
    ],
)
def test_a_wrong_setting_is_exit_code_2_and_named(
    ecg: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.toml").write_text("alpha = = 1")
    (tmp_path / "wrong.toml").write_text("alpha = 0.1")
    monkeypatch.setenv(variable, value)
    ran = ecg("rules")
    assert ran.exit_code == 2
    assert words in ran.stderr


def test_variables_that_set_nothing_are_told_in_one_line(ecg: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECG_THRESHOLD_ALPHA", "0.2")
    monkeypatch.setenv("ECG_FOO", "1")
    monkeypatch.setenv("ECG_MONITOR_TOKEN", "x")
    ran = ecg("rules", "--json")
    assert ran.exit_code == 0
    assert ran.stderr == (
        "Warning: these variables of the environment set nothing: "
        "ECG_FOO, ECG_THRESHOLD_ALPHA (did you mean ECG_THRESHOLD__ALPHA?)\n"
    )


def test_a_name_that_is_none_names_itself(ecg: Run, tmp_path: Path) -> None:
    ran = ecg("score", "../../etc/passwd", "--out", tmp_path / "out")
    assert ran.exit_code == 2  # nothing that was named can be scored
    assert "../../etc/passwd" in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_examples_in_80_columns(ecg: Run, command: str) -> None:
    ran = ecg(command, "--help")
    assert ran.exit_code == 0
    assert f"Examples:\n  ecg-anomaly {command}" in ran.stdout
    assert max(map(len, ran.stdout.splitlines())) <= 80


def test_the_list_of_commands_is_whole(ecg: Run) -> None:
    shown = ecg("--help").stdout
    listed = [line.split()[0] for line in shown.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()]
    assert set(COMMANDS) <= set(listed)


def test_help_takes_less_than_a_second(process: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Of the processor's time: a busy machine takes longer."""

    def timed() -> float:
        before = os.times()
        assert process("--help").returncode == 0
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(timed() for _ in range(2)) < 1.0


def test_what_is_no_number_is_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"a": math.nan, "b": [1.5, -math.inf, {"c": (math.nan, True)}]})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1.5, None, {"c": [None, True]}]}
