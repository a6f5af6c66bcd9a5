"""The project's threshold and the rules that others use, each on the same scores and without labels.

A rule takes a record's scores, what a population tells of them, the declared rate and the end of the learning period;
it returns the threshold in force at each beat, which depends on the beats before it alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import anomaly, base, stats
from scipy.stats import norm

from pipeline.detection.guesses import Guesses
from pipeline.detection.thresholds import AdaptiveThreshold, NoDetector
from pipeline.evaluation.protocol import LEARNING_S
from pipeline.evaluation.spot import spot_thresholds
from pipeline.records import Findings

__all__ = ["OWN_RULE", "THRESHOLD_RULES", "ThresholdRule"]

ThresholdRule = Callable[[Findings, Guesses, float], NDArray[np.float64]]

OWN_RULE = "this project"
WINDOW = 1000  # beats in rolling quantiles
ACI_RATE = 0.005  # step of adaptive conformal inference, as in its paper
PRIOR = 0.7  # share of the population in the shrunk rule


class _Given(base.AnomalyDetector):
    """A detector whose score stands in the observation."""

    def learn_one(self, x: dict[base.typing.FeatureName, Any]) -> None:
        """Learn nothing."""

    def score_one(self, x: dict[base.typing.FeatureName, Any]) -> float:
        """Return the score."""
        return float(x["score"])


def adaptive(findings: Findings, guesses: Guesses, rate: float) -> NDArray[np.float64]:
    """Return this project's: two groups, weighed by a population."""
    judge = AdaptiveThreshold(NoDetector(), guesses=guesses, alpha=rate)
    out = np.empty(len(findings))
    columns = (findings.score.tolist(), findings.rr_s.tolist(), findings.held.tolist())
    for i, (score, rr, held) in enumerate(zip(*columns, strict=True)):
        out[i] = judge.judge(score).threshold
        if not held:
            judge.update(score, rr)
    return out


def population_cut(findings: Findings, guesses: Guesses, rate: float) -> NDArray[np.float64]:
    """Return one threshold for everybody: what a share of the population's normal beats passes."""
    return np.full(len(findings), guesses.pooled.score(rate))


def shrunk(findings: Findings, guesses: Guesses, rate: float) -> NDArray[np.float64]:
    """Return the population's threshold, moved a part of the way to a robust one of the patient's own."""
    prior = guesses.pooled.score(rate)
    middle, upper = stats.RollingQuantile(0.5, WINDOW), stats.RollingQuantile(0.8413, WINDOW)
    own, reach = prior, float(norm.isf(rate))

    def update(score: float) -> float:
        nonlocal own
        middle.update(score)
        upper.update(score)
        centre = middle.get() or 0.0
        own = centre + reach * ((upper.get() or 0.0) - centre)
        return PRIOR * prior + (1.0 - PRIOR) * own

    return _replay(findings, prior, update)


def river_quantile(findings: Findings, guesses: Guesses, rate: float) -> NDArray[np.float64]:
    """Return that of River's QuantileFilter as it comes."""
    judge = anomaly.QuantileFilter(_Given(), q=1.0 - rate)

    def update(score: float) -> float:
        judge.learn_one({"score": score})  # type: ignore[no-untyped-call]  # River's own
        return judge.quantile.get() or math.inf  # as the filter reads it

    return _replay(findings, math.inf, update)


def rolling_quantile(findings: Findings, guesses: Guesses, rate: float) -> NDArray[np.float64]:
    """Return the quantile of the last beats."""
    rolling = stats.RollingQuantile(1.0 - rate, WINDOW)

    def update(score: float) -> float:
        rolling.update(score)
        return rolling.get() or math.inf

    return _replay(findings, math.inf, update)


def static_conformal(findings: Findings, guesses: Guesses, rate: float) -> NDArray[np.float64]:
    """Return the split-conformal quantile of the learning period, kept for good."""
    scores = findings.score
    first = np.sort(scores[(findings.time_s < LEARNING_S) & np.isfinite(scores)])
    rank = math.ceil((1.0 - rate) * (len(first) + 1))
    return np.full(len(scores), first[rank - 1] if rank <= len(first) else math.inf)


def adaptive_conformal(findings: Findings, guesses: Guesses, rate: float) -> NDArray[np.float64]:
    """Return that of adaptive conformal inference (Gibbs and Candes, NeurIPS 2021) over the last beats."""
    recent: list[float] = []
    aimed, threshold = rate, math.inf

    def update(score: float) -> float:
        nonlocal aimed, threshold
        aimed += ACI_RATE * (rate - (score > threshold))
        recent.append(score)
        del recent[:-WINDOW]
        known = len(recent) >= 50 and aimed > 0.0
        threshold = float(np.quantile(recent, max(1.0 - aimed, 0.0))) if known else math.inf
        return threshold

    return _replay(findings, math.inf, update)


def spot(findings: Findings, guesses: Guesses, rate: float) -> NDArray[np.float64]:
    """Return that of SPOT, calibrated on the learning period."""
    return _spot(findings, rate, drift=False)


def dspot(findings: Findings, guesses: Guesses, rate: float) -> NDArray[np.float64]:
    """Return that of DSPOT: SPOT about a drifting mean."""
    return _spot(findings, rate, drift=True)


THRESHOLD_RULES: dict[str, ThresholdRule] = {
    OWN_RULE: adaptive,
    "population cut": population_cut,
    "shrunk": shrunk,
    "River QuantileFilter": river_quantile,
    "rolling quantile": rolling_quantile,
    "static conformal": static_conformal,
    "adaptive conformal": adaptive_conformal,
    "SPOT": spot,
    "DSPOT": dspot,
}


def _replay(findings: Findings, first: float, update: Callable[[float], float]) -> NDArray[np.float64]:
    out = np.empty(len(findings))
    threshold = first
    for i, score in enumerate(findings.score.tolist()):
        out[i] = threshold
        if math.isfinite(score):
            threshold = update(score)
    return out


def _spot(findings: Findings, rate: float, *, drift: bool) -> NDArray[np.float64]:
    known = np.isfinite(findings.score)
    out = np.full(len(findings), np.inf)
    n_first = int((known & (findings.time_s < LEARNING_S)).sum())
    out[known] = spot_thresholds(findings.score[known], n_first, rate, drift=drift)
    return out
