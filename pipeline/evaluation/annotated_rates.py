"""Whether beats that somebody annotated show what an alarm of a pause or a rate says, where no rhythm was annotated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.alarms import WAIT
from pipeline.evaluation.protocol import MATCH_S
from pipeline.records import Alarm

__all__ = ["RATES", "is_shown"]

# Mean rates of the annotated beats, a minute, that bear an alarm out: a little inside the limits of the rules, for the
# beats at the ends of the stretch may lie on either side.
RATES = {"extreme bradycardia": (0.0, 30.0), "extreme tachycardia": (170.0, np.inf)}


def is_shown(alarm: Alarm, beats_s: NDArray[np.float64]) -> bool:
    """Tell whether annotated beats bear out an alarm of asystole or of an extreme rate.

    Parameters
    ----------
    alarm : Alarm
        The alarm.
    beats_s : ndarray of float64, shape (n,)
        R peaks of the annotated beats in s; with none, nothing is shown.
    """
    if not len(beats_s):
        return False
    if alarm.kind == "asystole":
        inside = (beats_s > alarm.onset_s + MATCH_S) & (beats_s < alarm.raised_s - WAIT)
        return not inside.any()
    if alarm.kind not in RATES:
        return False
    within = beats_s[(beats_s >= alarm.onset_s - MATCH_S) & (beats_s <= alarm.raised_s)]
    if len(within) < 2:
        return False
    low, high = RATES[alarm.kind]
    return bool(low <= 60.0 * (len(within) - 1) / (within[-1] - within[0]) <= high)
