"""Principal components of the learning period: what they cannot rebuild is strange."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.protocol import LEARNING_S
from pipeline.evaluation.rivals.rhythm import prematurity
from pipeline.evaluation.rivals.windows import in_own_units, learning

__all__ = ["pca"]

FIRST, LAST = 30, 105  # steps of the window: R - 30 .. R + 45 at 180 Hz
COMPONENTS = 8
RHYTHM_WEIGHT = 8.0


def pca(
    windows: NDArray[np.float32], r_peak_s: NDArray[np.float64], learning_s: float = LEARNING_S
) -> NDArray[np.float64]:
    """Return log(error of the components / its median over the learning period) + 8 x prematurity.

    The components are those of the learning period's beats, abnormal ones and all, and stay as they are. A missing
    lead counts as the mean beat.

    Parameters
    ----------
    windows : ndarray of float32, shape (n, 110, leads)
        Beats in mV at 180 Hz, R - 60 .. R + 50 samples; NaN in a lead that is missing.
    r_peak_s : ndarray, shape (n,)
        R peaks in s, ascending.
    learning_s : float
        Length of the learning period in s.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN for a beat without a lead, or without a beat in the learning period.
    """
    is_learning = learning(r_peak_s, learning_s)
    x = in_own_units(windows, is_learning)[:, FIRST:LAST]
    has_lead = ~np.isnan(x).all(axis=(1, 2))
    flat = x.reshape(len(x), -1)
    learnt = flat[is_learning & has_lead]
    if not len(learnt):
        return np.full(len(x), np.nan)
    seen = ~np.isnan(learnt)
    mean = np.where(seen, learnt, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    centred = np.nan_to_num(flat - mean)
    spread = centred[is_learning & has_lead]
    axes = np.linalg.eigh(spread.T @ spread)[1][:, -COMPONENTS:]
    error = np.abs(centred - (centred @ axes) @ axes.T).mean(axis=1) + 1e-6
    score = np.log(error / np.median(error[is_learning & has_lead])) + RHYTHM_WEIGHT * prematurity(r_peak_s)
    return np.where(has_lead, score, np.nan)
