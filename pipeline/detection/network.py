"""The LSTM autoencoder in torch, and what goes into it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from pipeline.detection.context import QRS
from pipeline.detection.contextual import ContextualBeats
from pipeline.errors import ModelError

__all__ = ["BLOCK", "LEADS", "LSTMAutoencoder", "Shape", "inputs", "load_model", "one_thread", "save_model"]

LEADS = 2  # places for leads; a missing one is zero and marked
BLOCK = 32  # beats per forward pass, always: the same beat gets the same bits whatever stands beside it
EARLIEST = 0.15  # log ratio of intervals: whether a beat is earlier still tells nothing of its normal shape
LIMIT = 20.0  # residuals beyond so many units of noise are as strange as they get
FORMAT = "ecg-anomaly-2"


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network.

    Attributes
    ----------
    step : int
        Samples that form one time step; 4 at 180 Hz are 22 ms.
    hidden, latent : int
        Units of each LSTM, and of the bottleneck between them.
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


class LSTMAutoencoder(nn.Module):
    """Rebuild the residual of a beat against the patient's usual beat, knowing that usual beat.

    The encoder reads the residual and what is known of the patient, step by step, into a small latent vector; the
    decoder, which knows the same, turns it back into a residual. What variation a normal heart shows around its usual
    beat (amplitude with respiration, small shifts, the QT interval) is foreseen from what is known or fits through
    the bottleneck; what does not is the reconstruction error. The latent vector is bounded, and blurred in training,
    so that it holds a few bits and no strange beat.

    Parameters
    ----------
    shape : Shape
        Sizes of the network.
    """

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape or Shape()
        s = self.shape
        self.encoder = nn.LSTM(s.channels + s.conditions, s.hidden, batch_first=True)
        self.bottleneck = nn.Linear(s.hidden, s.latent)
        self.decoder = nn.LSTM(s.latent + s.conditions, s.hidden, batch_first=True)
        self.readout = nn.Linear(s.hidden, s.channels)

    def forward(self, residual: Tensor, condition: Tensor, blur: Tensor | None = None) -> Tensor:
        """Rebuild residuals.

        Parameters
        ----------
        residual : Tensor, shape (n, steps, channels)
            Residuals in units of the patient's noise.
        condition : Tensor, shape (n, steps, conditions)
            What is known of the patient's usual beat.
        blur : Tensor, shape (n, latent), optional
            Added to the latent vector, in training.

        Returns
        -------
        Tensor, shape (n, steps, channels)
            The residual as far as it is normal variation.
        """
        squashed = 3.0 * torch.asinh(residual / 3.0)
        encoded, _ = self.encoder(torch.cat([squashed, condition], -1))
        latent = torch.tanh(self.bottleneck(encoded[:, -1]))
        if blur is not None:
            latent = latent + blur
        repeated = latent[:, None].expand(-1, residual.shape[1], -1)
        decoded, _ = self.decoder(torch.cat([repeated, condition], -1))
        return cast(Tensor, self.readout(decoded))

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


def save_model(path: Path, network: LSTMAutoencoder, facts: Mapping[str, Any]) -> None:
    """Write weights and facts (calibration, figures, seed) as one safetensors file, whole or not at all."""
    tensors = {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}
    metadata = {
        "format": FORMAT,
        "shape": json.dumps(asdict(network.shape)),
        "facts": json.dumps(facts, sort_keys=True),
    }
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(save(tensors, metadata=metadata))
    temporary.replace(path)


def load_model(path: Path) -> tuple[LSTMAutoencoder, dict[str, Any]]:
    """Read what :func:`save_model` wrote.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or of another version.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except FileNotFoundError as error:
        raise ModelError(f"no model at {path}: train one with `ecg-anomaly train`") from error
    except (SafetensorError, OSError) as error:
        raise ModelError(f"model {path} is damaged ({error}): fetch it again or train one") from error
    if metadata.get("format") != FORMAT:
        raise ModelError(f"model {path} has format {metadata.get('format')!r}, this version reads {FORMAT!r}")
    network = LSTMAutoencoder(Shape(**json.loads(metadata["shape"])))
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ModelError(f"model {path} does not fit its own description: {error}") from error
    return network.eval(), cast(dict[str, Any], json.loads(metadata["facts"]))
