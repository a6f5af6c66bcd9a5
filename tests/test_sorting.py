"""Own sorting and medians against numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.jit import jit
from pipeline.sorting import median, sort_order

compiled_median, compiled_order = jit(median), jit(sort_order)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 31, 32])
def test_they_are_numpys(n: int) -> None:
    rng = np.random.default_rng(n)
    for values in (rng.standard_normal(n), rng.integers(0, 4, n).astype(float), np.r_[rng.random(n - 1), np.inf]):
        order = np.empty(n, dtype=np.int64)
        compiled_order(values, order)
        assert order.tolist() == np.argsort(values, kind="stable").tolist()
        assert compiled_median(values.copy(), n) == median(values.copy(), n) == np.median(values)
        assert compiled_median(np.r_[values, -99.0], n) == np.median(values)  # what lies beyond does not count
