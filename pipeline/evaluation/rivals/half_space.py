"""River's HalfSpaceTrees, the online detector that a stream of beats would be given without knowing about ECG."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.anomaly import HalfSpaceTrees

from pipeline.evaluation.protocol import LEARNING_S
from pipeline.evaluation.rivals.windows import in_own_units, learning

__all__ = ["half_space_trees"]

STEP = 10  # samples of 180 Hz that are averaged to one feature: the trees split on one feature at a time
REACH = 4.0  # of a lead's deviations that the trees' unit interval stands for, to either side


def half_space_trees(
    windows: NDArray[np.float32], r_peak_s: NDArray[np.float64], learning_s: float = LEARNING_S, seed: int = 7
) -> NDArray[np.float64]:
    """Return the score of HalfSpaceTrees (Tan, Ting and Liu 2011) on the reduced window, test then train.

    Every lead is averaged over 56 ms steps and scaled to the unit interval that the trees assume; a missing lead
    counts as 0 mV. Parameters and result are those of :func:`pipeline.evaluation.rivals.pca.pca`.
    """
    is_learning = learning(r_peak_s, learning_s)
    x = in_own_units(windows, is_learning)
    has_lead = ~np.isnan(x).all(axis=(1, 2))
    score = np.full(len(x), np.nan)
    if not np.any(has_lead & is_learning):
        return score
    n_steps = x.shape[1] // STEP
    reduced = np.nan_to_num(x[:, : n_steps * STEP]).reshape(len(x), n_steps, STEP, -1).mean(axis=2)
    features = np.clip(0.5 + reduced / (2 * REACH), 0.0, 1.0).reshape(len(x), -1).tolist()
    trees: Any = HalfSpaceTrees(n_trees=25, height=8, window_size=250, seed=seed)
    for i in np.flatnonzero(has_lead):
        beat = dict(enumerate(features[i]))
        score[i] = trees.score_one(beat)
        trees.learn_one(beat)
    return score
