"""What every network of the project reads, so that one scorer serves them all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.context import QRS
from pipeline.detection.contextual import ContextualBeats
from pipeline.jit import jit

__all__ = ["LEADS", "Shape", "inputs"]

LEADS = 2  # places for leads; a missing one is zero and marked
EARLIEST = 0.15  # log ratio of intervals: whether a beat is earlier still tells nothing of its normal shape
LIMIT = np.float32(20.0)  # residuals beyond so many units of noise are as strange as they get
LEAST_NOISE, THREE = np.float32(1e-3), np.float32(3.0)
FIRST = QRS.start  # sample of the window that the first step begins with


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
    n = len(beats)
    residual = np.zeros((n, shape.steps, shape.channels), dtype=np.float32)
    condition = np.zeros((n, shape.steps, shape.conditions), dtype=np.float32)
    _lay_out(
        beats.residual, beats.template, beats.noise, beats.recent, beats.present, beats.prematurity, shape.step,
        residual, condition,
    )  # fmt: skip
    return residual, condition


@jit
def _lay_out(
    residuals: NDArray[np.float32],
    templates: NDArray[np.float32],
    noises: NDArray[np.float32],
    recents: NDArray[np.float32],
    present: NDArray[np.bool_],
    prematurity: NDArray[np.float64],
    step: int,
    residual: NDArray[np.float32],
    condition: NDArray[np.float32],
) -> None:
    n, steps, channels = residual.shape
    leads, last = min(present.shape[1], LEADS), templates.shape[2] - 1
    for i in range(n):
        early = prematurity[i] / EARLIEST if np.isfinite(prematurity[i]) else 0.0
        for t in range(steps):
            row = condition[i, t]
            row[3 * channels] = 2.0 * t / (steps - 1) - 1.0  # place in the beat
            row[3 * channels + 1] = min(max(early, -1.0), 1.0)
            for lead in range(leads):
                row[3 * channels + 2 + lead] = 1.0 if present[i, lead] else 0.0
        for lead in range(leads):
            if not present[i, lead]:
                continue
            template, noise = templates[i, lead], noises[i, lead]
            for j in range(steps * step):
                at, t, column = FIRST + j, j // step, lead * step + j % step
                unit = max(noise[at], LEAST_NOISE)
                before, after = max(at - 1, 0), min(at + 1, last)
                slope = (template[after] - template[before]) / np.float32(after - before)
                residual[i, t, column] = min(max(residuals[i, lead, at], -LIMIT), LIMIT)
                condition[i, t, column] = np.arcsinh(template[at] / (THREE * unit))
                condition[i, t, channels + column] = np.arcsinh(slope / unit)
                condition[i, t, 2 * channels + column] = recents[i, lead, at]
