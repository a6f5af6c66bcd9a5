"""Whether a beat is as wide as those that begin in a ventricle, and unlike the patient's own, from its shape alone.

A beat that does not use the conduction system takes its time: its slopes are gentle for its size, and it differs from
the patient's own beat, which may be narrow, aberrant or paced. Both are told from the window of the beat, whatever the
score.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit_helper

__all__ = ["likeness_of", "wide_odds", "width_of"]

R_PEAK = 60  # where it lies in the window
HALF = 27  # samples on either side of it: 0.15 s
TINY = 1e-9
# A logistic regression on the anomalous beats of DS1: ventricular against supraventricular and normal ones.
LIKENESS, WIDTH, BIAS = 1.72, 4.41, -2.54


@jit_helper
def likeness_of(x: NDArray[np.float32], own: NDArray[np.float32]) -> float:
    """Return the correlation of a beat's QRS with the patient's own, both as windows around their R peaks."""
    first, stop = R_PEAK - HALF, R_PEAK + HALF + 1
    mean = own_mean = 0.0
    for j in range(first, stop):
        mean += x[j]
        own_mean += own[j]
    mean, own_mean = mean / (stop - first), own_mean / (stop - first)
    both = square = own_square = 0.0
    for j in range(first, stop):
        a, b = x[j] - mean, own[j] - own_mean
        both += a * b
        square += a * a
        own_square += b * b
    return float(both / np.sqrt(square * own_square + TINY))


@jit_helper
def width_of(x: NDArray[np.float32]) -> float:
    """Return the log of a QRS's deviation over that of its slope, in samples."""
    first, stop = R_PEAK - HALF, R_PEAK + HALF + 1
    mean = 0.0
    for j in range(first, stop):
        mean += x[j]
    mean /= stop - first
    square = slope = 0.0
    for j in range(first, stop):
        square += (x[j] - mean) ** 2
        if j > first:
            slope += (x[j] - x[j - 1]) ** 2
    return float(0.5 * np.log((square + TINY) / (slope + TINY)))


def wide_odds(likeness: NDArray[np.float64], width: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log odds that beats are ventricular by their shape; 0 where nothing is known."""
    # One by one: a chunk brings a beat or none, and the bits must not depend on how many.
    return np.array([_odds(*one) for one in zip(likeness.tolist(), width.tolist(), strict=True)])


def _odds(likeness: float, width: float) -> float:
    if math.isnan(likeness) or math.isnan(width):
        return 0.0
    return LIKENESS * math.log(1.02 - min(likeness, 1.0)) + WIDTH * width + BIAS
