"""Costs at growing sizes, and the power with which they grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = ["LINEAR", "Point", "Series", "exponent"]

LINEAR = 1.05  # a greater exponent is worse than linear
LEAST_MB = 2.0  # memory below this is noise of the allocator and no growth


@dataclass(frozen=True, slots=True)
class Point:
    """What one size cost.

    Attributes
    ----------
    size : float
        How many patients, hours, leads, or Hz.
    cpu_s : float
        Processor time in s for the work that :attr:`Series.work` names.
    memory_mb : float
        Memory in MB over what the process held before.
    """

    size: float
    cpu_s: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Series:
    """Costs at growing sizes.

    Attributes
    ----------
    axis : str
        What grows, such as ``patients``.
    unit : str
        Of what a size is a number: ``patient``, ``hour``, ``lead``, ``Hz``.
    work : str
        What the processor time is for.
    memory : str
        What the memory is of.
    points : tuple of Point
        In the order of sizes.
    """

    axis: str
    unit: str
    work: str
    memory: str
    points: tuple[Point, ...]

    @property
    def time_exponent(self) -> float:
        """Power of the size with which processor time grows, over all sizes."""
        return exponent(self.points, [point.cpu_s for point in self.points])

    @property
    def upper_time_exponent(self) -> float:
        """The same over the upper half of the sizes, where a fixed part of the cost hides the least."""
        upper = self.points[len(self.points) // 2 :]
        return exponent(upper, [point.cpu_s for point in upper])

    @property
    def memory_exponent(self) -> float:
        """Power of the size with which memory grows; NaN where it stays too small to tell."""
        told = [point for point in self.points if point.memory_mb >= LEAST_MB]
        return exponent(told, [point.memory_mb for point in told])

    @property
    def worse_than_linear(self) -> tuple[str, ...]:
        """What grows faster than the size: ``time``, ``time at large sizes``, ``memory``."""
        named = (
            ("time", self.time_exponent),
            ("time at large sizes", self.upper_time_exponent),
            ("memory", self.memory_exponent),
        )
        return tuple(name for name, power in named if power > LINEAR)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        names = ("time_exponent", "upper_time_exponent", "memory_exponent", "worse_than_linear")
        return asdict(self) | {name: getattr(self, name) for name in names}


def exponent(points: Sequence[Point], cost: Sequence[float]) -> float:
    """Return the slope of log cost over log size by least squares; NaN of fewer than two sizes."""
    if len(points) < 2:
        return float("nan")
    sizes = np.log([point.size for point in points])
    return float(np.polyfit(sizes, np.log(np.maximum(cost, 1e-9)), 1)[0])
