from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pipeline.evaluation.threshold_rules import THRESHOLD_RULES
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A long record, and one that is over before the learning period is."""
    out = tmp_path_factory.mktemp("calibration") / "ward"
    for name, scenario, seconds in (("long", "synth/ventricular", 1020.0), ("short", "synth/sinus", 60.0)):
        write_wfdb(synthesise(demo_ward(seconds)[scenario], name=name, seconds=seconds, seed=6), out)
    (out / "RECORDS").unlink()
    return out


def test_tables_figure_and_numbers_come_from_one_command(ecg: Run, folder: Path, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("above\n<!-- study:begin -->\nWHAT STOOD\n<!-- study:end -->\nbelow\n")
    done = ecg(
        "calibration", "--data-dir", folder, "--step", "1.5", "--figure", tmp_path / "rates.png",
        "--json", tmp_path / "rates.json", "--insert", readme, "study", "--no-progress",
    )  # fmt: skip
    assert done.exit_code == 1  # the short record cannot be measured, and that is said
    assert "short" in done.stderr
    for rule in THRESHOLD_RULES:
        assert f" {rule} " in done.stdout
    assert "recover" in done.stdout
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")
    document = json.loads((tmp_path / "rates.json").read_text())
    assert set(document["rules"]) == set(THRESHOLD_RULES)
    own = document["rules"]["this project"]
    assert own["0.01"]["se_v"] > 0.9
    assert len(own["recovery_beats"]) == 1
    text = readme.read_text()
    assert "WHAT STOOD" not in text
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "| this project |" in text
    assert max(map(len, done.stdout.splitlines())) <= 130


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ((), "name records"),
        (("--split", "DS2", "mitdb/100"), "leave out RECORDS"),
        (("--split", "DS2", "--step", "0"), "--step"),
    ],
)
def test_a_call_that_makes_no_sense_is_told_what_would(ecg: Run, words: tuple[str, ...], hint: str) -> None:
    done = ecg("calibration", *words)
    assert done.exit_code == 2
    assert hint in done.stderr
