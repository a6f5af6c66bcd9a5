"""Limits of single patients are shown, set and taken back without a page, and who did so is in a log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
BED = "ward/bed-1"


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECG_DATABASE_URL", f"sqlite:///{tmp_path / 'ecg.db'}")


def own(ecg: Run) -> dict[str, dict[str, float]]:
    patients = json.loads(ecg("limits", "--json").stdout)
    return {
        name: {one["name"]: one["own"] for one in rows if one["own"] is not None} for name, rows in patients.items()
    }


def test_limits_are_set_shown_and_taken_back(ecg: Run) -> None:
    assert "No patient has limits of its own" in ecg("limits").stdout
    ran = ecg("limits", BED, "--set", "tachy_bpm=160", "--set", "pause_s=2.5", "--by", "Ada")
    assert ran.exit_code == 0
    assert "160 /min" in ran.stdout
    assert own(ecg) == {BED: {"tachy_bpm": 160.0, "pause_s": 2.5}}
    assert ecg("limits", BED, "--set", "tachy_bpm=usual", "--by", "Bob").exit_code == 0
    assert own(ecg) == {BED: {"pause_s": 2.5}}
    lines = ecg("limits", "--log").stdout.splitlines()
    assert lines[0].endswith("Bob  ward/bed-1  tachy_bpm = usual")
    assert lines[-1].endswith("Ada  ward/bed-1  tachy_bpm = 160")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "tachy_bpm=160", "--by", "Ada"], "needs the name of a patient"),
        ([BED, "--set", "tachy_bpm=160"], "--by names"),
        ([BED, "--set", "tachy=160", "--by", "Ada"], "there is no limit 'tachy'"),
        ([BED, "--set", "tachy_bpm=quick", "--by", "Ada"], "is no number"),
        ([BED, "--set", "tachy_bpm=nan", "--by", "Ada"], "not nan"),
        ([BED, "--set", "tachy_bpm=230", "--by", "Ada"], "is above extreme_tachy_bpm (190): set both"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_stored(ecg: Run, words: list[str], said: str) -> None:
    ran = ecg("limits", *words)
    assert ran.exit_code == 2
    assert said in " ".join(ran.stderr.split())
    assert own(ecg) == {}
