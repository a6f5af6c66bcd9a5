from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.bins import Bins

samples = st.lists(st.tuples(st.integers(0, 999), st.integers(-50, 50)), min_size=1, max_size=60)


def binned(values: list[tuple[int, int]], pieces: int = 1) -> Bins:
    bins = Bins(1.0, 16, low=np.fmin, high=np.fmax, total=np.add)
    for part in np.array_split(np.array(values, dtype=np.float64), pieces):
        bins.add(part[:, 0], low=part[:, 1], high=part[:, 1], total=part[:, 1])
    return bins


@given(samples)
def test_each_bin_reduces_the_values_that_fall_into_it(values: list[tuple[int, int]]) -> None:
    bins = binned(values)
    for i in range(len(bins)):
        inside = [value for at, value in values if i * bins.width <= at < (i + 1) * bins.width]
        assert bins["total"][i] == sum(inside)
        assert (bins["low"][i], bins["high"][i]) == (min(inside), max(inside)) if inside else np.isnan(bins["low"][i])


@given(samples, st.integers(2, 9))
def test_values_in_pieces_give_the_same_bins(values: list[tuple[int, int]], pieces: int) -> None:
    whole, parts = binned(values), binned(values, pieces)
    assert whole.width == parts.width
    for column in ("low", "high", "total"):
        np.testing.assert_array_equal(whole[column], parts[column])


def test_there_are_never_more_bins_than_the_limit() -> None:
    bins = Bins(0.1, 10, high=np.fmax)
    bins.add([1e6], high=[1.0])
    assert len(bins) <= 10
    assert bins["high"][-1] == 1.0


def test_an_odd_limit_or_no_width_is_refused() -> None:
    with pytest.raises(ValueError, match="positive width and an even limit"):
        Bins(0.0, 10)
    with pytest.raises(ValueError, match="even limit"):
        Bins(1.0, 11)
