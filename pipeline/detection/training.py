"""Train a network on beats in context."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.detection.checkpoint import optimizer_tensors, read_checkpoint, restore_optimizer, write_checkpoint
from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.network import BeatNetwork
from pipeline.detection.networks import NETWORKS
from pipeline.detection.optimisation import optimizer_of, schedule_of
from pipeline.detection.reading import LEADS, Shape
from pipeline.detection.standardise import standardised
from pipeline.detection.torch_forward import DRAWING, one_thread

__all__ = ["Examples", "Fit", "TrainingSettings", "train"]

CUT = 8.0  # residuals are cut off at so many units of noise: an anomaly shall not steer the fit


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What the network reads of one record's beats, see :func:`pipeline.detection.reading.inputs`."""

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
        The highest that the schedule comes to.
    optimizer : str
        A key of :data:`pipeline.detection.optimisation.OPTIMIZERS`.
    schedule : str
        One of :data:`pipeline.detection.optimisation.SCHEDULES`.
    weight_decay : float
        Share of the weights (adamw), or of their gradient (adam, rmsprop), that is taken off in each step.
    clip : float
        Norm that the gradient is cut down to; 0 for none.
    standardise : bool
        Whether what is known of a beat is standardised as it is read, see :func:`standardised`.
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
    optimizer: str = "adamw"
    schedule: str = "onecycle"
    weight_decay: float = 1e-4
    clip: float = 1.0
    standardise: bool = False
    noise: float = 0.5
    blur: float = 1.0
    drop_lead: float = 0.2
    swap_leads: float = 0.3
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A trained network, with its losses a pass: mean absolute error in units of the patient's noise."""

    network: BeatNetwork
    training_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]


def train(
    training: Sequence[Examples],
    validation: Sequence[Examples] = (),
    *,
    kind: str = LSTMAutoencoder.kind,
    shape: Shape | None = None,
    settings: TrainingSettings | None = None,
    progress: Callable[[int, int, float], None] | None = None,
    checkpoint: Path | None = None,
) -> Fit:
    """Fit a network to beats, unlabelled; with validation records, stop early and keep the best pass.

    Parameters
    ----------
    training, validation : sequence of Examples
        Beats of the records that are learnt, and of those that decide when to stop.
    kind : str
        Kind of the network, a key of :data:`pipeline.detection.networks.NETWORKS`.
    shape : Shape, optional
        Sizes of the network; by default those of its kind.
    settings : TrainingSettings, optional
        How to train.
    progress : callable, optional
        Called after each step with the step, the number of steps and the loss.
    checkpoint : Path, optional
        A file in which the training keeps where it stands after each pass. If it tells of just this training, that
        goes on from there, and gives the weights that it would have given unstopped.

    Raises
    ------
    ValueError
        If there are fewer beats than one batch, or a setting is unknown.
    """
    return Trainer(training, validation, kind=kind, shape=shape, settings=settings, checkpoint=checkpoint).run(progress)


class Trainer:
    """One training, between two passes; parameters are those of :func:`train`."""

    def __init__(
        self,
        training: Sequence[Examples],
        validation: Sequence[Examples],
        *,
        kind: str,
        shape: Shape | None,
        settings: TrainingSettings | None,
        checkpoint: Path | None,
    ) -> None:
        if kind not in NETWORKS:
            raise ValueError(f"kind {kind!r}: it is one of {', '.join(NETWORKS)}")
        self._settings = how = settings or TrainingSettings()
        self._residual = torch.from_numpy(np.concatenate([part.residual for part in training]))
        self._condition = torch.from_numpy(np.concatenate([part.condition for part in training]))
        self._validation = validation
        if len(self._residual) < how.batch:
            raise ValueError(f"{len(self._residual)} beats are fewer than one batch of {how.batch}")
        self._generator = torch.Generator().manual_seed(how.seed)
        with DRAWING, torch.random.fork_rng(devices=[]):
            torch.manual_seed(how.seed)
            self._network = NETWORKS[kind](shape)
        self._per_epoch = len(self._residual) // how.batch
        self._total = how.epochs * self._per_epoch
        self._optimizer = optimizer_of(self._network.parameters(), how)
        self._schedule = schedule_of(self._optimizer, how, self._total)
        self._losses: list[float] = []
        self._held_out: list[float] = []
        self._best_weights = self._network.state_dict()
        self._checkpoint = checkpoint
        self._about = ""
        if checkpoint is not None:
            self._about = self._fingerprint()
            self._resume(checkpoint)

    @one_thread()
    def run(self, progress: Callable[[int, int, float], None] | None = None) -> Fit:
        """Train to the end."""
        how = self._settings
        with standardised(self._network, self._condition) if how.standardise else nullcontext():
            while len(self._losses) < how.epochs and not self._stops_early():
                self._pass(progress)
                if self._checkpoint is not None:
                    self._keep(self._checkpoint)
            if self._validation:
                self._network.load_state_dict(self._best_weights)
        return Fit(self._network.eval(), tuple(self._losses), tuple(self._held_out))

    def _stops_early(self) -> bool:
        since_best = len(self._held_out) - 1 - int(np.argmin(self._held_out)) if self._held_out else 0
        return since_best >= self._settings.patience

    def _pass(self, progress: Callable[[int, int, float], None] | None) -> None:
        how, network, generator = self._settings, self._network, self._generator
        order = torch.randperm(len(self._residual), generator=generator)
        network.train()
        running = 0.0
        for step in range(self._per_epoch):
            chosen = order[step * how.batch : (step + 1) * how.batch]
            clean = self._residual[chosen].clamp(-CUT, CUT)
            x, known, weight = _vary(clean, self._condition[chosen], network.shape, how, generator)
            noisy = x + how.noise * weight * torch.randn(x.shape, generator=generator)
            rebuilt = network.practise(noisy, known, how.blur, generator)
            loss = ((rebuilt - x).abs() * weight).sum() / weight.sum()
            self._optimizer.zero_grad()
            torch.autograd.backward(loss)
            if how.clip > 0:
                nn.utils.clip_grad_norm_(network.parameters(), how.clip)
            self._optimizer.step()
            self._schedule.step()
            running += float(loss.detach())
            if progress is not None:
                progress(len(self._losses) * self._per_epoch + step + 1, self._total, float(loss.detach()))
        self._losses.append(running / self._per_epoch)
        if self._validation:
            self._held_out.append(validation_loss(network.eval(), self._validation))
            if self._held_out[-1] < min(self._held_out[:-1], default=float("inf")):
                self._best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def _fingerprint(self) -> str:
        digest = hashlib.blake2b(repr((self._network.kind, self._network.shape, self._settings)).encode())
        for part in (Examples(self._residual.numpy(), self._condition.numpy()), *self._validation):
            digest.update(np.ascontiguousarray(part.residual).data)
            digest.update(np.ascontiguousarray(part.condition).data)
        return digest.hexdigest()

    def _keep(self, path: Path) -> None:
        state, groups = optimizer_tensors(self._optimizer)
        tensors = {
            "network": self._network.state_dict(),
            "best": self._best_weights,
            "optimizer": state,
            "chance": {"state": self._generator.get_state()},
        }
        facts = {
            "losses": self._losses,
            "held_out": self._held_out,
            "groups": groups,
            "schedule": self._schedule.state_dict(),
        }
        write_checkpoint(path, self._about, tensors, facts)

    def _resume(self, path: Path) -> None:
        found = read_checkpoint(path, self._about)
        if found is None:
            return
        tensors, facts = found
        self._network.load_state_dict(tensors["network"])
        self._best_weights = tensors["best"]
        restore_optimizer(self._optimizer, tensors["optimizer"], facts["groups"])
        self._schedule.load_state_dict(facts["schedule"])
        self._generator.set_state(tensors["chance"]["state"])
        self._losses, self._held_out = facts["losses"], facts["held_out"]


def validation_loss(network: BeatNetwork, records: Sequence[Examples]) -> float:
    """Return the mean absolute error of the leads that are there, every record counting the same."""
    values, forward = [], network.frozen()
    for part in records:
        rebuilt = forward.run(part.residual, part.condition)
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
