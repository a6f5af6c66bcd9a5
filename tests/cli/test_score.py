from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import edfio
import numpy as np
import pytest
import wfdb
from click.testing import Result

from pipeline.sources.synthetic import demo_ward, synthesise
from pipeline.storage import read_beats, read_summary

GOOD = ("sinus", "ventricular")
Run = Callable[..., Result]


class Ran(NamedTuple):
    done: subprocess.CompletedProcess[str]
    out: Path
    document: dict[str, Any]


@pytest.fixture(scope="module")
def mixed(
    ward: Path,
    process: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Ran:
    """What came of a folder of good and bad records."""
    out = tmp_path_factory.mktemp("out")
    done = process("score", "--data-dir", ward, "--out", out, "--json")
    return Ran(done, out, json.loads(done.stdout))


def test_good_records_are_scored_among_bad_ones(mixed: Ran) -> None:
    assert mixed.done.returncode == 1
    assert [row["record"] for row in mixed.document["records"]] == [f"ward/{name}" for name in GOOD]
    for name in GOOD:
        assert len(read_beats(mixed.out, f"ward/{name}")) > 40
    assert set(read_summary(mixed.out).failed) == {row["record"] for row in mixed.document["failed"]}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cutdat", "RecordCorrupt"),
        ("flipped", "RecordCorrupt"),
        ("cutatr", "RecordCorrupt"),
        ("emptyhea", "RecordCorrupt"),
        ("emptydat", "RecordCorrupt"),
        ("format", "RecordUnsupported"),
        ("rate", "RecordUnsupported"),
        ("nothing", "RecordUnsupported"),
    ],
)
def test_a_bad_record_is_one_clear_line_and_leaves_nothing_behind(mixed: Ran, name: str, kind: str) -> None:
    (row,) = [row for row in mixed.document["failed"] if row["record"] == f"ward/{name}"]
    assert row["kind"] == kind
    assert name in row["error"]
    assert f"Error: {row['error']}\n" in mixed.done.stderr
    assert not list(mixed.out.rglob(f"*{name}*"))


def test_standard_error_holds_a_line_per_failure_and_nothing_else(mixed: Ran) -> None:
    assert mixed.done.stderr.splitlines() == [f"Error: {row['error']}" for row in mixed.document["failed"]]


def test_the_files_are_what_other_tools_open(mixed: Ran) -> None:
    annotation = wfdb.rdann(str(mixed.out / "annotations" / "ward" / "ventricular"), "ano")
    beats = read_beats(mixed.out, "ward/ventricular")
    is_beat = np.array(annotation.symbol) != "+"
    np.testing.assert_array_equal(annotation.sample[is_beat], beats["r_peak"])
    assert "(N" in [note.rstrip("\0") for note in annotation.aux_note]  # the rhythm stands there as well
    page = (mixed.out / "report.html").read_text()
    assert all(f"ward/{name}" in page for name in (*GOOD, "cutdat"))
    assert mixed.document["report"] == str(mixed.out / "report.html")


def test_a_second_run_scores_nothing_again(ward: Path, mixed: Ran, ecg: Run) -> None:
    def is_new(*more: str) -> list[bool]:
        ran = ecg("score", *GOOD, "--data-dir", ward, "--out", mixed.out, "--json", *more)
        assert ran.exit_code == 0
        return [row["is_new"] for row in json.loads(ran.stdout)["records"]]

    assert is_new() == [False, False]
    assert is_new("--alpha", "0.05") == [True, True]
    assert is_new("--force", "--alpha", "0.05") == [True, True]


def test_the_table_fits_80_columns_and_says_where_the_results_are(ward: Path, ecg: Run, tmp_path: Path) -> None:
    ran = ecg("score", *GOOD, "--data-dir", ward, "--out", tmp_path)
    assert ran.exit_code == 0
    assert ran.stderr == ""
    *table, _results, report = ran.stdout.splitlines()
    assert "Se %" in ran.stdout
    assert "from 5:00 on" in ran.stdout
    assert max(map(len, table)) <= 80
    assert report == f"Report:  {tmp_path / 'report.html'}"


def test_an_unknown_record_is_named_and_leaves_the_others(ward: Path, ecg: Run, tmp_path: Path) -> None:
    ran = ecg("score", "sinsu", "sinus", "--data-dir", ward, "--out", tmp_path, "--json")
    assert ran.exit_code == 1
    document = json.loads(ran.stdout)
    assert [row["record"] for row in document["records"]] == ["ward/sinus"]
    assert [row["kind"] for row in document["failed"]] == ["RecordNotFound"]
    assert "did you mean 'sinus'" in ran.stderr


def test_a_glob_that_matches_nothing_is_one_line_and_one_document(ward: Path, ecg: Run, tmp_path: Path) -> None:
    ran = ecg("score", "x*", "--data-dir", ward, "--out", tmp_path, "--json")
    assert ran.exit_code == 2  # nothing that was named is there: nothing was done
    assert json.loads(ran.stdout)["kind"] == "RecordNotFound"
    assert ran.stderr.count("\n") == 1


def test_a_preferred_lead_that_is_not_there_is_passed_over(ward: Path, ecg: Run, tmp_path: Path) -> None:
    words = ("--data-dir", ward, "--out", tmp_path, "--no-report", "--json", "--leads", "aVR,V1,V6,MLII")
    ran = ecg("score", "sinus", *words)
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["records"][0]["metadata"]["leads"] == "V1,MLII"


def test_a_missing_lead_names_those_there_are(ward: Path, ecg: Run, tmp_path: Path) -> None:
    ran = ecg("score", "sinus", "--data-dir", ward, "--out", tmp_path, "--leads", "aVR")
    assert ran.exit_code == 1
    assert "MLII" in ran.stderr
    assert "failed" in ran.stdout


def test_one_lead_can_be_chosen(ward: Path, ecg: Run, tmp_path: Path) -> None:
    ran = ecg("score", "sinus", "--data-dir", ward, "--out", tmp_path, "--leads", "V1", "--json", "--no-report")
    document = json.loads(ran.stdout)
    assert document["records"][0]["metadata"]["leads"] == "V1"
    assert document["report"] is None
    assert not (tmp_path / "report.html").exists()


def test_an_output_folder_that_cannot_be_written_is_named(ward: Path, ecg: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    ran = ecg("score", "sinus", "--data-dir", ward, "--out", tmp_path / "file" / "out")
    assert ran.exit_code == 2
    assert f"'--out': {tmp_path / 'file'} is no folder that can be written" in ran.stderr


def test_an_output_folder_that_belongs_to_others_is_a_bad_argument(
    ward: Path, command: str, unprivileged: list[str], tmp_path: Path
) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)
    words = [*unprivileged, command, "score", "sinus", "--data-dir", str(ward), "--out", str(tmp_path / "shut" / "out")]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=250, check=False)
    assert ran.returncode == 2
    assert f"{tmp_path / 'shut'} is no folder that can be written" in ran.stderr


def test_a_folder_without_records_is_a_bad_argument(ecg: Run, tmp_path: Path) -> None:
    ran = ecg("score", "--data-dir", tmp_path, "--out", tmp_path / "out")
    assert ran.exit_code == 2
    assert f"'--data-dir': {tmp_path} holds no recording" in ran.stderr
    assert not list(tmp_path.iterdir())


def test_a_damaged_model_is_one_line_and_no_record_fails_for_it(ward: Path, ecg: Run, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"no model")
    ran = ecg("score", "--data-dir", ward, "--out", tmp_path / "out", "--model", tmp_path / "model.safetensors")
    assert ran.exit_code == 2
    assert ran.stderr.count("\n") == 1
    assert "model.safetensors" in ran.stderr
    assert not (tmp_path / "out").exists()


def test_a_device_that_is_not_there_is_one_line_that_says_what_to_do(ward: Path, ecg: Run, tmp_path: Path) -> None:
    done = ecg("score", "--data-dir", ward, "--out", tmp_path, "--device", "nonsense", "sinus")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: torch has no device 'nonsense' here")
    assert done.stderr.count("\n") == 1


def test_a_file_that_may_not_be_read_costs_its_record_alone(
    ward: Path, command: str, unprivileged: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "ward"
    for name, shut in (("sinus", None), ("shut-hea", "hea"), ("shut-dat", "dat"), ("shut-atr", "atr")):
        for ending in ("hea", "dat", "atr"):
            content = (ward / f"sinus.{ending}").read_bytes()
            file = folder / f"{name}.{ending}"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content.replace(b"sinus", name.encode()) if ending == "hea" else content)
            file.chmod(0 if ending == shut else 0o644)
    words = [*unprivileged, command, "score", "--data-dir", str(folder), "--out", str(tmp_path / "out"), "--json"]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=250, check=False)
    assert ran.returncode == 1
    document = json.loads(ran.stdout)
    assert [row["record"] for row in document["records"]] == ["ward/sinus"]
    for row, ending in zip(document["failed"], ("atr", "dat", "hea"), strict=True):
        assert (row["record"], row["kind"]) == (f"ward/shut-{ending}", "SourceUnavailable")
        assert f"shut-{ending}.{ending} cannot be read" in row["error"]
    assert ran.stderr.splitlines() == [f"Error: {row['error']}" for row in document["failed"]]


def test_files_of_other_formats_are_scored_as_they_are(ecg: Run, tmp_path: Path) -> None:
    study = tmp_path / "study (1)"
    study.mkdir()
    patient = synthesise(demo_ward(90.0)["synth/sinus"], name="synth/sinus", seconds=90.0, seed=1, fs=250.0)
    signal = np.concatenate([chunk.signal for chunk in patient.chunks()]).astype(np.float64)
    rng = np.random.default_rng(0)
    limits: Any = {"physical_dimension": "uV", "physical_range": (-9000, 9000)}
    eeg = [
        edfio.EdfSignal(40 * rng.standard_normal(len(signal)), 250.0, label=name, **limits)
        for name in ("F3-M2", "C3-M2")
    ]
    lead = edfio.EdfSignal(1000 * signal[:, 0], 250.0, label="ECG", **limits)
    edfio.Edf([*eeg, lead]).write(study / "night+1.edf")
    np.savez(study / "x.npz", a=40.0 * signal[:, 0], fs=250.0)
    out = tmp_path / "out"
    ran = ecg("score", study / "night+1.edf", study / "x.npz", study / "none.edf", "--out", out, "--json")
    assert ran.exit_code == 1
    document = json.loads(ran.stdout)
    rows = {row["record"]: row for row in document["records"]}
    assert set(rows) == {"study (1)/night+1.edf", "study (1)/x.npz"}
    assert rows["study (1)/night+1.edf"]["metadata"]["leads"] == "ECG"
    assert rows["study (1)/night+1.edf"]["remarks"] == []
    assert 80 < rows["study (1)/night+1.edf"]["beats"] < 120
    doubt, height = rows["study (1)/x.npz"]["remarks"]
    assert "no name says that a is an ECG" in doubt
    assert "too much: is its unit right" in height
    (failure,) = document["failed"]
    assert "there is no such file" in failure["error"]
    assert (out / "beats" / "study (1)" / "night+1.edf.parquet").is_file()
    assert "no name says that a is an ECG" in (out / "report.html").read_text()
    again = ecg("score", "--data-dir", study, "night+1.edf", "--out", out, "--json")
    assert [row["is_new"] for row in json.loads(again.stdout)["records"]] == [
        False
    ]  # one name, however it is asked for
    table = ecg("score", study / "x.npz", "--units", "V", "--out", out)
    assert "study (1)/x.npz: no name says" in table.stdout
