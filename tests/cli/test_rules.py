from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pipeline.detection.rules import RULES

Run = Callable[..., Result]


def test_every_rule_is_shown_with_the_numbers_in_force(ecg: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECG_ALARMS__TACHY_BPM", "141")
    rows = {row["rule"]: row for row in json.loads(ecg("rules", "--json").stdout)}
    assert set(rows) == set(RULES)
    assert "141/min" in rows["tachycardia"]["raised"]
    assert {row["priority"] for row in rows.values()} == {"high", "medium", "low"}
    assert {row["about"] for row in rows.values()} == {"heart", "signal"}
    assert "{" not in json.dumps([row["raised"] for row in rows.values()])


def test_the_table_fits_a_terminal(ecg: Run) -> None:
    text = ecg("rules").stdout
    assert all(kind in text for kind in RULES)
    assert max(map(len, text.splitlines())) <= 100


def test_the_settings_file_changes_a_rule(ecg: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ecg-anomaly.toml"
    own = '[alarms.rules."ventricular run"]\nrefractory_s = 10\ncalm_s = 4\n'
    file.write_text(f"[alarms.rules.couplet]\nenabled = false\n{own}")
    monkeypatch.setenv("ECG_SETTINGS", str(file))
    rows = {row["rule"]: row for row in json.loads(ecg("rules", "--json").stdout)}
    assert rows["couplet"]["priority"] == "off"
    assert (rows["ventricular run"]["refractory_s"], rows["ventricular run"]["calm_s"]) == (10, 4)
    assert rows["run"]["refractory_s"] == 60


def test_a_rule_that_there_is_not_is_named(ecg: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ecg-anomaly.toml"
    file.write_text("[alarms.rules.flutter]\nenabled = false\n")
    monkeypatch.setenv("ECG_SETTINGS", str(file))
    done = ecg("rules")
    assert done.exit_code == 2
    assert "flutter" in done.stderr
    assert "couplet" in done.stderr
