"""How early a beat comes, and how much a patient's R-R intervals vary anyway."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.jit import jit

__all__ = ["prematurity", "rhythm_term", "variability"]

Floats = NDArray[np.float64]

LONGEST_RR_S = 3.0  # a longer interval is a pause or a gap and tells nothing about the rate


def prematurity(r_peak_s: ArrayLike, rate: float = 0.03) -> Floats:
    """Return log(running mean R-R / R-R) of each beat: positive when it comes early, 0 for the first one.

    Parameters
    ----------
    r_peak_s : array_like, shape (n,)
        R peaks in s, ascending.
    rate : float
        Weight of the newest interval in the running mean, which a beat joins after it has been scored.
    """
    return _prematurity(np.ascontiguousarray(r_peak_s, dtype=np.float64), rate)


def variability(r_peak_s: ArrayLike, memory: int = 128) -> Floats:
    """Return the median over the last beats of the least change of log R-R against one of the three intervals before.

    Bigeminy and trigeminy repeat themselves within three beats and so count as steady, atrial fibrillation does not.

    Parameters
    ----------
    r_peak_s : array_like, shape (n,)
        R peaks in s, ascending.
    memory : int
        Beats that the median is taken over; a beat joins after it has been scored.
    """
    return _variability(np.ascontiguousarray(r_peak_s, dtype=np.float64), memory)


def rhythm_term(r_peak_s: ArrayLike, weight: float = 2.0) -> Floats:
    """Return the bounded evidence of prematurity in units of the patient's own variability, shape (n,)."""
    early = np.maximum(prematurity(r_peak_s), 0.0)
    return weight * np.tanh(0.65 * early / (0.05 + variability(r_peak_s)) / 3.0)


@jit
def _prematurity(r_peak_s: Floats, rate: float) -> Floats:
    out = np.zeros(len(r_peak_s))
    mean = np.nan
    for i in range(1, len(r_peak_s)):
        rr = min(max(r_peak_s[i] - r_peak_s[i - 1], 1e-3), LONGEST_RR_S)
        if np.isnan(mean):
            mean = rr
        out[i] = np.log(mean / rr)
        mean += rate * (rr - mean)
    return out


@jit
def _variability(r_peak_s: Floats, memory: int) -> Floats:
    n = len(r_peak_s)
    out = np.zeros(n)
    log_rr = np.zeros(n)
    recent = np.zeros(memory)
    count = 0
    for i in range(1, n):
        log_rr[i] = np.log(min(max(r_peak_s[i] - r_peak_s[i - 1], 1e-3), LONGEST_RR_S))
        if count > 0:
            out[i] = np.median(recent[: min(count, memory)])
        if i >= 2:
            least = np.inf
            for k in range(1, min(3, i - 1) + 1):
                least = min(least, abs(log_rr[i] - log_rr[i - k]))
            recent[count % memory] = least
            count += 1
    return out
