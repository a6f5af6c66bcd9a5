"""How far a patient's normal beats reach, without labels.

The scores that a patient shows are a mixture of two groups, normal beats and abnormal ones [1]_. Neither the normal
beats' distribution nor the share of the others is known, but a population tells what both may be: each person of it,
shifted and stretched a little, is one guess at the patient's normal beats, and shares from next to none to three in
four are guesses at the rest. Bayes' rule weighs the guesses by the patient's own scores [2]_; the tail of the normal
beats is the weighted mean of theirs. So nothing has to be decided about a single beat, and a patient whose beats are
mostly abnormal moves no quantile.

.. [1] B. Efron, "Microarrays, empirical Bayes and the two-groups model", Statistical Science 23 (2008) 1-22.
.. [2] H. Robbins, "An empirical Bayes approach to statistics", Proc. 3rd Berkeley Symposium 1 (1956) 157-163.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.population import PROBABILITIES, Population
from pipeline.jit import jit, jit_helper

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["OwnTail", "TwoGroups"]

# Chosen on DS1, with each record's guesses taken from the other records: with both leads, either lead alone, and noise.
SHIFTS = (-0.25, -0.1, 0.0, 0.1, 0.25)  # of a guess, in units of the score
STRETCHES = (0.9, 1.1, 1.45)  # of a guess about its median: a new patient may well be noisier than anybody was
SHARES = (0.0005, 0.003, 0.015, 0.06, 0.2, 0.5, 0.75)  # of abnormal beats
ANYBODY = 0.12  # share of the whole population in each guess: nobody is quite like somebody else
ANYTHING = 0.05  # share of an even spread in the abnormal beats: some are like nothing that was seen
MEMORY = 1.0 - 1.0 / 2000.0  # per beat

EDGES = np.concatenate([np.linspace(-1.2, 1.0, 45), np.linspace(1.0, 5.5, 46)[1:]])
BANDWIDTH = 0.06  # of a normal distribution's bulk; in its tail scores lie further apart
WIDE = 0.15  # of the abnormal beats

HALF_ROOT = math.sqrt(0.5)
FAR = 8.0  # deviations beyond which a normal distribution is 0 or 1 to the last bit
FEWEST = 1e-9  # rates below are not told apart
BEYOND = 8  # edges whose slope the tail beyond the last edge goes on with


class TwoGroups:
    """The guesses that a population offers; read-only and shared by its patients.

    Parameters
    ----------
    population : Population
        Distributions of the score.
    """

    def __init__(self, population: Population) -> None:
        normal = np.array(
            [
                _cumulative(_stretched(person, stretch) + shift, BANDWIDTH)
                for person in population.normal
                for shift in SHIFTS
                for stretch in STRETCHES
            ]
        )
        normal = (1.0 - ANYBODY) * normal + ANYBODY * normal.mean(axis=0)
        groups = np.array([_cumulative(group, WIDE) for group in population.abnormal])
        groups = np.concatenate([groups, groups.mean(axis=0)[None]]) if len(groups) > 1 else groups
        abnormal = (1.0 - ANYTHING) * _mass(groups) + ANYTHING / (len(EDGES) + 1)
        self.tails = np.ascontiguousarray(np.maximum(1.0 - normal, FEWEST))
        share = np.array(SHARES)[None, None, :, None]
        mixture = (1.0 - share) * _mass(normal)[:, None, None] + share * abnormal[None, :, None]
        guesses = len(normal)
        log = np.log(np.maximum(mixture, FEWEST)).reshape(guesses, -1, len(EDGES) + 1)
        self.log_likelihood = np.ascontiguousarray(log.transpose(2, 0, 1).reshape(len(EDGES) + 1, -1), dtype=np.float32)

    def weigh(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log of the share of the normal beats beyond each of ``EDGES``, given counts of scores between."""
        out = np.empty(len(EDGES))
        _weigh(counts, self.log_likelihood, self.tails, out)
        return out


class OwnTail:
    """The tail of one patient's normal beats.

    Parameters
    ----------
    guesses : TwoGroups
        What the population offers.
    """

    def __init__(self, guesses: TwoGroups) -> None:
        self._guesses = guesses
        self._counts = np.zeros(len(EDGES) + 1)
        self.weigh()

    def observe(self, score: float) -> None:
        """Take in a finite score, normal or not; :meth:`weigh` draws the conclusion."""
        _observe(self._counts, score, EDGES, MEMORY)

    def weigh(self) -> None:
        """Weigh the guesses by all scores so far."""
        self._log_tail = self._guesses.weigh(self._counts)

    def forget(self, recent: Iterable[float]) -> None:
        """Go back to the scores of ``recent`` alone."""
        self._counts[:] = 0.0
        for score in recent:
            self.observe(score)
        self.weigh()

    def rate(self, score: float) -> float:
        """Return the share of the patient's normal beats that score beyond ``score``."""
        return math.exp(_log_rate(self._log_tail, score, EDGES))

    def score(self, rate: float) -> float:
        """Return the score that a share ``rate`` of the patient's normal beats passes."""
        return _score_at(self._log_tail, math.log(rate), EDGES)

    def snapshot(self) -> list[float]:
        """Return the carried state, as numbers: counts and what was concluded when they were weighed last."""
        return [*self._counts.tolist(), *self._log_tail.tolist()]

    def restore(self, state: list[float]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._counts[:] = state[: len(self._counts)]
        self._log_tail[:] = state[len(self._counts) :]


def _stretched(person: NDArray[np.float64], stretch: float) -> NDArray[np.float64]:
    middle = np.interp(0.5, PROBABILITIES, person)
    return middle + stretch * (person - middle)


def _cumulative(person: NDArray[np.float64], bandwidth: float) -> NDArray[np.float64]:
    """Return a smoothed distribution function at ``EDGES``: kernels as wide as the scores lie apart."""
    n = 1000
    scores = np.interp((np.arange(n) + 0.5) / n, PROBABILITIES, person)
    k = n // 60
    near = np.arange(n)
    apart = scores[np.minimum(near + k, n - 1)] - scores[np.maximum(near - k, 0)]
    width = np.maximum(bandwidth, 0.175 * apart)
    out = np.zeros(len(EDGES))
    _smooth(scores, width, EDGES, out)
    return out


def _mass(cumulative: NDArray[np.float64]) -> NDArray[np.float64]:
    ends = np.zeros((len(cumulative), 1))
    return np.diff(np.concatenate([ends, cumulative, ends + 1.0], axis=1), axis=1)


@jit_helper
def _place(edges: NDArray[np.float64], score: float) -> int:
    """Return how many edges lie below a score."""
    low, high = 0, len(edges)
    while low < high:
        middle = (low + high) // 2
        if edges[middle] < score:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def _smooth(
    scores: NDArray[np.float64], width: NDArray[np.float64], edges: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    ones = np.empty(len(edges) + 1)  # so many scores are far below this edge, and were not below the one before
    for k in range(len(ones)):
        ones[k] = 0.0
    for i in range(len(scores)):
        first, stop = _place(edges, scores[i] - FAR * width[i]), _place(edges, scores[i] + FAR * width[i])
        for k in range(first, stop):
            out[k] += 0.5 * math.erfc((scores[i] - edges[k]) / width[i] * HALF_ROOT)
        ones[stop] += 1.0
    below = 0.0
    for k in range(len(edges)):
        below += ones[k]
        out[k] = (out[k] + below) / len(scores)


@jit
def _observe(counts: NDArray[np.float64], score: float, edges: NDArray[np.float64], memory: float) -> None:
    for j in range(len(counts)):
        counts[j] *= memory
    counts[_place(edges, score)] += 1.0


@jit
def _weigh(
    counts: NDArray[np.float64],
    log_likelihood: NDArray[np.float32],
    tails: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    cells, guesses = log_likelihood.shape[1], len(tails)
    total = np.empty(cells, dtype=np.float32)
    for c in range(cells):
        total[c] = 0.0
    for j in range(len(counts)):
        if counts[j] > 0.0:
            count = np.float32(counts[j])
            for c in range(cells):
                total[c] += count * log_likelihood[j, c]
    highest = total[0]
    for c in range(cells):
        highest = max(highest, total[c])
    per_guess = cells // guesses
    for j in range(len(out)):
        out[j] = 0.0
    sum_of_weights = 0.0
    for k in range(guesses):
        weight = 0.0
        for c in range(k * per_guess, (k + 1) * per_guess):
            if total[c] > highest - 20.0:  # the others weigh nothing
                weight += np.exp(np.float64(total[c] - highest))
        if weight > 0.0:
            sum_of_weights += weight
            for j in range(len(out)):
                out[j] += weight * tails[k, j]
    for j in range(len(out)):
        out[j] = np.log(out[j] / sum_of_weights)


@jit
def _log_rate(log_tail: NDArray[np.float64], score: float, edges: NDArray[np.float64]) -> float:
    last = len(edges) - 1
    if score <= edges[0]:
        return float(log_tail[0])
    if score >= edges[last]:
        slope = min((log_tail[last] - log_tail[last - BEYOND]) / (edges[last] - edges[last - BEYOND]), -1e-3)
        return float(log_tail[last] + slope * (score - edges[last]))
    j = _place(edges, score) - 1
    part = (score - edges[j]) / (edges[j + 1] - edges[j])
    return float(log_tail[j] + part * (log_tail[j + 1] - log_tail[j]))


@jit
def _score_at(log_tail: NDArray[np.float64], log_rate: float, edges: NDArray[np.float64]) -> float:
    last = len(edges) - 1
    if log_rate >= log_tail[0]:
        return float(edges[0])
    if log_rate <= log_tail[last]:
        slope = min((log_tail[last] - log_tail[last - BEYOND]) / (edges[last] - edges[last - BEYOND]), -1e-3)
        return float(edges[last] + (log_rate - log_tail[last]) / slope)
    j = 0
    while log_tail[j + 1] > log_rate:
        j += 1
    step = log_tail[j + 1] - log_tail[j]
    part = (log_rate - log_tail[j]) / step if step < 0.0 else 0.0
    return float(edges[j] + part * (edges[j + 1] - edges[j]))
