"""R peaks in columns, and what finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["PeakFinder", "Peaks"]


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """R peaks, in the order of time.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Positions at the internal rate.
    decided : ndarray of int64, shape (n,)
        The sample at which each was decided.
    prominence : ndarray of float64, shape (n,)
        Fused envelope at the peak, in units of a usual beat's.
    quality : ndarray of float64, shape (n,)
        Signal quality, 1 - noise floor / level, between 0 and 1.
    broken : ndarray of bool, shape (n,)
        True if no lead was there for a while since the peak before.
    """

    sample: NDArray[np.int64]
    decided: NDArray[np.int64]
    prominence: NDArray[np.float64]
    quality: NDArray[np.float64]
    broken: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.sample)


class PeakFinder(Protocol):
    """What tells a :class:`pipeline.signals.beats.BeatFinder` where the R peaks are."""

    def find(self, signal: NDArray[np.float64], states: NDArray[np.uint8], m: int) -> Peaks:
        """Return the peaks that the last ``m`` samples decide.

        Parameters
        ----------
        signal : ndarray of float64, shape (leads, n)
            Continuous signal in mV: the last samples, and at least 256 before them.
        states : ndarray of uint8, shape (leads, n)
            State of each lead, see :class:`pipeline.signals.quality.Conditioner`.
        m : int
            How many of the samples are new.
        """

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from such a state."""
