from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import anomaly, checks

from pipeline.detection.model import BeatModel
from pipeline.detection.population import PROBABILITIES
from pipeline.detection.thresholds import (
    AT_LEAST,
    DRIFT_DETECTORS,
    LOCKED_S,
    REPLAY,
    AdaptiveThreshold,
    NoDetector,
    Shift,
)


def threshold(model: BeatModel, **options: Any) -> AdaptiveThreshold:
    return AdaptiveThreshold(NoDetector(), guesses=model.guesses, **options)


def usual(model: BeatModel, n: int, seed: int = 0, *, level: float = 0.0) -> list[float]:
    """Return scores whose deviation is that of usual beats, ``level`` units above theirs."""
    guesses = model.guesses
    return [
        guesses.location + guesses.unit * (level + float(z)) for z in np.random.default_rng(seed).normal(0.0, 1.0, n)
    ]


def play(judge: AdaptiveThreshold, scores: list[float], rr: float = 0.8) -> tuple[list[bool], list[Shift | None]]:
    """Judge scores, then learn them."""
    flags, shifts = [], []
    for score in scores:
        flags.append(judge.judge(score).is_anomaly)
        shifts.append(judge.update(score, rr))
    return flags, shifts


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize(
    ("person", "share"),
    # Where a person whose normal beats score as widely as those of 203 (13) has mostly abnormal ones, no rule that
    # lacks labels can tell the two groups apart.
    [(0, 0.0), (0, 0.2), (0, 0.7), (5, 0.0), (5, 0.2), (5, 0.7), (13, 0.0), (13, 0.2)],
)
def test_the_declared_rate_comes_true_among_any_share_of_abnormal_beats(
    model: BeatModel, alpha: float, person: int, share: float
) -> None:
    rng = np.random.default_rng(1)
    n = 6000
    abnormal = rng.random(n) < share
    guesses = model.guesses
    normal = 0.2 * guesses.unit + np.interp(rng.random(n), PROBABILITIES, model.guesses.population.normal[person])
    judge = threshold(model, alpha=alpha, drift_detector=DRIFT_DETECTORS["none"]())
    flags = []
    for score in np.where(abnormal, guesses.location + guesses.unit * rng.normal(9.0, 1.0, n), normal).tolist():
        flags.append(judge.judge(score).is_anomaly)
        judge.update(score, 0.8)
    realised = np.array(flags)[~abnormal][500:].mean()
    # Normal beats that reach as far as hardly anybody's are flagged all the same: the threshold has a ceiling.
    ceiling = model.guesses.pooled.score(AT_LEAST * alpha)
    assert alpha / 3.0 < realised < 3.0 * alpha or judge.threshold == pytest.approx(ceiling)
    if share:
        assert np.array(flags)[abnormal].mean() > 0.99


def test_a_rate_per_hour_follows_the_heart_rate(model: BeatModel) -> None:
    slow, fast = threshold(model, per_hour=40.0), threshold(model, per_hour=40.0)
    scores = usual(model, 1500)
    play(slow, scores, rr=1.2)
    play(fast, scores, rr=0.5)
    assert slow.threshold < fast.threshold  # fewer beats an hour may each be flagged sooner
    by_beat = threshold(model, alpha=40.0 * 1.2 / 3600.0)
    play(by_beat, scores)
    assert slow.threshold == pytest.approx(by_beat.threshold, abs=1e-6)


def test_p_value_threshold_and_verdict_agree(model: BeatModel) -> None:
    judge = threshold(model, alpha=0.02)
    play(judge, usual(model, 400))
    for score in np.random.default_rng(2).uniform(-1, 4, 400):
        verdict = judge.judge(float(score))
        assert verdict.is_anomaly == (verdict.p_value < 0.02)
        assert 0.0 <= verdict.p_value <= 1.0


@given(st.floats(1e-3, 1e3), st.floats(-100.0, 100.0))
def test_without_a_population_neither_scale_nor_zero_matter(scale: float, zero: float) -> None:
    scores = np.random.default_rng(4).standard_t(5, 300)
    plain, other = AdaptiveThreshold(NoDetector()), AdaptiveThreshold(NoDetector())
    for score in scores:
        plain.update(float(score))
        other.update(float(zero + scale * score))
    # Scores are counted in bins: one that lies on the edge of a bin to the last digit may change sides.
    assert other.threshold == pytest.approx(zero + scale * plain.threshold, abs=0.01 * scale)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_never_enters(model: BeatModel, bad: float) -> None:
    first, second = threshold(model), threshold(model)
    for score in usual(model, 700):
        first.update(score, 0.8)
        second.update(score, 0.8)
        assert first.update(bad, 0.8) is None
    assert math.isfinite(first.threshold)
    assert first.threshold == second.threshold
    assert first.judge(math.nan).is_anomaly is False
    assert math.isnan(first.judge(math.nan).p_value)


def test_an_interval_that_is_not_known_does_no_harm(model: BeatModel) -> None:
    judge = threshold(model, per_hour=60.0)
    for score in usual(model, 300):
        judge.update(score, math.nan)
    assert math.isfinite(judge.threshold)
    assert math.isfinite(judge.judge(0.5).p_value)


@pytest.mark.parametrize("name", ["adwin", "page-hinkley"])
def test_a_step_is_reported_as_a_drift(model: BeatModel, name: str) -> None:
    judge = threshold(model, drift_detector=DRIFT_DETECTORS[name]())
    _, quiet = play(judge, usual(model, 600))
    _, loud = play(judge, usual(model, 200, 1, level=3.0))
    assert not any(quiet)
    shift = next(shift for shift in loud if shift)
    assert shift.after > shift.before
    assert shift.action


def test_without_a_detector_no_drift_is_reported(model: BeatModel) -> None:
    _, shifts = play(
        threshold(model, drift_detector=DRIFT_DETECTORS["none"]()), usual(model, 300) + usual(model, 40, level=1.5)
    )
    assert not any(shifts)


@pytest.mark.parametrize("rr", [0.4, 0.8, 1.5])
@pytest.mark.parametrize("level", [9.0, 12.0, 30.0, 150.0])
def test_a_step_that_makes_every_beat_score_high_locks_nobody_out(model: BeatModel, rr: float, level: float) -> None:
    judge = threshold(model)
    play(judge, usual(model, 900), rr)
    flags, shifts = play(judge, usual(model, round(180.0 / rr), 1, level=level), rr)
    found = round(60.0 / rr)
    assert np.mean(flags[found:]) < 0.1
    assert any(shifts[:found])
    flags, shifts = play(judge, usual(model, round(180.0 / rr), 2), rr)  # and back
    assert any(shifts[:found])
    assert np.mean(flags) < 0.1
    assert play(judge, usual(model, 1, level=level + 5.0), rr)[0] == [True]


def test_an_episode_does_not_move_the_threshold_out_of_its_way(model: BeatModel) -> None:
    judge = threshold(model)
    play(judge, usual(model, 900))
    flags, _ = play(judge, usual(model, round(0.8 * LOCKED_S / 0.4), 3, level=12.0), 0.4)
    assert np.mean(flags) > 0.95
    bigeminy = [
        score for pair in zip(usual(model, 600, 4), usual(model, 600, 5, level=12.0), strict=True) for score in pair
    ]
    flags, _ = play(judge, bigeminy)
    assert np.mean(flags[1::2]) > 0.95


@pytest.mark.parametrize("guessed", [True, False])
@pytest.mark.parametrize("at", [5, 300, 2 * REPLAY + 7, 1230])
def test_a_snapshot_goes_on_where_it_was_taken(model: BeatModel, at: int, guessed: bool) -> None:
    scores = usual(model, 900) + usual(model, 900, 1, level=8.0) + usual(model, 300)
    options: dict[str, Any] = {"guesses": model.guesses if guessed else None, "per_hour": 50.0}
    first, second = (AdaptiveThreshold(NoDetector(), **options) for _ in range(2))
    for score in scores[:at]:
        first.update(score, 0.8)
    second.restore(json.loads(json.dumps(first.snapshot())))
    for score in scores[at:]:
        assert first.update(score, 0.8) == second.update(score, 0.8)
        assert first.threshold == second.threshold


@pytest.mark.parametrize("options", [{"alpha": 0.7}, {"per_hour": -1.0}, {"per_hour": 1e6}])
def test_a_bad_rate_is_named(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        AdaptiveThreshold(NoDetector(), **options)  # type: ignore[arg-type]


def test_it_is_a_river_filter() -> None:
    model = AdaptiveThreshold(anomaly.HalfSpaceTrees(seed=1), alpha=0.05)
    for check in checks.yield_checks(model):
        if getattr(check, "__name__", "") not in model._unit_test_skips() and "dataset" not in repr(check):
            check(model.clone())


def test_it_filters_inside_river() -> None:
    model = AdaptiveThreshold(anomaly.HalfSpaceTrees(seed=1, n_trees=5), alpha=0.05)
    rng = np.random.default_rng(5)
    for value in rng.normal(size=300):
        model.learn_one({"x": value})
    assert 0.0 <= model.score_one({"x": 0.1}) <= 1.0
