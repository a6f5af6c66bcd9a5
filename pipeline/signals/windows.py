"""Windows of fixed length over the signal, one a second, whether there are heartbeats in them or none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit
from pipeline.signals.window_features import FEATURES, HOP, SPAN, describe

__all__ = ["WindowStage", "Windows"]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows that have ended, in columns.

    Attributes
    ----------
    stop : ndarray of int64, shape (n,)
        One past their last samples, at the internal rate.
    features : ndarray of float64, shape (n, leads, len(FEATURES))
        What each lead looks like.
    absent : ndarray of float64, shape (n, leads)
        Share of each lead in which it was missing, flat or settling.
    spread : ndarray of float64, shape (n, leads)
        Greatest less least value of each lead in the last second, in mV.
    """

    stop: NDArray[np.int64]
    features: NDArray[np.float64]
    absent: NDArray[np.float64]
    spread: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.stop)


class WindowStage:
    """Cut one stream into windows; any chunking gives the same ones, bit by bit.

    Parameters
    ----------
    n_leads : int
        Number of leads.
    """

    def __init__(self, n_leads: int) -> None:
        # The last SPAN samples of each lead at half the internal rate, as a ring, and whether each was there.
        self._ring = np.zeros((n_leads, SPAN))
        self._gone = np.zeros((n_leads, SPAN), dtype=np.uint8)
        self._half = np.zeros((n_leads, 2))  # the first of two samples that become one, and whether it was gone
        self._clock = 0  # samples taken, at the internal rate

    def process(self, signal: NDArray[np.float64], states: NDArray[np.uint8]) -> Windows:
        """Take the next samples at the internal rate.

        Parameters
        ----------
        signal : ndarray of float64, shape (leads, m)
            Filtered signal in mV.
        states : ndarray of uint8, shape (leads, m)
            State of each lead, see :class:`pipeline.signals.quality.Conditioner`.
        """
        n_leads, m = signal.shape
        first, last = self._clock, self._clock + m
        n = max(0, _ended(last) - _ended(first))
        stop = np.empty(n, dtype=np.int64)
        features = np.empty((n, n_leads, len(FEATURES)))
        absent, spread = np.empty((n, n_leads)), np.empty((n, n_leads))
        # One layout: a slice of one lead has another than one of two, and would be compiled apart.
        signal, states = np.ascontiguousarray(signal), np.ascontiguousarray(states)
        _cut(signal, states, first, self._ring, self._gone, self._half, stop, features, absent, spread)
        self._clock = last
        return Windows(stop, features, absent, spread)

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {
            "ring": self._ring.copy(),
            "gone": self._gone.copy(),
            "half": self._half.copy(),
            "clock": np.array([self._clock]),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._ring[:], self._gone[:], self._half[:] = state["ring"], state["gone"], state["half"]
        self._clock = int(state["clock"][0])


def _ended(clock: int) -> int:
    """Return how many windows have ended when so many samples have been taken."""
    return max(0, (clock // 2 - SPAN) // HOP + 1)


@jit
def _cut(
    signal: NDArray[np.float64],
    states: NDArray[np.uint8],
    first: int,
    ring: NDArray[np.float64],
    gone: NDArray[np.uint8],
    half: NDArray[np.float64],
    stop: NDArray[np.int64],
    features: NDArray[np.float64],
    absent: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> None:
    leads, m = signal.shape
    window = np.empty(SPAN)
    found = 0
    for i in range(m):
        at = first + i
        if at % 2 == 0:
            for lead in range(leads):
                half[lead, 0] = signal[lead, i]
                half[lead, 1] = 1.0 if states[lead, i] != 0 else 0.0
            continue
        n = at // 2  # of the samples at half the rate
        place = n % SPAN
        for lead in range(leads):
            ring[lead, place] = 0.5 * (half[lead, 0] + signal[lead, i])
            gone[lead, place] = 1 if half[lead, 1] > 0.0 or states[lead, i] != 0 else 0
        if n + 1 < SPAN or (n + 1 - SPAN) % HOP != 0:
            continue
        for lead in range(leads):
            missing = 0
            for j in range(SPAN):
                window[j] = ring[lead, (place + 1 + j) % SPAN]
                missing += gone[lead, j]
            describe(window, features[found, lead])
            absent[found, lead] = missing / SPAN
            greatest, least = window[SPAN - HOP], window[SPAN - HOP]
            for j in range(SPAN - HOP, SPAN):
                greatest, least = max(greatest, window[j]), min(least, window[j])
            spread[found, lead] = greatest - least
        stop[found] = at + 1
        found += 1
