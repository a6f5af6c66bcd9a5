"""Train the sequence network on records in which rhythms have been written."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, logsigmoid, softplus

from pipeline.detection.checkpoint import optimizer_tensors, read_checkpoint, restore_optimizer, write_checkpoint
from pipeline.detection.sequence.ectopy import SequenceBeats, write_rhythms
from pipeline.detection.sequence.heads import SequenceShape
from pipeline.detection.sequence.network import SequenceNetwork, SequenceOutput
from pipeline.detection.sequence.tokens import tokens_of
from pipeline.detection.torch_forward import DRAWING, one_thread

__all__ = ["SequenceSettings", "log_density", "train_sequence"]

FIRST = 12  # beats of a piece that are read and not learnt: the state has still to find its way
SHORTEST = 80  # beats of a piece
LEAST_LOG = -6.0  # an interval that is less likely counts as this: one mistake shall not steer the fit
LEAST_SCALE = -5.5  # log scale of a logistic distribution


@dataclass(frozen=True, slots=True)
class SequenceSettings:
    """How the sequence network is trained.

    Attributes
    ----------
    passes : int
        Times that each record is read, each time with other rhythms written in.
    piece : int
        Beats that gradients reach back at the most.
    batch : int
        Pieces a step.
    learning_rate : float
        The highest; it rises and falls once.
    weight_decay : float
        Share of the weights that is taken off in each step.
    rate : float
        Deviation of the log factor that a record's intervals are multiplied by.
    of_interval, of_state : float
        Weights of the two other tasks beside a beat's class: its interval, and the rhythm.
    seed : int
        Seed of weights, rhythms and order.
    """

    passes: int = 120
    piece: int = 512
    batch: int = 8
    learning_rate: float = 5e-3
    weight_decay: float = 1e-4
    rate: float = 0.12
    of_interval: float = 0.1
    of_state: float = 0.2
    seed: int = 0


def train_sequence(
    records: Sequence[SequenceBeats],
    *,
    shape: SequenceShape | None = None,
    settings: SequenceSettings | None = None,
    progress: Callable[[int, int, float], None] | None = None,
    checkpoint: Path | None = None,
    network: type[SequenceNetwork] = SequenceNetwork,
) -> SequenceNetwork:
    """Fit a sequence network; the same records, settings and processor give the same weights.

    Parameters
    ----------
    records : sequence of SequenceBeats
        What is learnt from.
    shape : SequenceShape, optional
        Sizes of the network.
    settings : SequenceSettings, optional
        How to train.
    progress : callable, optional
        Called after each step with the step, the number of steps and the loss.
    checkpoint : Path, optional
        A file in which the training keeps where it stands. If it tells of just this training, that goes on from there,
        and gives the weights that it would have given unstopped.
    network : type
        What is fitted: the sequence network, or one that remembers in another way.

    Raises
    ------
    ValueError
        If all records are too short.
    """
    return _Trainer(records, shape, settings or SequenceSettings(), checkpoint, network).run(progress)


class _Trainer:
    """One training; its place is kept after every reading of the records."""

    def __init__(
        self,
        records: Sequence[SequenceBeats],
        shape: SequenceShape | None,
        how: SequenceSettings,
        checkpoint: Path | None,
        network: type[SequenceNetwork],
    ) -> None:
        self._records, self._how, self._checkpoint = records, how, checkpoint
        self._rng = np.random.default_rng(how.seed)
        if not any(len(record) >= SHORTEST for record in records):
            raise ValueError(f"no record has {SHORTEST} beats: a sequence network learns from longer ones")
        with DRAWING, torch.random.fork_rng(devices=[]):
            torch.manual_seed(how.seed)
            self._network = network(shape).train()
        pieces = sum(max(1, round(len(record) / how.piece)) for record in records)
        self._steps = how.passes * max(1, pieces // how.batch)
        self._optimizer = torch.optim.AdamW(
            self._network.parameters(), lr=how.learning_rate, weight_decay=how.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, how.learning_rate, total_steps=self._steps + 1, pct_start=0.2
        )
        self._done = 0
        self._about = self._fingerprint(shape) if checkpoint is not None else ""
        if checkpoint is not None:
            self._resume(checkpoint)

    @one_thread()
    def run(self, progress: Callable[[int, int, float], None] | None) -> SequenceNetwork:
        how = self._how
        while self._done < self._steps:
            pieces = _pieces(self._records, how, self._rng)
            for first in range(0, max(1, len(pieces) - how.batch + 1), how.batch):
                if self._done == self._steps:
                    break
                loss = _loss(self._network, pieces[first : first + how.batch], how)
                self._optimizer.zero_grad()
                torch.autograd.backward(loss)
                nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
                self._optimizer.step()
                self._schedule.step()
                self._done += 1
                if progress is not None:
                    progress(self._done, self._steps, float(loss.detach()))
            if self._checkpoint is not None:
                self._keep(self._checkpoint)
        return self._network.eval()

    def _fingerprint(self, shape: SequenceShape | None) -> str:
        digest = hashlib.blake2b(repr((shape, self._how)).encode())
        for record in self._records:
            for name in record.__slots__:
                digest.update(np.ascontiguousarray(getattr(record, name)).data)
        return digest.hexdigest()

    def _keep(self, path: Path) -> None:
        state, groups = optimizer_tensors(self._optimizer)
        tensors = {"network": self._network.state_dict(), "optimizer": state}
        chance = self._rng.bit_generator.state
        facts = {"done": self._done, "groups": groups, "schedule": self._schedule.state_dict(), "chance": chance}
        write_checkpoint(path, self._about, tensors, facts)

    def _resume(self, path: Path) -> None:
        found = read_checkpoint(path, self._about)
        if found is None:
            return
        tensors, facts = found
        self._network.load_state_dict(tensors["network"])
        restore_optimizer(self._optimizer, tensors["optimizer"], facts["groups"])
        self._schedule.load_state_dict(facts["schedule"])
        self._rng.bit_generator.state = facts["chance"]
        self._done = facts["done"]


_Piece = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]


def _pieces(records: Sequence[SequenceBeats], how: SequenceSettings, rng: np.random.Generator) -> list[_Piece]:
    """Write rhythms into every record and cut it: tokens, made classes, normal beats, states."""
    out = []
    for k in rng.permutation(len(records)):
        beats = write_rhythms(records[k], rng)
        rr = beats.rr * math.exp(rng.normal(0.0, how.rate))
        token = tokens_of(rr, beats.shape, beats.p_wave, beats.noise)
        first = int(rng.integers(how.piece // 2)) + how.piece // 2 if len(beats) > how.piece else how.piece
        cuts = [0, *range(first, len(beats), how.piece), len(beats)]
        for start, stop in pairwise(cuts):
            if stop - start >= SHORTEST:
                at = slice(start, stop)
                out.append((token[at], beats.made[at], beats.normal[at], beats.state[at]))
    return [out[k] for k in rng.permutation(len(out))]


def _loss(network: SequenceNetwork, pieces: Sequence[_Piece], how: SequenceSettings) -> Tensor:
    def together(column: int, filling: float = 0.0) -> Tensor:
        parts = [torch.from_numpy(np.ascontiguousarray(piece[column])) for piece in pieces]
        return nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=filling)

    token, made, normal, state = together(0), together(1), together(2).float(), together(3, -1.0)
    told: SequenceOutput = network(token)
    learnt = ((made > 0) | (normal > 0)).float()
    learnt[:, :FIRST], normal[:, :FIRST], state[:, :FIRST] = 0.0, 0.0, -1
    classes = cross_entropy(told.classes.transpose(1, 2), made, reduction="none")
    loss = (classes * learnt).sum() / learnt.sum().clamp(min=1.0)
    likely = log_density(told.interval, -0.5 * token[..., 0]).clamp(min=LEAST_LOG)
    loss = loss - how.of_interval * (likely * normal).sum() / normal.sum().clamp(min=1.0)
    if (state >= 0).any():
        loss = loss + how.of_state * cross_entropy(told.states.flatten(0, 1), state.flatten(), ignore_index=-1)
    return loss


def log_density(interval: Tensor, x: Tensor) -> Tensor:
    """Return the log density of ``x`` under mixtures of logistics as :class:`SequenceOutput` has them."""
    weight, place, log_scale = interval.chunk(3, dim=-1)
    log_scale = log_scale.clamp(LEAST_SCALE + 1.0, 2.0) - 1.0
    z = (x[..., None] - place) * torch.exp(-log_scale)
    return torch.logsumexp(torch.log_softmax(weight, -1) + logsigmoid(z) - softplus(z) - log_scale, -1)
