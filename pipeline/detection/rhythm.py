"""What is usual for this patient in time: the running R-R interval and how much it varies anyway."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit

__all__ = ["BEATS", "LONGEST_RR", "RUN", "follow_rate", "follow_rhythm", "new_rhythm"]

RRS = 128  # R-R changes in the running variability
LONGEST_RR = 3.0  # s: a longer interval is a pause or a gap and tells nothing about the rate

# Where things lie in the vector of the rhythm: number of beats, time of the last one in s, log of the mean interval,
# logs of the last three, strange beats in a row, and then a ring of changes.
BEATS, LAST, MEAN, RECENT, RUN, CHANGES = 0, 1, 2, 3, 6, 7


def new_rhythm() -> NDArray[np.float64]:
    """Return the rhythm of a patient of whom nothing is known."""
    rhythm = np.zeros(CHANGES + RRS)
    rhythm[LAST] = np.nan
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
    """Take the next beat at ``time`` s; write interval, prematurity and variability; return True if it is on time."""
    rhythm[BEATS] += 1.0
    last = rhythm[LAST]
    rhythm[LAST] = time
    if broken or not time > last:  # NaN compares false: nothing is known of the interval
        rhythm[RECENT] = rhythm[RECENT + 1] = rhythm[RECENT + 2] = 0.0  # no change is known across a gap
        return False
    rr = min(time - last, LONGEST_RR)
    log_rr = np.log(rr)
    if rhythm[MEAN] == 0.0:
        rhythm[MEAN] = log_rr
    out[0] = time - last
    out[1] = rhythm[MEAN] - log_rr
    known = min(changes[0], RRS)
    out[2] = np.median(rhythm[CHANGES : CHANGES + known]) if known > 0 else 0.1
    # The least change against the last three: a bigeminy repeats itself, fibrillation does not.
    least = np.inf
    for j in range(RECENT, RECENT + 3):
        if rhythm[j] != 0.0:
            least = min(least, abs(log_rr - rhythm[j]))
    if np.isfinite(least):
        rhythm[CHANGES + changes[0] % RRS] = least
        changes[0] += 1
        if changes[0] >= 2 * RRS:
            changes[0] -= RRS
    rhythm[RECENT + 2], rhythm[RECENT + 1], rhythm[RECENT] = rhythm[RECENT + 1], rhythm[RECENT], log_rr
    return bool(out[1] < premature)


@jit
def follow_rate(rr: float, rate: float, rhythm: NDArray[np.float64]) -> None:
    """Let the mean interval follow ``rr`` s, NaN if it is not known."""
    if not np.isnan(rr):
        rhythm[MEAN] = np.log((1.0 - rate) * np.exp(rhythm[MEAN]) + rate * min(rr, LONGEST_RR))
