from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pipeline.detection import training
from pipeline.detection.model import BeatModel
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb

Run = Callable[..., Result]
WORDS = ("train", "--kind", "forecaster", "--hidden", 6, "--epochs", 2, "--optimizer", "rmsprop", "--standardise")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five records that are long enough to train on."""
    folder = tmp_path_factory.mktemp("data") / "people"
    scenarios = demo_ward(420.0)
    for name in ("sinus", "ventricular", "atrial", "bigeminy", "drift"):
        write_wfdb(synthesise(scenarios[f"synth/{name}"], name=name, seconds=420.0, seed=2, fs=180.0), folder)
    return folder


def test_a_training_stopped_half_way_goes_on_to_the_same_model(
    ecg: Run, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped, curve = tmp_path / "whole.safetensors", tmp_path / "stopped.safetensors", tmp_path / "loss.png"
    done = ecg(*WORDS, "--data-dir", people, "--out", whole, "--loss-curve", curve, "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["kind"] == "forecaster"
    assert facts["training"]["optimizer"] == "rmsprop"
    assert curve.read_bytes().startswith(b"\x89PNG")
    assert "--kind forecaster --hidden 6 --epochs 2 --optimizer rmsprop --standardise" in whole.with_suffix(
        ".md"
    ).read_text().replace("\n", " ")

    passes: list[int] = []
    go = training.Trainer._pass

    def stop(self: training.Trainer, progress: object) -> None:
        if len(passes) == 5:  # in the third fold
            raise KeyboardInterrupt
        passes.append(1)
        go(self, progress)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(training.Trainer, "_pass", stop)
    assert ecg(*WORDS, "--data-dir", people, "--out", stopped).exit_code == 130
    assert not stopped.exists()
    monkeypatch.setattr(training.Trainer, "_pass", go)
    assert ecg(*WORDS, "--data-dir", people, "--out", stopped).exit_code == 0
    assert stopped.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*.training"))
    assert BeatModel.load(whole).kind == "forecaster"
