"""What the rivals make of the beat windows before they look at them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["STEPS", "in_own_units", "learning"]

# The window of the internal rate (180 Hz): R - 60 .. R + 50 samples, P wave to ST segment.
STEPS = 110

LIMIT = 8.0  # of a lead's own deviations: an electrode's jump weighs no more than that


def learning(r_peak_s: NDArray[np.float64], learning_s: float) -> NDArray[np.bool_]:
    """Return True for the beats of the learning period."""
    is_learning: NDArray[np.bool_] = np.less(r_peak_s, learning_s)
    return is_learning


def in_own_units(windows: NDArray[np.float32], is_learning: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Divide each lead by its root mean square over the learning period and clip at eight of them.

    Parameters
    ----------
    windows : ndarray of float32, shape (n, 110, leads)
        Beats in mV; a lead with a NaN is missing from that beat.
    is_learning : ndarray of bool, shape (n,)
        The beats of the learning period.

    Returns
    -------
    ndarray of float64, shape (n, 110, leads)
        A missing lead is NaN throughout its beat, and a lead that the learning period never saw in every beat.

    Raises
    ------
    ValueError
        If the windows do not have this shape, or not one per beat.
    """
    if windows.ndim != 3 or windows.shape[1] != STEPS or len(windows) != len(is_learning):
        raise ValueError(f"{len(is_learning)} windows of shape ({STEPS}, leads) are needed, not {windows.shape}")
    x = windows.astype(np.float64)
    x[np.broadcast_to(np.isnan(x).any(axis=1, keepdims=True), x.shape)] = np.nan
    learnt = x[is_learning]
    seen = ~np.isnan(learnt[:, 0, :])
    power = np.where(seen[:, None, :], learnt, 0.0)
    count = seen.sum(axis=0) * STEPS
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.sqrt((power**2).sum(axis=(0, 1)) / count)
    out: NDArray[np.float64] = np.clip(x / np.maximum(scale, 1e-3), -LIMIT, LIMIT)
    return out
