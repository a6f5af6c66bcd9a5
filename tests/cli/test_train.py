from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pipeline.detection import training
from pipeline.detection.model import BeatModel
from pipeline.errors import ModelError
from pipeline.learning.training import train_model
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb

pytestmark = pytest.mark.slow

Run = Callable[..., Result]
WORDS = ("train", "--hidden", 6, "--epochs", 2, "--optimizer", "rmsprop", "--standardise", "--sequence-passes", 2)


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
    assert facts["training"]["optimizer"] == "rmsprop"
    assert curve.read_bytes().startswith(b"\x89PNG")
    command = f"ecg-anomaly train --data-dir {people} --out whole.safetensors --seed 0 --hidden 6"
    assert (
        f"`{command} --epochs 2 --optimizer rmsprop --standardise --sequence-passes 2`"
        in whole.with_suffix(".md").read_text()
    )

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


def test_the_card_tells_of_the_data_and_the_command_that_were_really_used(
    ecg: Run, people: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "five people"
    folder.mkdir()
    for file in people.glob("*.*"):
        if file.stem != "ventricular" or file.suffix != ".atr":
            shutil.copy(file, folder)
    words = ["train", "*", "--data-dir", folder, "--hidden", 6, "--epochs", 1, "--one-class", "--seeds", 2, "--seed", 3]
    words += ["--sequence-passes", 2, "--kind", "forecaster"]
    refused = ecg(*words, "--out", tmp_path / "own.safetensors")
    assert "ventricular has no annotations" in refused.stderr
    words.remove("--one-class")
    done = ecg(*words, "--out", tmp_path / "own.safetensors")
    assert done.exit_code == 0, done.output
    assert BeatModel.load(tmp_path / "own.safetensors").kind == "forecaster"
    card = (tmp_path / "own.md").read_text()
    command = (
        f"ecg-anomaly train '*' --data-dir '{folder}' --out own.safetensors"
        " --seed 3 --kind forecaster --hidden 6 --epochs 1 --sequence-passes 2 --seeds 2"
    )
    assert f"**Reproduce**: `{command}`" in card
    said = " ".join(card.split())
    assert "Trained on 5 records of 7 minutes and 2 leads (MLII, V1), sampled at 180 Hz" in said
    assert "with the labels of 4 of the records" in said
    assert not re.search("nan|mitdb|DS1|30-minute|360|Paced", card), card
    assert "| macro.auprc | " in card


@pytest.mark.parametrize("name", ["card.md", "own.txt", "own"])
def test_a_model_file_of_another_ending_is_refused_before_the_training(
    ecg: Run, people: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    refused = ecg("train", "--data-dir", people, "--out", out)
    assert refused.exit_code == 2
    assert f"did you mean '{out.with_suffix('.safetensors')}'?" in " ".join(refused.stderr.split())
    assert not list(tmp_path.iterdir())
    with pytest.raises(ModelError, match="does not end in"):
        train_model(None, data_dir=people, out=out)
