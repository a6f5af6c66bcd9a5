"""Thresholds from the tail of a stream: peaks over threshold, with and without a drifting mean (SPOT, DSPOT) [1]_.

.. [1] A. Siffer, P.-A. Fouque, A. Termier, C. Largouet, "Anomaly detection in streams with extreme value theory",
   KDD 2017, 1067-1075.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import genpareto

__all__ = ["Spot", "spot_thresholds"]

LEVEL = 0.98  # quantile of the calibration scores from which scores are peaks
REFIT = 16  # new peaks after which the tail is fitted anew
DEPTH = 50  # scores in the drifting mean of DSPOT


class Spot:
    """A threshold that a share ``rate`` of a stream passes, by a generalised Pareto tail.

    Parameters
    ----------
    first : ndarray of float64
        Scores that the tail is calibrated on; at least 50.
    rate : float
        Share of the scores beyond the threshold.
    """

    def __init__(self, first: NDArray[np.float64], rate: float) -> None:
        self.rate = rate
        self._base = float(np.quantile(first, LEVEL))
        self._peaks = [float(score) - self._base for score in first if score > self._base]
        self._n = len(first)
        self._fit()

    def _fit(self) -> None:
        self._new = 0
        share = self.rate * self._n / max(len(self._peaks), 1)
        if len(self._peaks) < 2 or share >= 1.0:
            self.threshold = self._base
            return
        shape, _, scale = genpareto.fit(self._peaks, floc=0.0)
        tail = -math.log(share) if abs(shape) < 1e-6 else (share**-shape - 1.0) / shape
        self.threshold = self._base + float(scale) * tail

    def update(self, score: float) -> None:
        """Take the next score: beyond the threshold it is an anomaly, which teaches nothing."""
        if score > self.threshold:
            return
        self._n += 1
        if score > self._base:
            self._peaks.append(score - self._base)
            self._new += 1
            if self._new >= REFIT:
                self._fit()


def spot_thresholds(
    scores: Sequence[float] | NDArray[np.float64], n_first: int, rate: float, *, drift: bool = False
) -> NDArray[np.float64]:
    """Return the threshold in force at each score of a stream, shape (n,); infinite while it is calibrated.

    Parameters
    ----------
    scores : array_like
        The stream, finite.
    n_first : int
        Scores that the tail is calibrated on.
    rate : float
        Share of the scores beyond the threshold.
    drift : bool
        If True (DSPOT), scores are taken relative to the mean of the last ``DEPTH`` that were no anomalies.
    """
    values = np.asarray(scores, dtype=np.float64)
    out = np.full(len(values), np.inf)
    if n_first < DEPTH + 50 or n_first >= len(values):
        return out
    means = np.convolve(values[:n_first], np.ones(DEPTH) / DEPTH, "valid")
    first = values[DEPTH:n_first] - means[:-1] if drift else values[:n_first]
    spot = Spot(first, rate)
    window = deque(values[n_first - DEPTH : n_first].tolist(), maxlen=DEPTH)
    for i in range(n_first, len(values)):
        mean = sum(window) / DEPTH if drift else 0.0
        out[i] = mean + spot.threshold
        if values[i] <= out[i]:
            window.append(float(values[i]))
        spot.update(float(values[i]) - mean)
    return out
