"""How many of a population's normal beats pass a score, each person counting the same."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np

from pipeline.detection.population import PROBABILITIES, Population

__all__ = ["PooledTail"]

RATES = np.geomspace(0.5, 5e-4, 64)  # where the tail is kept; between them and beyond, its log is a straight line
GRID = 4000
BEYOND = 16  # of the last rates, whose slope goes on beyond them


class PooledTail:
    """The tail of a population's normal scores, as a rate for a score and a score for a rate, each the other's inverse.

    Parameters
    ----------
    population : Population
        Whose normal beats are pooled.
    """

    def __init__(self, population: Population) -> None:
        grid = np.linspace(population.normal.min(), population.normal.max(), GRID)
        below = [np.interp(grid, person, PROBABILITIES, left=0.0, right=1.0) for person in population.normal]
        beyond = np.maximum(1.0 - np.mean(below, axis=0), 1e-12)
        scores = np.interp(-np.log(RATES), -np.log(beyond), grid)
        step = (grid[-1] - grid[0]) / GRID + 1e-9
        scores = np.maximum.accumulate(scores) + step * 1e-3 * np.arange(
            len(RATES)
        )  # rising, also where many are equal
        logs = np.log(RATES)
        slope = (logs[-1] - logs[-BEYOND]) / (scores[-1] - scores[-BEYOND])
        self._scores = [*scores.tolist(), float(scores[-1] + 100.0 / -slope)]
        self._logs = [*logs.tolist(), float(logs[-1] - 100.0)]
        self._falling = [-log for log in self._logs]

    def rate(self, score: float) -> float:
        """Return the share of normal beats beyond a score; 1 below the population's median."""
        if score < self._scores[0]:
            return 1.0
        i = min(bisect_left(self._scores, score, lo=1), len(self._scores) - 1)
        low, high = self._scores[i - 1], self._scores[i]
        share = min((score - low) / (high - low), 1.0)
        return math.exp(self._logs[i - 1] + share * (self._logs[i] - self._logs[i - 1]))

    def score(self, rate: float) -> float:
        """Return the score that a share ``rate`` of normal beats passes; at most half of them."""
        log = min(math.log(rate), self._logs[0])
        i = min(bisect_left(self._falling, -log, lo=1), len(self._falling) - 1)
        share = min((self._logs[i - 1] - log) / (self._logs[i - 1] - self._logs[i]), 1.0)
        return float(self._scores[i - 1] + share * (self._scores[i] - self._scores[i - 1]))
