from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detection.guesses import gaussian
from pipeline.detection.population import PROBABILITIES, Population, quantiles
from pipeline.detection.two_groups import (
    EDGES,
    MEMORY,
    OwnTail,
    TwoGroups,
)


@pytest.fixture(scope="module")
def population() -> Population:
    rng = np.random.default_rng(1)
    persons = [rng.normal(-0.2, width, 4000) for width in (0.2, 0.3, 0.4, 0.5)]
    return Population.measured(persons, [[rng.normal(3.0, 0.6, 500)], [rng.normal(2.0, 0.6, 500)]])


@pytest.fixture(scope="module")
def guesses(population: Population) -> TwoGroups:
    return TwoGroups(population)


def learnt(guesses: TwoGroups, scores: np.ndarray) -> OwnTail:
    tail = OwnTail(guesses)
    for score in scores:
        tail.observe(float(score))
    tail.weigh()
    return tail


def test_weighing_is_bayes_rule(guesses: TwoGroups) -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(-0.1, 0.3, 60)
    counts = np.zeros(len(EDGES) + 1)
    for score in scores:
        counts *= MEMORY
        counts[np.searchsorted(EDGES, score)] += 1.0
    log_posterior = counts @ guesses.log_likelihood.astype(np.float64)
    weights = np.exp(log_posterior - log_posterior.max()).reshape(len(guesses.tails), -1).sum(axis=1)
    plain = np.log(weights @ guesses.tails / weights.sum())
    assert np.allclose(guesses.weigh(counts), plain, atol=1e-3)


@pytest.mark.parametrize("width", [0.22, 0.45])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.4, 0.7])
def test_the_tail_of_the_normal_beats_is_found_among_any_share_of_others(
    guesses: TwoGroups, width: float, share: float
) -> None:
    rng = np.random.default_rng(3)
    n = 2000
    abnormal = rng.random(n) < share
    scores = np.where(abnormal, rng.normal(2.8, 0.6, n), rng.normal(-0.2, width, n))
    tail = learnt(guesses, scores)
    for rate in (0.05, 0.01):
        realised = np.mean(rng.normal(-0.2, width, 100_000) > tail.score(rate))
        assert rate / 10.0 < realised < 2.5 * rate  # rather too few: guesses hold a share of everybody
    plain = np.quantile(scores, 0.99)
    if share >= 0.4:
        assert tail.score(0.01) < plain - 1.0  # the quantile is the abnormal beats' own


@given(st.floats(1e-8, 0.3), st.integers(0, 300))
def test_rate_and_score_are_inverse(rate: float, n: int) -> None:
    tail = learnt(gaussian().score, np.random.default_rng(n).normal(size=n))
    assert tail.rate(tail.score(rate)) == pytest.approx(rate, rel=1e-6)


@given(st.lists(st.floats(-1e6, 1e6), max_size=50))
def test_rates_fall_with_the_score_whatever_came_before(scores: list[float]) -> None:
    tail = learnt(gaussian().score, np.array(scores))
    rates = [tail.rate(score) for score in np.linspace(-5, 30, 200)]
    assert all(1.0 >= a >= b >= 0.0 for a, b in pairwise(rates))


def test_a_snapshot_is_the_whole_state(guesses: TwoGroups) -> None:
    scores = np.random.default_rng(4).normal(-0.2, 0.4, 300)
    first = learnt(guesses, scores)
    first.observe(1.0)  # seen, not weighed yet
    second = OwnTail(guesses)
    second.restore(json.loads(json.dumps(first.snapshot())))
    assert second.score(0.01) == first.score(0.01)
    for tail in (first, second):
        tail.observe(2.0)
        tail.weigh()
    assert second.score(0.01) == first.score(0.01)


def test_forgetting_goes_back_to_the_last_scores(guesses: TwoGroups) -> None:
    rng = np.random.default_rng(5)
    old, new = rng.normal(0.5, 0.5, 500), rng.normal(-0.3, 0.2, 500)
    tail = learnt(guesses, np.concatenate([old, new]))
    tail.forget(new.tolist())
    assert tail.score(0.01) == learnt(guesses, new).score(0.01)


def test_a_population_survives_its_file(population: Population) -> None:
    again = Population.from_dict(json.loads(json.dumps(population.to_dict())))
    assert np.allclose(again.normal, population.normal, atol=1e-4)
    assert np.allclose(again.abnormal, population.abnormal, atol=1e-4)


@pytest.mark.parametrize("damage", [{"normal": [[1.0, 2.0]]}, {"normal": []}, {"abnormal": [[float("nan")] * 54]}])
def test_a_damaged_population_is_refused(population: Population, damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="population"):
        Population.from_dict(population.to_dict() | damage)


def test_nobody_is_no_population() -> None:
    with pytest.raises(ValueError, match="normal beats"):
        Population.measured([], [])


def test_each_person_counts_the_same() -> None:
    both = quantiles([np.zeros(100), np.ones(10_000)])
    assert both[np.searchsorted(PROBABILITIES, 0.4)] == 0.0
    assert both[np.searchsorted(PROBABILITIES, 0.6)] == 1.0
