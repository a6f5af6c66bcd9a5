"""What every network of the project reads and gives back, so that one scorer serves them all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.detection.context import QRS
from pipeline.detection.contextual import ContextualBeats

__all__ = ["BLOCK", "LEADS", "BeatNetwork", "Shape", "inputs", "one_thread"]

LEADS = 2  # places for leads; a missing one is zero and marked
BLOCK = 32  # beats per forward pass, always: the same beat gets the same bits whatever stands beside it
EARLIEST = 0.15  # log ratio of intervals: whether a beat is earlier still tells nothing of its normal shape
LIMIT = 20.0  # residuals beyond so many units of noise are as strange as they get


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network.

    Attributes
    ----------
    step : int
        Samples that form one time step; 4 at 180 Hz are 22 ms.
    hidden : int
        Units of each LSTM.
    latent : int
        Width of the bottleneck; 0 in a network that has none.
    """

    step: int = 4
    hidden: int = 40
    latent: int = 2

    @property
    def steps(self) -> int:
        """Time steps in the rebuilt part of a beat."""
        return (QRS.stop - QRS.start) // self.step

    @property
    def channels(self) -> int:
        """Values per step that are rebuilt."""
        return LEADS * self.step

    @property
    def conditions(self) -> int:
        """Values per step that are known, see :func:`inputs`."""
        return 3 * self.channels + 2 + LEADS


class BeatNetwork(nn.Module, ABC):
    """A network that says what a beat's residual against the patient's usual beat should be.

    What it does not foresee is its error, and the log of that is most of a beat's score. A subclass says how.

    Parameters
    ----------
    shape : Shape
        Sizes of the network.
    """

    kind: ClassVar[str]
    """Name of the kind, as model files state it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    @abstractmethod
    def forward(self, residual: Tensor, condition: Tensor) -> Tensor:
        """Say what residuals should be.

        Parameters
        ----------
        residual : Tensor, shape (n, steps, channels)
            Residuals in units of the patient's noise.
        condition : Tensor, shape (n, steps, conditions)
            What is known of the patient's usual beat, see :func:`inputs`.

        Returns
        -------
        Tensor, shape (n, steps, channels)
            The residual as far as it is normal variation.
        """

    @abstractmethod
    def layers(self, residual: Tensor, condition: Tensor) -> dict[str, tuple[nn.LSTM, Tensor]]:
        """Return each LSTM by name, with what it reads, shape (n, steps, size), when the network sees these beats."""

    def practise(self, residual: Tensor, condition: Tensor, blur: float, generator: torch.Generator) -> Tensor:
        """Do what :meth:`forward` does, made as much harder by ``blur`` as training asks for."""
        del blur, generator
        return self(residual, condition)  # type: ignore[no-any-return]  # a module's call is untyped

    @torch.inference_mode()
    def run(self, residual: NDArray[np.float32], condition: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rebuild residuals of any number of beats, in blocks of one size and on one thread.

        Shapes are those of :meth:`forward`. The last block is filled up with zeros, so that every product has the same
        shape and no result depends on how many beats came at once. A block is too small to share between threads.
        """
        n, s = len(residual), self.shape
        rebuilt = np.empty((n, s.steps, s.channels), dtype=np.float32)
        with one_thread():
            for start in range(0, n, BLOCK):
                stop = min(start + BLOCK, n)
                block = [np.zeros((BLOCK, s.steps, size), dtype=np.float32) for size in (s.channels, s.conditions)]
                block[0][: stop - start] = residual[start:stop]
                block[1][: stop - start] = condition[start:stop]
                out = self(torch.from_numpy(block[0]), torch.from_numpy(block[1]))
                rebuilt[start:stop] = out[: stop - start].numpy()
        return rebuilt


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: these batches gain nothing from more, and the bits of a sum depend on their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def inputs(beats: ContextualBeats, shape: Shape) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turn beats in context into what the network reads.

    Parameters
    ----------
    beats : ContextualBeats
        Beats of one or two leads.
    shape : Shape
        Sizes of the network.

    Returns
    -------
    residual : ndarray of float32, shape (n, steps, channels)
        Residuals, cut off at 20 units of noise; 0 in a lead that is not there.
    condition : ndarray of float32, shape (n, steps, conditions)
        Template and slope in units of the noise (compressed), residual of the beats just before, place in the beat,
        how early it comes, leads that are there.
    """
    n, leads = beats.present.shape
    used = min(leads, LEADS)
    there = np.zeros((n, LEADS), dtype=np.float32)
    there[:, :used] = beats.present[:, :used]
    stacks = np.zeros((4, n, LEADS, QRS.stop - QRS.start), dtype=np.float32)
    template, noise = beats.template[:, :used], np.maximum(beats.noise[:, :used], 1e-3)
    stacks[0, :, :used] = np.clip(beats.residual[:, :used, QRS], -LIMIT, LIMIT)
    stacks[1, :, :used] = np.arcsinh(template[:, :, QRS] / (3.0 * noise[:, :, QRS]))
    stacks[2, :, :used] = np.arcsinh(np.gradient(template, axis=2)[:, :, QRS] / noise[:, :, QRS])
    stacks[3, :, :used] = beats.recent[:, :used, QRS]
    stacks *= there[None, :, :, None]
    # (n, leads, samples) -> (n, steps, leads x samples of a step)
    steps = stacks.reshape(4, n, LEADS, shape.steps, shape.step).transpose(0, 1, 3, 2, 4)
    steps = steps.reshape(4, n, shape.steps, shape.channels)
    place = np.broadcast_to(np.linspace(-1, 1, shape.steps, dtype=np.float32)[None, :, None], (n, shape.steps, 1))
    early = np.clip(np.nan_to_num(beats.prematurity) / EARLIEST, -1.0, 1.0).astype(np.float32)
    of_beat = np.column_stack([early, there])
    of_beat_by_step = np.broadcast_to(of_beat[:, None, :], (n, shape.steps, 1 + LEADS))
    condition = np.concatenate([steps[1], steps[2], steps[3], place, of_beat_by_step], axis=2)
    return np.ascontiguousarray(steps[0]), np.ascontiguousarray(condition)
