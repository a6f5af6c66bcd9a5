"""Which beats come on time, so that a patient's templates learn from them: the running R-R interval, and its holds.

What a beat's interval says of its score is the business of :mod:`pipeline.detection.sequence`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.sequence.reference import (
    HELD,
    REFERENCES,
    SLOW,
    follow_references,
    log_interval,
    new_references,
)
from pipeline.detection.sequence.reference import LAST as LAST_INTERVAL
from pipeline.jit import jit_helper

__all__ = ["BEATS", "RHYTHM", "RUN", "follow_rate", "follow_rhythm", "forget_changes", "new_rhythm"]

# What is written of a beat: R-R interval in s, and log of the mean interval over it.
RHYTHM = RR, PREMATURITY = range(2)

# Where things lie in the vector of the rhythm: number of beats, time of the last one in s, log of the mean interval,
# strange beats in a row, and then the references that an abrupt fast run holds.
BEATS, LAST, MEAN, RUN, HOLD = range(5)


def new_rhythm() -> NDArray[np.float64]:
    """Return the rhythm of a patient of whom nothing is known."""
    rhythm = np.zeros(HOLD + REFERENCES)
    rhythm[LAST:RUN] = np.nan
    rhythm[HOLD:] = new_references()
    return rhythm


@jit_helper
def follow_rhythm(
    time: float, broken: bool, premature: float, rhythm: NDArray[np.float64], out: NDArray[np.float64], i: int
) -> bool:
    """Take beat ``i`` at ``time`` s, write what ``RHYTHM`` names of it, and return True if it is on time.

    No beat of an abrupt, regular, fast run is: it would become the patient's usual rhythm.
    """
    rhythm[BEATS] += 1.0
    last = rhythm[LAST]
    rhythm[LAST] = time
    if broken or not time > last:  # NaN compares false: nothing is known of the interval
        return False
    log_rr = log_interval(time - last)
    if np.isnan(rhythm[MEAN]):
        rhythm[MEAN] = log_rr
    out[RR, i] = time - last
    out[PREMATURITY, i] = rhythm[MEAN] - log_rr
    return bool(out[PREMATURITY, i] < premature and rhythm[HOLD + HELD] == 0.0)


@jit_helper
def forget_changes(time: float, rhythm: NDArray[np.float64]) -> None:
    """Keep of a beat at ``time`` s no more than that it was there: no change is known across it."""
    rhythm[LAST] = time
    rhythm[HOLD + LAST_INTERVAL] = np.nan


@jit_helper
def follow_rate(rr: float, near: bool, rate: float, run_rate: float, rhythm: NDArray[np.float64]) -> None:
    """Let the rhythm follow an interval of ``rr`` s, NaN if it is not known.

    The mean does at ``rate``, in a run of beats of strange shape at ``run_rate``, and hardly at all while it is held.
    """
    rhythm[RUN] = 0.0 if near else rhythm[RUN] + 1.0
    log_rr = log_interval(rr) if rr > 0.0 else np.nan
    was_held = rhythm[HOLD + HELD]
    follow_references(rhythm[HOLD:], log_rr, not near)
    if np.isnan(log_rr):
        return
    if rhythm[HOLD + HELD] > 0.0:
        if was_held == 0.0:
            rhythm[MEAN] = rhythm[HOLD + SLOW]
        return
    step = rate if rhythm[RUN] < 2.0 else run_rate
    rhythm[MEAN] = np.log((1.0 - step) * np.exp(rhythm[MEAN]) + step * np.exp(log_rr))
