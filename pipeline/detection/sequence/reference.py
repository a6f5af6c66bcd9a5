"""The intervals that a patient's beats are held against, and when they are held still.

Two run along, as logs of seconds. The slow one is the patient's usual interval over minutes. The unhurried one follows
long intervals faster than short ones: premature beats are short, so where they are many it stays near the interval of
the beats that are not. A beat of strange shape moves neither much.

A reference that follows an abrupt, regular, fast run would make it normal within a minute or two. So both go back to
where they were at its onset and are held there until the run is over. An onset is one step down of the log interval
that is followed by regular, fast beats; three beats in a row off the run's own rate end it, one does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit_helper

__all__ = [
    "HELD",
    "LONGEST",
    "REFERENCES",
    "SEEN",
    "SLOW",
    "UNHURRIED",
    "follow_references",
    "log_interval",
    "new_references",
]

SHORTEST, LONGEST = 0.15, 3.0  # s: what is shorter is no cycle of the heart, what is longer tells nothing of its rate

SLOW_RATE = 0.01
LONGER_RATE, SHORTER_RATE, STRANGE_RATE = 0.05, 0.015, 0.01  # of the unhurried interval
SLOW_STEP, UNHURRIED_STEP = 0.5, 0.7  # log ratio that a single beat counts for at the most
HELD_SHARE = 0.02  # of these rates while they are held

ONSET = 0.25  # step down of the log interval that may begin a run
FAST = float(np.log(0.5))  # log s: a run is faster than 120 a minute
REGULAR = 0.12  # change of the log interval from beat to beat within a run that begins
BEATS_TO_HOLD = 6
OFF = 0.15  # distance from the run's own rate that is off it
BEATS_TO_END = 3
RUN_RATE = 0.1  # how fast the run's own rate follows

# Where things lie: the two references, whether they are held, intervals seen, the last interval, beats of a run that
# may begin, the references at its onset, the rate of the run that holds, and its beats off that rate in a row.
SLOW, UNHURRIED, HELD, SEEN, LAST, BEGUN, SLOW_BEFORE, UNHURRIED_BEFORE, RUN, OFF_RUN = range(10)
REFERENCES = 10


def new_references() -> NDArray[np.float64]:
    """Return the references of a patient of whom nothing is known."""
    out = np.zeros(REFERENCES)
    out[[SLOW, UNHURRIED, LAST, SLOW_BEFORE, UNHURRIED_BEFORE, RUN]] = np.nan
    return out


@jit_helper
def log_interval(rr: float) -> float:
    """Return the log of an interval in s, cut off at what a heart can do."""
    return float(np.log(min(max(rr, SHORTEST), LONGEST)))


@jit_helper
def follow_references(references: NDArray[np.float64], log_rr: float, strange: bool) -> None:
    """Let the references follow a beat's log interval, NaN where it is not known.

    Parameters
    ----------
    references : ndarray of float64, shape (REFERENCES,)
        The carried state.
    log_rr : float
        From :func:`log_interval`.
    strange : bool
        Whether the beat's shape is far from the patient's usual one.
    """
    r = references
    if np.isnan(log_rr):
        r[LAST] = np.nan
        return
    if np.isnan(r[SLOW]):
        r[SLOW] = r[UNHURRIED] = log_rr
    _hold(r, log_rr)
    r[SEEN] += 1.0
    share = HELD_SHARE if r[HELD] else 1.0
    young = 1.0 / (r[SEEN] + 1.0)
    if not strange:
        r[SLOW] += share * max(SLOW_RATE, young) * min(max(log_rr - r[SLOW], -SLOW_STEP), SLOW_STEP)
    step = min(log_rr - r[UNHURRIED], UNHURRIED_STEP)
    rate = STRANGE_RATE if strange else (LONGER_RATE if step > 0.0 else SHORTER_RATE)
    r[UNHURRIED] += share * max(rate, young) * step
    r[LAST] = log_rr


@jit_helper
def _hold(r: NDArray[np.float64], log_rr: float) -> None:
    """Begin or end a hold."""
    if r[HELD]:
        if abs(log_rr - r[RUN]) > OFF:
            r[OFF_RUN] += 1.0
            if r[OFF_RUN] >= BEATS_TO_END:
                r[HELD] = r[BEGUN] = 0.0
        else:
            r[OFF_RUN] = 0.0
            r[RUN] += RUN_RATE * (log_rr - r[RUN])
    elif r[BEGUN] == 0.0:
        if log_rr - r[LAST] < -ONSET and log_rr < FAST:  # False where the last interval is not known
            r[BEGUN] = 1.0
            r[SLOW_BEFORE], r[UNHURRIED_BEFORE] = r[SLOW], r[UNHURRIED]
    elif log_rr < FAST and abs(log_rr - r[LAST]) < REGULAR:
        r[BEGUN] += 1.0
        if r[BEGUN] >= BEATS_TO_HOLD:
            r[HELD], r[OFF_RUN], r[RUN] = 1.0, 0.0, log_rr
            r[SLOW], r[UNHURRIED] = r[SLOW_BEFORE], r[UNHURRIED_BEFORE]
    else:
        r[BEGUN] = 0.0
