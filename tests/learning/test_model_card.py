from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.detection.model import BeatModel
from pipeline.detection.networks import NETWORKS
from pipeline.detection.sequence.training import SequenceSettings
from pipeline.detection.shipped import SHIPPED
from pipeline.detection.training import TrainingSettings
from pipeline.learning.model_card import model_card
from pipeline.learning.reproduce import PASSES, training_command

FORECASTER = SHIPPED["forecaster"]


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """What the training of the forecaster that ships has stated."""
    return dict(BeatModel.load(FORECASTER).facts)


def command(**changed: Any) -> str:
    kind = changed.setdefault("kind", "autoencoder")
    usual: dict[str, Any] = {
        "out": Path("own.safetensors"),
        "data_dir": None,
        "shape": NETWORKS[kind]().shape,
        "how": TrainingSettings(epochs=PASSES),
        "sequence": SequenceSettings(),
        "seeds": 1,
        "one_class": False,
    }
    return training_command(changed.pop("records", ()), **{**usual, **changed})


def test_the_card_that_ships_is_what_is_written_of_ds1(facts: dict[str, Any]) -> None:
    how = TrainingSettings(**facts["training"])
    words = command(kind="forecaster", out=FORECASTER, how=how, one_class=True)
    card = model_card(FORECASTER, {**facts, "kind": "forecaster"}, (), words, is_ds1=True)
    # The model file has the figures and versions in another order.
    ships = FORECASTER.with_suffix(".md").read_text().split("\n## What was tried")[0]
    assert sorted(re.findall(r"[^\s,]+", ships.replace(".\n", "\n"))) == sorted(
        re.findall(r"[^\s,]+", card.replace(".\n", "\n"))
    )


def test_figures_that_are_no_numbers_are_left_out(facts: dict[str, Any]) -> None:
    some = {**facts, "kind": "forecaster", "cross_validation": {"V.auroc": 0.5, "F.auroc": float("nan")}}
    card = model_card(FORECASTER, some, (), "", is_ds1=True)
    assert "| V.auroc | 0.5000 |" in card
    assert "F.auroc" not in card
    none = model_card(FORECASTER, {**some, "cross_validation": {"F.auroc": float("nan")}}, (), "", is_ds1=True)
    assert "| figure |" not in none
    assert "None: no record" in none


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "--out own.safetensors --seed 0"),
        ({"records": ["svdb/80*", "mitdb"]}, "'svdb/80*' mitdb --out own.safetensors --seed 0"),
        ({"one_class": True, "seeds": 5}, "--out own.safetensors --seed 0 --one-class --seeds 5"),
        (
            {
                "how": TrainingSettings(epochs=2, seed=7, learning_rate=0.001, standardise=True),
                "sequence": SequenceSettings(passes=9),
            },
            "--out own.safetensors --seed 7 --epochs 2 --learning-rate 0.001 --standardise --sequence-passes 9",
        ),
        (
            {
                "how": TrainingSettings(epochs=PASSES, blur=0.5),
                "shape": replace(NETWORKS["autoencoder"]().shape, latent=6),
            },
            "--out own.safetensors --seed 0 (blur=0.5, latent=6 from Python)",
        ),
    ],
)
def test_the_command_names_all_that_was_asked_for(changed: dict[str, Any], words: str) -> None:
    assert command(**changed) == f"ecg-anomaly train {words}"
