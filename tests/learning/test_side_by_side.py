from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.training import Examples, TrainingSettings, train
from pipeline.learning.side_by_side import Progress, side_by_side
from tests.waiting import PATIENCE_S


def examples() -> Examples:
    shape, rng = LSTMAutoencoder().shape, np.random.default_rng(0)
    residual = rng.normal(size=(512, shape.steps, shape.channels)).astype(np.float32)
    condition = np.abs(rng.normal(size=(512, shape.steps, shape.conditions))).astype(np.float32)
    return Examples(residual, condition)


def trainings(n: int) -> list[Callable[[Progress], dict[str, bytes]]]:
    beats = examples()

    def job(seed: int) -> Callable[[Progress], dict[str, bytes]]:
        def run(report: Progress) -> dict[str, bytes]:
            fit = train([beats], [], settings=TrainingSettings(epochs=2, seed=seed), progress=report)
            return {name: value.numpy().tobytes() for name, value in fit.network.state_dict().items()}

        return run

    return [job(seed) for seed in range(n)]


def test_trainings_side_by_side_give_the_bits_of_one_after_the_other() -> None:
    told: list[float] = []
    alone = side_by_side(trainings(4), workers=1)
    together = side_by_side(trainings(4), workers=3, progress=lambda share, _loss: told.append(share))
    assert together == alone
    assert len({weights["readout.weight"] for weights in together}) == 4  # each with a seed of its own
    assert told == sorted(told)
    assert 0.0 < told[0] < 0.2
    assert told[-1] == 1.0


def test_one_that_fails_stops_the_others() -> None:
    begun, ended = threading.Event(), threading.Event()

    def fails(_report: Progress) -> None:
        assert begun.wait(PATIENCE_S)
        raise ValueError("no beats")

    def goes_on(report: Progress) -> None:
        begun.set()
        try:
            for step in range(10_000_000):
                report(step, 10_000_000, 0.0)
        finally:
            ended.set()

    def never(_report: Progress) -> None:
        raise AssertionError("it was not to begin")

    with pytest.raises(ValueError, match="no beats"):
        side_by_side([fails, goes_on, never], workers=2)
    assert ended.is_set()
