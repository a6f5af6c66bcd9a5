"""What is usual for this patient in time: the running R-R interval and how much it varies anyway.

Two intervals run along. The mean says which beats come on time. The unhurried interval, from which earliness is
counted, follows long intervals faster than short ones: premature beats are short, so where they are many, or even most,
it stays near the interval of the beats that are not, where the mean becomes theirs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit

__all__ = ["BEATS", "LONGEST_RR", "RHYTHM", "RUN", "follow_rate", "follow_rhythm", "forget_changes", "new_rhythm"]

RRS = 128  # R-R changes in the running variability
LONGEST_RR = 3.0  # s: a longer interval is a pause or a gap and tells nothing about the rate
LONGEST_RATIO = 2.0  # of the unhurried interval: more of a pause does not count
ABRUPT = 0.4  # share of the earliness against the longest of the last four intervals: a rate that rises is not early

# What is written of a beat: R-R interval in s; log of the mean interval over it; median change of its log from beat to
# beat; log of the unhurried interval over it, as far as it came abruptly.
RHYTHM = RR, PREMATURITY, VARIABILITY, EARLY = range(4)

# Where things lie in the vector of the rhythm: number of beats, time of the last one in s, logs of the mean interval,
# of the unhurried one and of the last four, strange beats in a row, and then a ring of changes.
BEATS, LAST, MEAN, UNHURRIED, RECENT, RUN, CHANGES = 0, 1, 2, 3, 4, 8, 9
PAST = RUN - RECENT


def new_rhythm() -> NDArray[np.float64]:
    """Return the rhythm of a patient of whom nothing is known."""
    rhythm = np.zeros(CHANGES + RRS)
    rhythm[LAST:RUN] = np.nan
    return rhythm


@jit
def follow_rhythm(
    time: float,
    broken: bool,
    premature: float,
    rhythm: NDArray[np.float64],
    changes: NDArray[np.int64],
    out: NDArray[np.float64],
) -> bool:
    """Take the next beat at ``time`` s, write what ``RHYTHM`` names of it, and return True if it is on time."""
    rhythm[BEATS] += 1.0
    last = rhythm[LAST]
    rhythm[LAST] = time
    if broken or not time > last:  # NaN compares false: nothing is known of the interval
        rhythm[RECENT : RECENT + PAST] = np.nan  # no change is known across a gap
        return False
    log_rr = np.log(min(time - last, LONGEST_RR))
    if np.isnan(rhythm[MEAN]):
        rhythm[MEAN] = rhythm[UNHURRIED] = log_rr
    out[RR] = time - last
    out[PREMATURITY] = rhythm[MEAN] - log_rr
    known = min(changes[0], RRS)
    out[VARIABILITY] = np.median(rhythm[CHANGES : CHANGES + known]) if known > 0 else 0.1
    # The least change against the last three: a bigeminy repeats itself, fibrillation does not.
    least, longest = np.inf, -np.inf
    for j in range(PAST):
        if not np.isnan(rhythm[RECENT + j]):
            longest = max(longest, rhythm[RECENT + j])
            if j < 3:
                least = min(least, abs(log_rr - rhythm[RECENT + j]))
    if np.isfinite(least):
        rhythm[CHANGES + changes[0] % RRS] = least
        changes[0] += 1
        if changes[0] >= 2 * RRS:
            changes[0] -= RRS
    early = rhythm[UNHURRIED] - log_rr
    abrupt = min(early, longest - log_rr) if np.isfinite(longest) else early
    out[EARLY] = (1.0 - ABRUPT) * early + ABRUPT * abrupt
    for j in range(PAST - 1, 0, -1):
        rhythm[RECENT + j] = rhythm[RECENT + j - 1]
    rhythm[RECENT] = log_rr
    return bool(out[PREMATURITY] < premature)


@jit
def forget_changes(time: float, rhythm: NDArray[np.float64]) -> None:
    """Keep of a beat at ``time`` s no more than that it was there: no change is known across it."""
    rhythm[LAST] = time
    rhythm[RECENT : RECENT + PAST] = np.nan


@jit
def follow_rate(rr: float, rate: float, longer: float, shorter: float, rhythm: NDArray[np.float64]) -> None:
    """Let the intervals follow ``rr`` s, NaN if it is not known.

    The mean does at ``rate``, the unhurried interval at ``longer`` or ``shorter``, as the interval is.
    """
    if np.isnan(rr):
        return
    rr = min(rr, LONGEST_RR)
    rhythm[MEAN] = np.log((1.0 - rate) * np.exp(rhythm[MEAN]) + rate * rr)
    unhurried = np.exp(rhythm[UNHURRIED])
    step = min(rr, LONGEST_RATIO * unhurried) - unhurried
    rhythm[UNHURRIED] = np.log(unhurried + (longer if step > 0.0 else shorter) * step)
