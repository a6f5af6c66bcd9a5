from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from safetensors.numpy import save_file

from pipeline.settings import Settings
from pipeline.storage.database import Database, ModelStore

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("ECG_DATABASE_URL", raising=False)


def publish(tmp_path: Path, *values: float) -> list[str]:
    settings = Settings()
    checksums = []
    with Database.open(settings.database) as database:
        for i, value in enumerate(values):
            path = tmp_path / "model.safetensors"
            save_file({"weight": np.full(4, value, dtype=np.float32)}, path)
            store = ModelStore(database, settings.models)
            version = store.publish(path, at_us=1_795_531_736_000_000 + i, figures={"macro.auroc": value})
            checksums.append(version.checksum)
    return checksums


def test_published_models_are_listed_and_an_old_one_is_put_back(ecg: Run, tmp_path: Path) -> None:
    old, new = publish(tmp_path, 0.5, 0.75)
    shown = ecg("models", "list").stdout
    assert [line.split()[:2] for line in shown.splitlines()[1:3]] == [[new[:12], "published"], [old[:12], "archived"]]
    assert "2026-11-24 14:48 UTC" in shown
    assert "macro.auroc 0.75" in shown
    assert ecg("models", "restore", old[:8]).exit_code == 0
    document = json.loads(ecg("models", "list", "--json").stdout)
    assert document["current"] == old
    assert {model["published_at"] for model in document["models"]} >= {"2026-11-24 14:48:56Z"}
    assert {model["checksum"]: model["state"] for model in document["models"]} == {old: "published", new: "archived"}


def test_without_models_it_says_so(ecg: Run) -> None:
    assert ecg("models", "list").stdout == "No model was published.\n"
    assert json.loads(ecg("models", "list", "--json").stdout)["models"] == []


def test_a_pointer_that_is_behind_is_told_with_what_to_do(ecg: Run, tmp_path: Path) -> None:
    old, new = publish(tmp_path, 0.5, 0.75)
    (Settings().models / "current").write_text(f"{old}\n")
    ran = ecg("models", "list")
    assert ran.exit_code == 0
    assert f"models restore {new[:12]}" in ran.stderr
    ecg("models", "restore", new[:12])
    assert ecg("models", "list").stderr == ""


def test_a_model_that_is_not_there_is_exit_code_1(ecg: Run, tmp_path: Path) -> None:
    publish(tmp_path, 0.5)
    ran = ecg("models", "restore", "00000000", "--json")
    assert ran.exit_code == 1
    assert json.loads(ran.stdout)["kind"] == "ModelError"
    assert "models list" in ran.stderr


def test_a_wrong_database_url_is_exit_code_2_and_never_printed(ecg: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECG_DATABASE_URL", "mysql://somebody:secret@host/x")
    ran = ecg("models", "list")
    assert ran.exit_code == 2
    assert "database_url" in ran.stderr
    assert "secret" not in ran.stderr


@pytest.mark.parametrize("words", [("models",), ("models", "list"), ("models", "restore")])
def test_help_shows_examples(ecg: Run, words: tuple[str, ...]) -> None:
    assert f"Examples:\n  ecg-anomaly {words[0]}" in ecg(*words, "--help").stdout
