"""Sorting and medians of a few numbers, for compiled code.

The library's own take seconds to compile for each kind of array, and are made for thousands of numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit_helper

__all__ = ["median", "sort_order"]


@jit_helper
def median(values: NDArray[np.float64], n: int) -> float:
    """Return the median of the first ``n`` values, none of them NaN, which are sorted in place; ``n`` is above 0."""
    for i in range(1, n):
        value = values[i]
        at = i
        while at > 0 and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value
    half = n // 2
    if n % 2 == 1:
        return float(values[half])
    return float((values[half - 1] + values[half]) / 2.0)


@jit_helper
def sort_order(values: NDArray[np.float64], order: NDArray[np.int64]) -> None:
    """Write the places of values, none of them NaN, from the least to the greatest; equal ones keep their order."""
    for i in range(len(values)):
        at = i
        while at > 0 and values[order[at - 1]] > values[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i
