from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.detection import training as module
from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.networks import NETWORKS
from pipeline.detection.optimisation import OPTIMIZERS, SCHEDULES
from pipeline.detection.reading import LEADS, Shape
from pipeline.detection.torch_forward import one_thread
from pipeline.detection.training import CUT, Examples, Fit, TrainingSettings, _vary, train

pytestmark = pytest.mark.slow

SHAPE = Shape(hidden=8, latent=3)
SMALL = TrainingSettings(epochs=3, batch=64, seed=3)
Weights = dict[str, torch.Tensor]


def beats(n: int, seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    condition = rng.normal(size=(n, SHAPE.steps, SHAPE.conditions)).astype(np.float32)
    condition[..., -LEADS:] = 1.0
    return Examples(rng.normal(size=(n, 1, 1)).astype(np.float32) * condition[..., : SHAPE.channels], condition)


def fitted(kind: str = "autoencoder", settings: TrainingSettings = SMALL, checkpoint: Path | None = None) -> Fit:
    return train([beats(300, 0)], [beats(100, 1)], kind=kind, shape=SHAPE, settings=settings, checkpoint=checkpoint)


def same(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@one_thread()
def shipped_training(part: Examples, settings: TrainingSettings) -> Weights:
    """The training of the weights that ship, in one plain loop without options."""
    generator = torch.Generator().manual_seed(settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = LSTMAutoencoder(SHAPE)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=1e-4)
    per_epoch = len(part.residual) // settings.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=settings.epochs * per_epoch + 1)
    residual, condition = torch.from_numpy(part.residual), torch.from_numpy(part.condition)
    for _ in range(settings.epochs):
        order = torch.randperm(len(residual), generator=generator)
        for step in range(per_epoch):
            chosen = order[step * settings.batch : (step + 1) * settings.batch]
            x, known, weight = _vary(
                residual[chosen].clamp(-CUT, CUT), condition[chosen], SHAPE, settings, generator
            )  # fmt: skip
            noisy = x + 0.5 * weight * torch.randn(x.shape, generator=generator)
            rebuilt = network(noisy, known, torch.randn(len(x), SHAPE.latent, generator=generator))
            loss = ((rebuilt - x).abs() * weight).sum() / weight.sum()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return network.state_dict()


def test_the_defaults_are_the_training_of_the_weights_that_ship() -> None:
    part = beats(300, 0)
    assert same(train([part], shape=SHAPE, settings=SMALL).network.state_dict(), shipped_training(part, SMALL))


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("standardise", [False, True])
def test_a_stopped_training_goes_on_with_the_same_result(tmp_path: Path, kind: str, standardise: bool) -> None:
    settings = replace(SMALL, standardise=standardise)
    whole = fitted(kind, settings)
    file = tmp_path / "folder" / "fold.safetensors"

    def stop(step: int, _steps: int, _loss: float) -> None:
        if step == 6:  # in the middle of the second pass
            raise KeyboardInterrupt

    parts = ([beats(300, 0)], [beats(100, 1)])
    with pytest.raises(KeyboardInterrupt):
        train(*parts, kind=kind, shape=SHAPE, settings=settings, checkpoint=file, progress=stop)
    seen: list[int] = []
    rest = train(
        *parts, kind=kind, shape=SHAPE, settings=settings, checkpoint=file, progress=lambda step, *_: seen.append(step)
    )
    assert same(rest.network.state_dict(), whole.network.state_dict())
    assert (rest.training_loss, rest.validation_loss) == (whole.training_loss, whole.validation_loss)
    assert seen[0] == 5  # the first pass was not made again


def test_a_finished_training_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fitted(checkpoint=tmp_path / "fold.safetensors")
    monkeypatch.setattr(module.Trainer, "_pass", lambda *_: pytest.fail("a pass was made"))
    again = fitted(checkpoint=tmp_path / "fold.safetensors")
    assert same(again.network.state_dict(), first.network.state_dict())


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(b"garbage"), lambda path: path.write_bytes(b"")])
def test_a_damaged_checkpoint_costs_time_and_no_result(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    file = tmp_path / "fold.safetensors"
    first = fitted(checkpoint=file)
    spoil(file)
    assert same(fitted(checkpoint=file).network.state_dict(), first.network.state_dict())


def test_a_checkpoint_of_another_training_is_not_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "fold.safetensors"
    fitted(checkpoint=file)
    other = replace(SMALL, learning_rate=1e-2)
    assert same(
        fitted(settings=other, checkpoint=file).network.state_dict(), fitted(settings=other).network.state_dict()
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_optimizer_and_schedule_learns(optimizer: str, schedule: str) -> None:
    settings = replace(SMALL, epochs=15, optimizer=optimizer, schedule=schedule, noise=0.1, blur=0.1)
    fit = train([beats(600, 0)], shape=SHAPE, settings=settings)
    assert fit.training_loss[-1] < 0.97 * fit.training_loss[0]


@pytest.mark.parametrize("kind", NETWORKS)
def test_standardising_is_folded_into_the_weights(kind: str) -> None:
    # Conditions far from 0 and of another scale: the network that comes out reads them raw, as well as it learnt to.
    def shifted(part: Examples) -> Examples:
        condition = part.condition.copy()
        condition[..., :-LEADS] = 20.0 + 7.0 * condition[..., :-LEADS]
        return Examples(part.residual, condition)

    settings = replace(SMALL, epochs=10, standardise=True)
    held_out = [shifted(beats(100, 1))]
    fit = train([shifted(beats(600, 0))], held_out, kind=kind, shape=SHAPE, settings=settings)
    assert module.validation_loss(fit.network, held_out) == pytest.approx(min(fit.validation_loss), rel=1e-4)
    assert not any(m._forward_pre_hooks for m in fit.network.modules())


def test_a_clipped_gradient_takes_other_steps_than_a_free_one() -> None:
    free, clipped = (fitted(settings=replace(SMALL, clip=clip)) for clip in (0.0, 1e-3))
    assert not same(free.network.state_dict(), clipped.network.state_dict())


@pytest.mark.parametrize(("wrong", "named"), [({"optimizer": "sgd"}, "'sgd'"), ({"schedule": "stairs"}, "'stairs'")])
def test_an_unknown_setting_is_named(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        fitted(settings=TrainingSettings(**{"batch": 64, **wrong}))  # type: ignore[arg-type]  # one of each type


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="'oracle'"):
        fitted(kind="oracle")
