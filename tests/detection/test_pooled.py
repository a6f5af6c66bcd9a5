"""The tail of a population's normal scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detection.pooled import PooledTail
from pipeline.detection.population import Population

NORMAL = [np.random.default_rng(k).normal(0.1 * k, 0.3 + 0.05 * k, 4000) for k in range(6)]
TAIL = PooledTail(Population.measured(NORMAL, [[np.full(50, 4.0)]]))


@pytest.mark.parametrize("rate", [0.2, 0.05, 0.01, 0.002])
def test_so_many_of_all_normal_beats_pass(rate: float) -> None:
    passed = np.mean([(scores > TAIL.score(rate)).mean() for scores in NORMAL])
    assert passed == pytest.approx(rate, rel=0.1)


@given(st.floats(1e-7, 0.5))
def test_rate_and_score_are_each_others_inverse(rate: float) -> None:
    assert TAIL.rate(TAIL.score(rate)) == pytest.approx(rate, rel=1e-6)


@given(st.floats(-10.0, 50.0), st.floats(1e-6, 5.0))
def test_a_higher_score_is_passed_by_fewer(score: float, more: float) -> None:
    assert 0.0 < TAIL.rate(score + more) <= TAIL.rate(score) <= 1.0


def test_a_population_of_equal_scores_is_no_fault() -> None:
    tail = PooledTail(Population.measured([np.zeros(200)], []))
    assert tail.rate(5.0) < 1e-6
    assert np.isfinite(tail.score(1e-6))
