"""Whether a maximum of the fused envelope is a beat: a logistic model of what is known 0.26 s after it.

Size, sharpness, time since the last beat and noise each say a little, and a threshold on one of them cannot weigh them.
The weights are fitted by :mod:`pipeline.evaluation.fit_rpeaks`; there is one set for one lead and one for more.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit_helper

__all__ = ["FEATURES", "LOWEST", "WEIGHTS_FILE", "describe", "is_beat", "read_weights"]

WEIGHTS_FILE = Path(__file__).with_name("rpeak_weights.json")
LOWEST = 0.12  # maxima below this share of a usual beat's envelope are never one
LARGEST = float(np.log(2.0))  # larger still is no more of a beat; the level may lag behind a signal that has grown
ODDS = float(np.log(0.06 / 0.94))  # a missed beat is worse than a false one: 6 % will do

# "above" is the log of the peak over a threshold that falls with the time since the last beat, in median R-R intervals.
EARLY, ON_TIME, LATE = 0.40, 0.32, 0.27  # at half the median, the median and 1.6 of it, in units of a usual beat
NOISE_GAIN, NOISE_FREE = 0.5, 0.10  # it rises with the noise floor beyond this

FEATURES = (
    "peak",  # log of the fused envelope, a usual beat having 0
    "peak_of_size",  # the same, no smaller than -0.5
    "sharper",  # log of H over that of the last beat: T waves lack it
    "sharp",  # log of H
    "too_early",  # time since the last beat below 0.55 of the median R-R interval,
    "time",  # that time up to the median,
    "late",  # and beyond 1.2 of it
    "t_wave",  # time since the last beat below 0.42 s: where its T wave may be
    "t_wave_sharper",
    "t_wave_peak",
    "noise",  # noise floor
    "recent_noise",  # mean envelope since the last beat
    "noise_peak",
    "recent_noise_peak",
    "before",  # log of the greatest envelope since the last beat over the peak
    "after",  # and of the greatest one that follows
    "rival_before",  # both as far as they come near the peak
    "rival_after",
    "width",  # samples over half of the peak, in 0.11 s
    "least_lead",  # log of the envelope in the lead where it is least,
    "greatest_lead",  # and where it is greatest
    "above",
)


def read_weights(path: Path = WEIGHTS_FILE) -> NDArray[np.float64]:
    """Return the weights, shape (2, features + 1): for one lead and for more; the last is the intercept."""
    stored = json.loads(path.read_text())
    return np.array([[*(row[name] for name in FEATURES), row["intercept"]] for row in stored["weights"]])


@jit_helper
def describe(
    peak: float,
    sharpness: float,
    last_sharpness: float,
    since_s: float,
    median_rr_s: float,
    noise: float,
    recent_noise: float,
    before: float,
    after: float,
    width: float,
    least_lead: float,
    greatest_lead: float,
    out: NDArray[np.float64],
) -> None:
    """Write the features of a maximum; sizes are in units of a usual beat's, times in s."""
    t = min(since_s / median_rr_s, 2.5)
    if t <= 0.5:
        level = EARLY
    elif t <= 1.0:
        level = EARLY + (ON_TIME - EARLY) * (t - 0.5) / 0.5
    else:
        level = ON_TIME + (LATE - ON_TIME) * min((t - 1.0) / 0.6, 1.0)
    level += NOISE_GAIN * max(0.0, noise - NOISE_FREE)
    size = min(np.log(peak), LARGEST)
    sharper = min(max(np.log((sharpness + 1e-3) / (last_sharpness + 1e-3)), -3.0), 2.0)
    t_wave = max(0.0, 0.42 - since_s)
    recent = min(max(recent_noise, 0.0), 1.0)
    rival_before = min(np.log((before + 0.01) / peak), LARGEST)
    rival_after = min(np.log((after + 0.01) / peak), LARGEST)
    out[0] = size
    out[1] = max(size, -0.5)
    out[2] = sharper
    out[3] = min(max(np.log(sharpness + 1e-3), -4.0), LARGEST)
    out[4] = max(0.0, 0.55 - t)
    out[5] = min(t, 1.0)
    out[6] = max(0.0, t - 1.2)
    out[7] = t_wave
    out[8] = t_wave * sharper
    out[9] = t_wave * size
    out[10] = noise
    out[11] = recent
    out[12] = noise * size
    out[13] = recent * size
    out[14] = min(max(rival_before, -4.0), 1.0)
    out[15] = min(max(rival_after, -4.0), 1.0)
    out[16] = max(rival_before, -0.7)
    out[17] = max(rival_after, -0.7)
    out[18] = width / 20.0
    out[19] = min(max(np.log(max(least_lead, 0.01)), -4.0), LARGEST)
    out[20] = min(max(np.log(max(greatest_lead, 0.01)), -4.0), LARGEST)
    out[21] = size - np.log(level)


@jit_helper
def is_beat(features: NDArray[np.float64], weights: NDArray[np.float64]) -> bool:
    """Return True if a maximum with these features is more likely a beat than the odds ask for."""
    total = weights[len(features)]
    for k in range(len(features)):
        total += weights[k] * features[k]
    return bool(total > ODDS)
