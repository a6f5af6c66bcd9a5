"""What surrounds the QRS: the noise before and after it, and the P wave, each against the patient's usual level.

A beat under muscle or electrode noise is as far from its template as a strange one, but its surroundings are rough as
well, which those of a strange beat are not. And a premature atrial beat looks usual but for its P wave.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit_helper

__all__ = ["LEVELS", "NOISE_AFTER", "NOISE_BEFORE", "P_WAVE", "follow_levels", "measure_levels"]

# Levels, in logs: mean absolute second difference before and after the QRS, and deviation where the P wave lies.
NOISE_BEFORE, NOISE_AFTER, P_WAVE = range(3)
COUNT = 3  # beats that the usual levels were learnt from
LEVELS = 4  # values that are carried for a lead

# Samples of the window, at 180 Hz: R - 60 to R - 22, R + 30 to R + 50, and R - 56 to R - 14.
BEFORE, AFTER, P_REGION = (0, 38), (90, 110), (4, 46)
RATE = 0.02  # how fast a usual level follows


@jit_helper
def roughness(x: NDArray[np.float64], first: int, stop: int) -> float:
    """Return the log of the mean absolute second difference of ``x[first:stop]``."""
    total = 0.0
    for j in range(first + 1, stop - 1):
        total += abs(x[j - 1] - 2.0 * x[j] + x[j + 1])
    return float(np.log(total / (stop - first - 2) + 1e-3))


@jit_helper
def measure_levels(
    residual: NDArray[np.float64], usual: NDArray[np.float64], level: NDArray[np.float64], excess: NDArray[np.float32]
) -> None:
    """Write the levels of a residual, shape (samples,), and by how much they pass the usual ones; 0 if unknown."""
    level[NOISE_BEFORE] = roughness(residual, BEFORE[0], BEFORE[1])
    level[NOISE_AFTER] = roughness(residual, AFTER[0], AFTER[1])
    mean, square, size = 0.0, 0.0, P_REGION[1] - P_REGION[0]
    for j in range(P_REGION[0], P_REGION[1]):
        mean += residual[j]
    mean /= size
    for j in range(P_REGION[0], P_REGION[1]):
        square += (residual[j] - mean) * (residual[j] - mean)
    level[P_WAVE] = 0.5 * np.log(square / size + 1e-6)
    for k in range(COUNT):
        excess[k] = level[k] - usual[k] if usual[COUNT] > 0 else 0.0


@jit_helper
def follow_levels(level: NDArray[np.float64], usual: NDArray[np.float64]) -> None:
    """Let the usual levels of a lead follow those of a usual beat."""
    usual[COUNT] += 1.0
    rate = max(RATE, 1.0 / usual[COUNT])
    for k in range(COUNT):
        usual[k] += rate * (level[k] - usual[k])
