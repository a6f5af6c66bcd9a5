from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.detection.reading import LEADS, Shape
from pipeline.detection.training import Examples, TrainingSettings, train, validation_loss

pytestmark = pytest.mark.slow

SHAPE = Shape(hidden=8, latent=3)
SMALL = TrainingSettings(epochs=3, batch=64, seed=3)


def beats(n: int, seed: int) -> Examples:
    """Residuals that are a random multiple of what is known of the beat: one number rebuilds a beat."""
    rng = np.random.default_rng(seed)
    condition = rng.normal(size=(n, SHAPE.steps, SHAPE.conditions)).astype(np.float32)
    condition[..., -LEADS:] = 1.0
    residual = rng.normal(size=(n, 1, 1)).astype(np.float32) * condition[..., : SHAPE.channels]
    return Examples(residual, condition)


def test_the_same_seed_gives_the_same_weights_whatever_the_threads() -> None:
    before = torch.get_num_threads()
    fits = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        fits.append(train([beats(300, 0)], shape=SHAPE, settings=SMALL))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    first, second = (fit.network.state_dict() for fit in fits)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert fits[0].training_loss == fits[1].training_loss


def test_another_seed_gives_other_weights() -> None:
    a = train([beats(300, 0)], shape=SHAPE, settings=SMALL).network.state_dict()
    b = train([beats(300, 0)], shape=SHAPE, settings=TrainingSettings(epochs=3, batch=64, seed=4)).network.state_dict()
    assert not torch.equal(a["readout.weight"], b["readout.weight"])


def test_training_lowers_the_loss() -> None:
    fit = train([beats(2000, 0)], shape=SHAPE, settings=TrainingSettings(epochs=40, batch=64, noise=0.1, blur=0.1))
    assert fit.training_loss[-1] < 0.75 * fit.training_loss[0]


def test_the_best_pass_is_kept() -> None:
    held_out = [beats(200, 1)]
    fit = train([beats(600, 0)], held_out, shape=SHAPE, settings=TrainingSettings(epochs=6, batch=64, patience=1))
    assert validation_loss(fit.network, held_out) == pytest.approx(min(fit.validation_loss), rel=1e-6)


def test_training_stops_when_patience_ends() -> None:
    rng = np.random.default_rng(2)
    noise = [
        Examples(rng.normal(size=part.residual.shape).astype(np.float32), part.condition) for part in [beats(80, 5)]
    ]
    settings = TrainingSettings(epochs=40, batch=64, patience=1, learning_rate=0.05)
    fit = train([beats(128, 0)], noise, shape=SHAPE, settings=settings)
    assert len(fit.validation_loss) < 40


def test_too_few_beats_are_named() -> None:
    with pytest.raises(ValueError, match="10 beats"):
        train([beats(10, 0)], shape=SHAPE, settings=SMALL)
