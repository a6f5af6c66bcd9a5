from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.setting_names import setting_paths, unknown_variables, variable_of
from pipeline.settings import Settings

ROOT = Path(__file__).parent.parent


def test_every_setting_has_a_path_and_a_variable_that_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"device", "threshold.alpha", "alarms.rules", "live.rest_s"} <= set(setting_paths())
    monkeypatch.setenv(variable_of("threshold.alpha"), "0.2")
    assert Settings().threshold.alpha == 0.2
    assert not unknown_variables(map(variable_of, setting_paths()))


@pytest.mark.parametrize(
    ("name", "is_unknown"),
    [
        ("ECG_THRESHOLD_ALPHA", True),
        ("ECG_FOO", True),
        ("ECG_DEVICE__INDEX", True),
        ("ecg_device", False),
        ("ECG_THRESHOLD", False),  # all of the section, as JSON
        ("ECG_ALARMS__RULES__COUPLET__ENABLED", False),
        ("ECG_MONITOR_TOKEN", False),
        ("PATH", False),
    ],
)
def test_a_variable_that_sets_nothing_is_unknown(name: str, is_unknown: bool) -> None:
    assert unknown_variables([name]) == [name] * is_unknown


def test_no_variable_that_the_project_names_is_unknown() -> None:
    files = [file for folder in ("pipeline", "flows", "tests") for file in (ROOT / folder).rglob("*.py")]
    others = {Path(__file__).name, "test_arguments.py", "test_signal_kind.py"}  # wrong names, and names of leads
    files = [file for file in files if file.name not in others]
    named = {name for file in files for name in re.findall(r"\bECG_[A-Z_]+\b", file.read_text("utf-8"))}
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "deploy" / "RUNBOOK.md"]
    told = {name for page in pages for name in re.findall(r"\bECG_[A-Z_]+\b", page.read_text("utf-8"))}
    assert len(told) > 10
    named |= told
    assert {"ECG_SETTINGS", "ECG_BROKER_TOKEN", "ECG_TEST_PEERS", "ECG_STATE_DIR"} <= named
    assert unknown_variables(named - {"ECG_THRESHOLD__ALHPA", "ECG_II"}) == []  # a wrong name, and a lead
