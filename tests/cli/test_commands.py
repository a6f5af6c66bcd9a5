from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pipeline.storage import read_summary

Run = Callable[..., Result]


@pytest.fixture
def mirror(ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with PhysioNet's layout and one database, ``tinydb``."""
    database = tmp_path / "files" / "tinydb" / "1.0.0"
    database.mkdir(parents=True)
    for path in (*ward.glob("sinus.*"), *ward.glob("ventricular.*")):
        shutil.copy(path, database)
    (database / "RECORDS").write_text("sinus\nventricular\n")
    monkeypatch.setenv("ECG_PHYSIONET_URL", str(tmp_path / "files"))
    return database


def test_the_demo_scores_ten_patients_and_says_where_the_report_is(ecg: Run, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    ran = ecg("demo", "--minutes", "1.5", "--out", out)
    assert (ran.exit_code, ran.stderr) == (0, "")
    table, _, rest = ran.stdout.partition("10 records")
    assert table.count("synth/") == 10
    assert max(map(len, table.splitlines())) <= 80
    assert f"Report:  {out / 'report.html'}\n" in rest
    assert len(list((out / "records" / "synth").glob("*.hea"))) == 10
    assert len(read_summary(out).records) == 10


def test_the_demo_takes_real_records_too(ecg: Run, mirror: Path, tmp_path: Path) -> None:
    ran = ecg("demo", "tinydb/sinus", "--out", tmp_path / "demo", "--json")
    assert ran.exit_code == 0
    assert [row["record"] for row in json.loads(ran.stdout)["records"]] == ["tinydb/sinus"]
    assert not (tmp_path / "demo" / "records").exists()


def test_a_whole_database_is_scored_by_its_name(ecg: Run, mirror: Path, tmp_path: Path) -> None:
    ran = ecg("score", "tinydb", "tinydb/1.0.0/ghost", "--out", tmp_path / "out", "--json")
    assert ran.exit_code == 1
    document = json.loads(ran.stdout)
    assert [row["record"] for row in document["records"]] == ["tinydb/sinus", "tinydb/ventricular"]
    assert [row["record"] for row in document["failed"]] == ["tinydb/ghost"]


def test_what_is_not_found_fails_alone_until_it_is_no_longer_asked_for(ecg: Run, mirror: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("tinydb/sinus", "--out", out, "--no-report")
    ran = ecg("score", "nosuchdb", "tinydb/x*", *words, "--json")
    assert ran.exit_code == 1
    document = json.loads(ran.stdout)
    assert [row["record"] for row in document["records"]] == ["tinydb/sinus"]
    assert [(row["record"], row["kind"]) for row in document["failed"]] == [
        ("nosuchdb", "RecordNotFound"), ("tinydb/x*", "RecordNotFound")
    ]  # fmt: skip
    assert ran.stderr.splitlines() == [f"Error: {row['error']}" for row in document["failed"]]
    assert list(read_summary(out).failed) == ["nosuchdb", "tinydb/x*"]
    assert "nosuchdb" in ecg("score", "nosuchdb", *words).stdout
    assert list(read_summary(out).failed) == ["nosuchdb"]
    assert ecg("score", *words).exit_code == 0
    assert not read_summary(out).failed


def test_what_is_not_found_is_not_fetched_and_the_rest_is(ecg: Run, mirror: Path) -> None:
    ran = ecg("fetch", "nosuchdb", "tinydb/s*", "--json")
    assert ran.exit_code == 1
    document = json.loads(ran.stdout)
    assert [row["record"] for row in document["records"]] == ["tinydb/sinus"]
    assert [row["record"] for row in document["failed"]] == ["nosuchdb"]
    listed = ecg("fetch", "nosuchdb", "tinydb/s*", "--list")
    assert (listed.exit_code, listed.stdout) == (1, "tinydb/sinus\n")
    assert "nosuchdb" in listed.stderr


def test_records_are_fetched_and_listed(ecg: Run, mirror: Path) -> None:
    assert ecg("fetch", "tinydb/v*", "--list").stdout == "tinydb/ventricular\n"
    ran = ecg("fetch", "tinydb", "tinydb/ghost", "--json")
    assert ran.exit_code == 1
    document = json.loads(ran.stdout)
    assert [row["path"] for row in document["records"]] == [str(mirror / "sinus"), str(mirror / "ventricular")]
    assert [row["record"] for row in document["failed"]] == ["tinydb/ghost"]
    assert "ghost" in ran.stderr


def test_the_same_seed_writes_the_same_patients(ecg: Run, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        ran = ecg("synth", "afib", "sinus", "--out", tmp_path / folder, "--minutes", 1, "--fs", 250, "--seed", 5)
        assert ran.exit_code == 0
        assert str(tmp_path / folder) in ran.stdout
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()
    }


def test_the_patients_are_listed_and_nothing_is_written(
    ecg: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "bigeminy" in ecg("synth", "--list").stdout
    assert len(json.loads(ecg("synth", "--list", "--json").stdout)) == 10
    assert not list(tmp_path.iterdir())


def test_a_report_is_written_anew_from_results(ecg: Run, ward: Path, tmp_path: Path) -> None:
    ecg("score", "sinus", "cutdat", "--data-dir", ward, "--out", tmp_path)
    page = tmp_path / "report.html"
    page.unlink()
    ran = ecg("report", tmp_path, "--title", "Night <1>", "--json")
    assert json.loads(ran.stdout) == {"report": str(page), "records": 1, "failed": 1}
    assert "Night &lt;1&gt;" in page.read_text()


def test_a_folder_without_results_has_no_report(ecg: Run, tmp_path: Path) -> None:
    ran = ecg("report", tmp_path)
    assert ran.exit_code == 1
    assert str(tmp_path) in ran.stderr


def test_too_few_records_make_no_model(ecg: Run, ward: Path, tmp_path: Path) -> None:
    ran = ecg("train", "sinus", "--data-dir", ward, "--out", tmp_path / "model.safetensors")
    assert ran.exit_code == 1
    assert "5 at least" in ran.stderr
    assert not list(tmp_path.iterdir())


def test_a_model_that_cannot_be_written_is_told_before_the_training(ecg: Run, ward: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    ran = ecg("train", "--data-dir", ward, "--out", tmp_path / "file" / "model.safetensors", "--json")
    assert ran.exit_code == 1
    assert json.loads(ran.stdout)["kind"] == "OutputError"
    assert "--out" in ran.stderr
