from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import edfio
import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from pipeline.sources.foreign import read_recording
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


def test_notes_of_how_a_file_was_read_are_told(ecg: Run, export: Path, tmp_path: Path) -> None:
    table = pd.read_csv(export).drop(index=range(2000, 2500))
    table.insert(0, "row", range(len(table)))
    table.to_csv(tmp_path / "holes.csv", index=False)
    done = ecg("import", tmp_path / "holes.csv", "--units", "uV", "--out", tmp_path / "ward")
    assert "1 holes of 2.0 s in all" in done.stdout
    assert "left out: row (counts)" in done.stdout


@pytest.mark.parametrize("kind", ["edf", "csv", "parquet"])
def test_what_is_exported_comes_back_the_same(ecg: Run, export: Path, tmp_path: Path, kind: str) -> None:
    table = pd.read_csv(export).drop(index=range(2000, 2500))
    table["time_ms"] += 1_650_000_000_000  # counted from 1970
    table.to_csv(tmp_path / "night.csv", index=False)
    out = tmp_path / "out"
    scored = ecg(
        "score", tmp_path / "night.csv", "--units", "uV", "--out", tmp_path / "results", "--json", "--no-report"
    )
    (row,) = json.loads(scored.stdout)["records"]
    assert row["metadata"]["start"].startswith("2022-04-15T05:20:00")
    words = ("--units", "uV", "--to", kind, "--results", tmp_path / "results", "--out", out)
    done = ecg("import", tmp_path / "night.csv", *words)
    assert done.exit_code == 0, done.output
    first = read_recording(tmp_path / "night.csv", units="uV")
    again = read_recording(out / f"night.{kind}")
    assert (again.fs, again.leads) == (first.fs, first.leads)
    held = np.isfinite(first.signal).all(axis=1)
    np.testing.assert_allclose(again.signal[held], first.signal[held], atol=2e-4)
    assert first.start is not None
    assert again.start is not None
    assert again.start.replace(tzinfo=None) == first.start.replace(tzinfo=None)
    if kind == "edf":
        file = edfio.read_edf(out / "night.edf")
        marks = [(note.onset, note.text) for note in file.annotations]
        assert len([text for _, text in marks if text.startswith("beat")]) == row["beats"]
        assert (8.0, "no signal") in marks
    else:
        marks_file = pd.read_csv(out / "night.marks.csv")
        assert len(marks_file) == row["beats"]
        assert marks_file["time"][0].startswith("2022-04-15T05:20:0")
        np.testing.assert_array_equal(np.isfinite(again.signal).all(axis=1), held)


def test_anonymised_records_keep_intervals_and_nothing_else(ecg: Run, export: Path, tmp_path: Path) -> None:
    signal = pd.read_csv(export)["II"].to_numpy(dtype=np.float64)
    lead = edfio.EdfSignal(signal, 250.0, label="ECG II", physical_dimension="uV", physical_range=(-9000, 9000))
    edfio.Edf(
        [lead],
        patient=edfio.Patient(name="A_Person", code="4711"),
        recording=edfio.Recording(startdate=datetime.date(2021, 3, 4), equipment_code="Box7"),
        starttime=datetime.time(22, 30),
        annotations=[edfio.EdfAnnotation(3.0, None, "called Mrs Person")],
    ).write(tmp_path / "night.edf")
    for words, there in (((), True), (("--anonymise",), False)):
        out = tmp_path / ("plain" if there else "anonymous")
        assert ecg("import", tmp_path / "night.edf", *words, "--out", out).exit_code == 0
        everything = b"".join(file.read_bytes() for file in sorted(out.iterdir()))
        assert (b"22:30:00" in everything) == there
        assert (b"Box7" in everything) == there
        assert (b"Mrs Person" in everything) == there
        assert b"A_Person" not in everything
        assert b"4711" not in everything
        kept = read_recording(out / "night.hea")
        np.testing.assert_allclose(kept.signal[:, 0], signal / 1000, atol=1e-3)


def test_formats_lists_what_is_read(ecg: Run) -> None:
    rows = {row["name"]: row for row in json.loads(ecg("formats", "--json").stdout)["formats"]}
    assert rows["DICOM waveform"]["library"] == "pydicom"
    assert all(row["installed"] for row in rows.values())
    said = ecg("formats").stdout
    assert all(name.split()[0].strip(",") in said for name in rows)
