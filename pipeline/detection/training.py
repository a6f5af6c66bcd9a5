"""Train the autoencoder on beats in context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.detection.network import LEADS, LSTMAutoencoder, Shape, one_thread

__all__ = ["Examples", "Fit", "TrainingSettings", "train"]

CUT = 8.0  # residuals are cut off at so many units of noise: an anomaly shall not steer the fit


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What the network reads of one record's beats, see :func:`pipeline.detection.network.inputs`."""

    residual: NDArray[np.float32]
    condition: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How the network is trained.

    Attributes
    ----------
    epochs : int
        Passes over the beats at the most.
    patience : int
        Passes without a lower validation loss after which training stops.
    batch : int
        Beats a step.
    learning_rate : float
        Peak of a one-cycle schedule.
    noise : float
        Deviation of the noise added to the residuals, in their own units: the network has to denoise.
    blur : float
        Deviation of the noise added to the latent vector, whose values lie between -1 and 1.
    drop_lead, swap_leads : float
        Share of beats that lose one lead, and whose leads change places: other databases have other leads.
    seed : int
        Seed of weights, order, noise and lead changes.
    """

    epochs: int = 6
    patience: int = 2
    batch: int = 256
    learning_rate: float = 3e-3
    noise: float = 0.5
    blur: float = 1.0
    drop_lead: float = 0.2
    swap_leads: float = 0.3
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A trained network, with its losses a pass: mean absolute error in units of the patient's noise."""

    network: LSTMAutoencoder
    training_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]


@one_thread()
def train(
    training: Sequence[Examples],
    validation: Sequence[Examples] = (),
    *,
    shape: Shape | None = None,
    settings: TrainingSettings | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Fit:
    """Fit an autoencoder to beats, unlabelled; with validation records, stop early and keep the best pass.

    Parameters
    ----------
    training, validation : sequence of Examples
        Beats of the records that are learnt, and of those that decide when to stop.
    shape : Shape, optional
        Sizes of the network.
    settings : TrainingSettings, optional
        How to train.
    progress : callable, optional
        Called after each step with the step, the number of steps and the loss.

    Raises
    ------
    ValueError
        If there are fewer beats than one batch.
    """
    shape, settings = shape or Shape(), settings or TrainingSettings()
    residual = torch.from_numpy(np.concatenate([part.residual for part in training]))
    condition = torch.from_numpy(np.concatenate([part.condition for part in training]))
    if len(residual) < settings.batch:
        raise ValueError(f"{len(residual)} beats are fewer than one batch of {settings.batch}")
    generator = torch.Generator().manual_seed(settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = LSTMAutoencoder(shape)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=1e-4)
    per_epoch = len(residual) // settings.batch
    total = settings.epochs * per_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=total + 1)
    losses: list[float] = []
    held_out: list[float] = []
    best, best_weights = float("inf"), network.state_dict()
    for epoch in range(settings.epochs):
        order = torch.randperm(len(residual), generator=generator)
        network.train()
        running = 0.0
        for step in range(per_epoch):
            chosen = order[step * settings.batch : (step + 1) * settings.batch]
            x, known, weight = _vary(residual[chosen].clamp(-CUT, CUT), condition[chosen], shape, settings, generator)
            noisy = x + settings.noise * weight * torch.randn(x.shape, generator=generator)
            blur = settings.blur * torch.randn(len(x), shape.latent, generator=generator)
            rebuilt = network(noisy, known, blur)
            loss = ((rebuilt - x).abs() * weight).sum() / weight.sum()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            running += float(loss.detach())
            if progress is not None:
                progress(epoch * per_epoch + step + 1, total, float(loss.detach()))
        losses.append(running / per_epoch)
        if validation:
            held_out.append(validation_loss(network.eval(), validation))
            if held_out[-1] < best:
                best = held_out[-1]
                best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
            elif len(held_out) - 1 - int(np.argmin(held_out)) >= settings.patience:
                break
    if validation:
        network.load_state_dict(best_weights)
    return Fit(network.eval(), tuple(losses), tuple(held_out))


def validation_loss(network: LSTMAutoencoder, records: Sequence[Examples]) -> float:
    """Return the mean absolute error of the leads that are there, every record counting the same."""
    values = []
    for part in records:
        rebuilt = network.run(part.residual, part.condition)
        there = part.condition[:, :1, -LEADS:].repeat(network.shape.step, axis=2)
        error = np.abs(np.clip(part.residual, -CUT, CUT) - rebuilt) * there
        values.append(float(error.sum() / (there.sum() * network.shape.steps)))
    return float(np.mean(values))


def _vary(
    x: Tensor, condition: Tensor, shape: Shape, settings: TrainingSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Swap the leads of some beats and take one lead from others; return the weight of each value as well."""
    n, step, channels = len(x), shape.step, shape.channels
    condition = condition.clone()
    swap = torch.rand(n, generator=generator) < settings.swap_leads
    half = torch.arange(channels).roll(step)
    place = 3 * channels  # then how early the beat comes, then which leads are there
    columns = torch.cat([half, channels + half, 2 * channels + half, place + torch.tensor([0, 1, 3, 2])])
    x = torch.where(swap[:, None, None], x[..., half], x)
    condition = torch.where(swap[:, None, None], condition[..., columns], condition)
    drop = torch.rand(n, generator=generator) < settings.drop_lead
    lead = torch.randint(LEADS, (n,), generator=generator)
    both = condition[:, 0, -LEADS:].sum(dim=1) == LEADS  # never the only one
    keep = torch.ones(n, LEADS)
    keep[torch.arange(n), lead] = torch.where(drop & both, 0.0, 1.0)
    values = keep.repeat_interleave(step, dim=1)[:, None, :]
    mask = torch.cat([values, values, values, torch.ones(n, 1, 2), keep[:, None, :]], dim=2)
    condition = condition * mask
    weight = condition[..., -LEADS:].repeat_interleave(step, dim=2)
    return x * values, condition, weight
