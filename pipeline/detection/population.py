"""What a population tells of scores: how those of each person's normal beats are spread, and those of abnormal ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["PROBABILITIES", "Population", "quantiles"]

# Where each person's distribution is kept: the bulk evenly, the tail by ratio.
PROBABILITIES = np.concatenate([np.linspace(0.01, 0.9, 30), 1.0 - np.geomspace(0.08, 0.0005, 24)])


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Distributions of one kind of score over a population, as quantiles at :data:`PROBABILITIES`.

    Attributes
    ----------
    normal : ndarray of float64, shape (persons, probabilities)
        Of each person's normal beats.
    abnormal : ndarray of float64, shape (groups, probabilities)
        Of the abnormal beats of each group, such as ventricular and supraventricular ones, each person counting the
        same.
    """

    normal: NDArray[np.float64]
    abnormal: NDArray[np.float64]

    @classmethod
    def gaussian(cls) -> Self:
        """Return the population of a score that is standard normal in everybody, and beyond 3 where it is strange."""
        from scipy.special import ndtri  # no scoring with a model asks for it

        return cls(ndtri(PROBABILITIES)[None], (3.0 + 9.0 * PROBABILITIES)[None])

    @classmethod
    def measured(cls, normal: Sequence[NDArray[np.float64]], abnormal: Sequence[Sequence[NDArray[np.float64]]]) -> Self:
        """Measure it: ``normal`` holds each person's scores, ``abnormal`` each group's scores by person.

        A group that nobody has is taken to lie from the highest normal score of the population upwards.

        Raises
        ------
        ValueError
            If nobody has normal beats.
        """
        if not normal:
            raise ValueError("a population takes the normal beats of one person at least")
        own = np.array([quantiles([scores]) for scores in normal])
        beyond = own[:, -1].mean() + 3.0 * PROBABILITIES
        return cls(own, np.array([quantiles(group) if group else beyond for group in abnormal] or [beyond]))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain lists."""
        return {"normal": np.round(self.normal, 4).tolist(), "abnormal": np.round(self.abnormal, 4).tolist()}

    @classmethod
    def from_dict(cls, table: dict[str, Any]) -> Self:
        """Return what :meth:`to_dict` has written down.

        Raises
        ------
        ValueError
            If the lists have another shape, or hold what is no number.
        """
        out = cls(np.array(table["normal"], dtype=np.float64), np.array(table["abnormal"], dtype=np.float64))
        for values in (out.normal, out.abnormal):
            if values.ndim != 2 or values.shape[1] != len(PROBABILITIES) or not len(values):
                raise ValueError(f"a population's quantiles have shape {values.shape}")
            if not np.isfinite(values).all() or (np.diff(values, axis=1) < 0).any():
                raise ValueError("a population's quantiles are not finite and rising")
        return out


def quantiles(groups: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the quantiles of some sets of scores at :data:`PROBABILITIES`, each set counting the same."""
    values = np.concatenate(groups)
    weights = np.concatenate([np.full(len(group), 1.0 / len(group)) for group in groups])
    order = np.argsort(values)
    below = (np.cumsum(weights[order]) - 0.5 * weights[order]) / weights.sum()
    out: NDArray[np.float64] = np.interp(PROBABILITIES, below, values[order])
    return out
