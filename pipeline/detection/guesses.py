"""What a population tells of the score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np

from pipeline.detection.pooled import PooledTail
from pipeline.detection.population import PROBABILITIES, Population
from pipeline.detection.two_groups import TwoGroups

__all__ = ["Guesses", "gaussian"]


@dataclass(frozen=True, slots=True, eq=False)
class Guesses:
    """Read-only and shared by all patients.

    Attributes
    ----------
    score : TwoGroups
        Guesses at a patient's normal beats.
    population : Population
        Where they come from.
    pooled : PooledTail
        How many of the normal beats of all of them pass a score.
    location, unit : float
        Median score of normal beats, and from there to their 84 % quantile, in the middle of the population.
    """

    score: TwoGroups
    population: Population
    pooled: PooledTail
    location: float
    unit: float

    @classmethod
    def of(cls, population: Population) -> Self:
        """Draw them from a population."""
        median, upper = (
            np.array([np.interp(p, PROBABILITIES, person) for person in population.normal]) for p in (0.5, 0.8413)
        )
        unit = max(float(np.median(upper - median)), 1e-6)
        return cls(TwoGroups(population), population, PooledTail(population), float(np.median(median)), unit)

    @classmethod
    def from_dict(cls, table: dict[str, Any]) -> Self:
        """Draw them from what a model file states.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is misshapen.
        """
        return cls.of(Population.from_dict(table))


@cache
def gaussian() -> Guesses:
    """Return the guesses at a score that is standard normal in everybody."""
    return Guesses.of(Population.gaussian())
