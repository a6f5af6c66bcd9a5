from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.evaluation.fit_fibrillation import FOLDS, Examples, fold_of, person_of, weights_of_folds
from pipeline.signals.window_features import FEATURES


@pytest.fixture
def examples() -> Examples:
    """Windows in which fibrillation lies one unit higher in every feature."""
    rng = np.random.default_rng(4)
    positive = rng.random(600) < 0.3
    features = rng.normal(size=(600, len(FEATURES))) + positive[:, None]
    return Examples(features, positive, rng.integers(0, FOLDS, 600))


def test_the_weights_of_a_fold_have_not_seen_its_people(examples: Examples) -> None:
    mine = examples.fold == 2
    others = replace(examples, positive=np.where(mine, ~examples.positive, examples.positive))
    before, after = weights_of_folds(examples), weights_of_folds(others)
    for fold in range(FOLDS):
        same = np.array_equal(before[fold].linear, after[fold].linear)
        assert same is (fold == 2)
    held = before[2].log_odds(examples.features[mine])
    assert (held > 0)[examples.positive[mine]].mean() > 0.8


def test_a_person_has_one_fold_whatever_the_record_and_the_order() -> None:
    noisy = {fold_of(person_of(Path("/data/nstdb/1.0.0"), name)) for name in ("118e00", "118e24", "118e_6")}
    assert noisy == {fold_of(person_of(Path("/other/mitdb/1.0.0"), "118"))}
    people = [fold_of(person_of(Path("vfdb"), str(number))) for number in range(418, 618)]
    assert set(people) == set(range(FOLDS))
