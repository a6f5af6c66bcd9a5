from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.score import main, score
from pipeline import BeatModel, Findings, Monitor, open_record
from pipeline.cli import main as cli
from pipeline.detection.model import DEFAULT_MODEL
from pipeline.settings import Settings
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb
from pipeline.storage import read_beats, read_summary
from pipeline.storage.database import Database, ModelStore

NAMES = ("bigeminy", "afib")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "synth"
    for name in NAMES:
        write_wfdb(synthesise(demo_ward(90.0)[f"synth/{name}"], name=name, seconds=90.0, seed=3), folder)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    out = tmp_path_factory.mktemp("flow") / "results"
    return out, run_flow(records=list(NAMES), data_dir=folder, out=out)


def run_flow(**parameters: Any) -> Any:
    return score(**{**parameters, "out": str(parameters["out"])}, return_state=True)


def artifacts(key: str) -> list[Any]:
    with get_client(sync_client=True) as client:
        return list(client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key]))))


def test_the_flow_the_command_and_the_monitor_give_the_same_scores(
    model: BeatModel, folder: Path, run: tuple[Path, Any], tmp_path: Path
) -> None:
    out, state = run
    assert state.is_completed()
    with pytest.raises(SystemExit) as ended:
        cli(["score", *NAMES, "--data-dir", str(folder), "--out", str(tmp_path), "--no-report", "--no-progress"])
    assert ended.value.code == 0
    for name in NAMES:
        alone = Findings.concatenate(list(Monitor(model).stream(open_record(name, data_dir=folder), seconds=1.0)))
        flow, command = read_beats(out, f"synth/{name}"), read_beats(tmp_path, f"synth/{name}")
        np.testing.assert_array_equal(flow["score"], alone.score)
        np.testing.assert_array_equal(flow["is_anomaly"], alone.is_anomaly)
        assert flow.equals(command)


def test_tables_and_pictures_are_published(run: tuple[Path, Any]) -> None:
    (table,) = artifacts("score-results-records")
    assert all(f"synth/{name}" in table.data for name in NAMES)
    (page,) = artifacts("score-results-pictures")
    assert page.data.count("data:image/svg+xml;base64,") == len(NAMES)
    assert artifacts("score-results-report") == []  # nothing serves it: no link that is dead
    assert str(run[0] / "report.html") in page.data
    assert (run[0] / "report.html").is_file()


def test_a_second_run_scores_nothing(folder: Path, run: tuple[Path, Any]) -> None:
    out, _ = run
    tables = [out / "beats" / "synth" / f"{name}.parquet" for name in NAMES]
    before = [path.stat().st_mtime_ns for path in tables]
    assert run_flow(records=list(NAMES), data_dir=folder, out=out).is_completed()
    assert [path.stat().st_mtime_ns for path in tables] == before


def test_a_first_run_says_that_it_compiles_and_what_it_is_going_to_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("flows.score.is_compiled", lambda _kind: False)
    assert run_flow(records=["bigeminy"], data_dir=folder, out=tmp_path / "out").is_completed()
    said = [record.getMessage() for record in caplog.records]
    first = next(i for i, line in enumerate(said) if "compiling machine code" in line)
    assert "1 records to score" in said[first + 1]


def test_a_damaged_record_leaves_the_others(folder: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for path in folder.glob("bigeminy.*"):
        (mixed / path.name).write_bytes(path.read_bytes())
    for path in folder.glob("afib.*"):
        content = path.read_bytes()
        (mixed / path.name).write_bytes(content[:-1001] if path.suffix == ".dat" else content)
    state = run_flow(records=["bigeminy", "afib"], data_dir=mixed, out=tmp_path / "out")
    assert state.is_completed()
    assert "failed: mixed/afib" in (state.message or "")
    summary = read_summary(tmp_path / "out")
    assert list(summary.records) == ["mixed/bigeminy"]
    assert "afib" in summary.failed["mixed/afib"]


def test_what_is_not_found_leaves_the_others(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    state = run_flow(records=["x*", "bigeminy"], data_dir=folder, out=out)
    assert state.is_completed()
    assert "1 of 2 records" in (state.message or "")
    assert list(state.result()["failed"]) == list(read_summary(out).failed) == ["synth/x*"]
    (table,) = artifacts("score-found-records")
    assert "synth/x*" in table.data


def test_a_flow_without_any_good_record_fails(folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "x.hea").write_text("x 1 360 1000\nx.dat 16 200 11 0 0 0 0 MLII\n")
    state = run_flow(records=["x"], data_dir=bad, out=tmp_path / "out")
    assert state.is_failed()
    assert "bad/x" in (state.message or "")


def test_the_command_of_the_flow_ends_with_1_if_a_record_failed(folder: Path, tmp_path: Path) -> None:
    for records, code in ((["afib"], 0), (["afib", "ghost/1"], 1)):
        with pytest.raises(SystemExit) as ended:
            main([*records, "--data-dir", str(folder), "--out", str(tmp_path)])
        assert ended.value.code == code


def test_results_go_to_an_object_store_by_its_url(folder: Path, s3: str) -> None:
    out = f"{s3}/flows/elsewhere"
    state = run_flow(records=list(NAMES), data_dir=folder, out=out)
    assert state.is_completed(), state.message
    assert sorted(read_summary(out).records) == [f"synth/{name}" for name in sorted(NAMES)]
    (page,) = artifacts("score-elsewhere-pictures")
    assert f"{out}/report.html" in page.data
    kept = run_flow(records=list(NAMES), data_dir=folder, out=out, report=False)
    assert [row["is_new"] for row in kept.result()["records"]] == [False, False]


def test_leads_and_model_are_taken_from_the_command_line(folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "mine.safetensors"
    model.write_bytes(DEFAULT_MODEL.with_suffix(".seed1.safetensors").read_bytes())
    with pytest.raises(SystemExit) as ended:
        main(
            ["afib", "--data-dir", str(folder), "--out", str(tmp_path / "out"), "--leads", "V1", "--model", str(model)]
        )
    assert ended.value.code == 0
    (entry,) = read_summary(tmp_path / "out").records.values()
    assert (entry.metadata["leads"], entry.metadata["model"]) == ("V1", BeatModel.load(model).checksum)


def test_alarms_and_the_run_are_in_the_database_after_every_run(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert run_flow(records=list(NAMES), data_dir=folder, out=tmp_path).is_completed()
    with Database.open(Settings().database) as database:
        newest, first = database.runs.newest(kind="score")
        stored = database.alarms.newest(origin=str(tmp_path.resolve()))
    assert (first.figures["new"], newest.figures["new"]) == (2, 0)
    assert len(stored) == first.figures["alarms"] == newest.figures["alarms"] > 0
    assert {alarm.run for alarm in stored} == {newest.id}


def test_a_published_model_is_what_scores(folder: Path, tmp_path: Path) -> None:
    settings = Settings()
    with Database.open(settings.database) as database:
        store = ModelStore(database, settings.models)
        version = store.publish(DEFAULT_MODEL.with_suffix(".seed2.safetensors"), at_us=1)
    run_flow(records=["afib"], data_dir=folder, out=tmp_path)
    (entry,) = read_summary(tmp_path).records.values()
    assert entry.metadata["model"] == version.checksum


def test_a_rate_out_of_range_starts_nothing(folder: Path, tmp_path: Path) -> None:
    state = run_flow(records=["afib"], data_dir=folder, out=tmp_path / "out", alpha=2.0)
    assert state.is_failed()
    assert "alpha" in (state.message or "")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--alpha", "3"], "--alpha 3.0: Input should be less than 0.5"),
        (["--workers", "0"], "--workers 0: Input should be greater than or equal to 1"),
        (["--runner", "dask", "--scheduler", "tcp://127.0.0.1:1"], "set PREFECT_API_URL"),
        (["--runner", "dask"], "go together"),
    ],
)
def test_a_bad_argument_is_one_line_before_anything_is_started(
    words: list[str], said: str, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(SystemExit) as ended:
        main(["afib", "--data-dir", str(folder), "--out", str(tmp_path / "out"), *words])
    assert ended.value.code == 2
    *usage, line = capfd.readouterr().err.splitlines()
    assert said in line
    assert "".join(usage).startswith("usage: python -m flows.score")
    assert not (tmp_path / "out").exists()
