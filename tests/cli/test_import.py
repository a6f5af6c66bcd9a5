from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from pipeline.sources.synthetic import demo_ward, synthesise

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety seconds of a patient as a device might export them: uV, times in ms."""
    patient = synthesise(demo_ward(90.0)["synth/sinus"], name="synth/sinus", seconds=90.0, seed=1, fs=250.0)
    signal = np.concatenate([chunk.signal for chunk in patient.chunks()])
    path = tmp_path_factory.mktemp("device") / "my export (2).csv"
    table = {"time_ms": np.arange(len(signal)) * 4.0, "II": 1000 * signal[:, 0], "V1": 1000 * signal[:, 1]}
    pd.DataFrame(table).round(0).to_csv(path, index=False)
    return path


def test_an_imported_file_is_scored_like_any_record(ecg: Run, export: Path, tmp_path: Path) -> None:
    done = ecg("import", export, "--units", "uV", "--out", tmp_path / "ward")
    assert done.exit_code == 0, done.output
    assert "my-export-2: II, V1 at 250 Hz, 1.5 min" in done.stdout
    scored = ecg("score", "--data-dir", tmp_path / "ward", "--out", tmp_path / "out", "--no-report", "--json")
    assert scored.exit_code == 0, scored.output
    (row,) = json.loads(scored.stdout)["records"]
    assert row["record"] == "ward/my-export-2"
    assert 80 < row["beats"] < 120


def test_what_was_imported_is_told_in_json(ecg: Run, export: Path, tmp_path: Path) -> None:
    words = ("--units", "uV", "--leads", "V1", "--name", "bed1", "--json", "--out", tmp_path / "ward")
    (row,) = json.loads(ecg("import", export, *words).stdout)["records"]
    assert (row["record"], row["leads"], row["fs"], row["seconds"]) == ("bed1", ["V1"], 250.0, 90.0)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "FILES"),
        (("none.csv",), 1, "no such file"),
        (("a.csv", "b.csv", "--name", "x"), 2, "one record"),
        (("a/x.csv", "b/x.csv"), 2, "the same record"),
        (("{export}", "--name", "../x"), 2, "WFDB takes names"),
        (("{export}", "--leads", "V9"), 1, "no lead 'V9'"),
    ],
)
def test_what_cannot_be_imported_says_what_to_do(
    ecg: Run, export: Path, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = ecg("import", *(word.format(export=export) for word in words), "--out", tmp_path / "ward")
    assert done.exit_code == code
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "ward").exists()


def test_a_file_that_cannot_be_read_leaves_the_others(ecg: Run, export: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.edf"
    cut.write_bytes(b"0       cut")
    done = ecg("import", cut, "gone.csv", export, "--units", "uV", "--out", tmp_path / "ward", "--json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert [row["record"] for row in document["records"]] == ["my-export-2"]
    assert [(row["file"], row["kind"]) for row in document["failed"]] == [
        (str(cut), "RecordCorrupt"), ("gone.csv", "RecordNotFound")
    ]  # fmt: skip
    assert done.stderr.splitlines() == [f"Error: {row['error']}" for row in document["failed"]]
    assert (tmp_path / "ward" / "my-export-2.hea").is_file()
