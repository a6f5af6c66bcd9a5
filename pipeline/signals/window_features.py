"""What a few seconds of one lead look like, heartbeats or none: features in which fibrillation stands out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit_helper

__all__ = ["FEATURES", "HOP", "SPAN", "WINDOW_FS", "describe"]

WINDOW_FS = 90  # Hz; half the internal rate, for what matters lies below 30 Hz
SPAN = 4 * WINDOW_FS  # samples in a window
HOP = WINDOW_FS  # samples from one window to the next
TINY = 1e-9
SHORTEST, SPLIT, LONGEST = 7, 16, 54  # lags in 1/45 s: cycles of 385, 169 and 50 a minute

# In the order of describe()'s output. All but the first do not change when the signal is scaled.
FEATURES = (
    "log root mean square (mV)",
    "log of the greatest deviation over the root mean square",
    "share of samples beyond a fifth of the greatest",  # threshold crossing sample count, doi:10.1007/s11760-009-0136-2
    "leakage of a filter at the mean frequency",  # VF filter, doi:10.1007/BF02442487
    "log of the mean frequency (Hz)",
    "log of the steepest slope over the mean slope",
    "share of samples with a slope below a tenth of the steepest",
    "highest autocorrelation at 0.16 to 0.36 s",
    "highest autocorrelation at 0.36 to 1.2 s",
    "log of the lag of the highest of all (s)",
    "log kurtosis",
    "log of the root mean square of curvature over slope",
    "share of power below 1 Hz",
    "asymmetry",
    "greatest slope of the quietest second over the greatest slope",
    "log of the greatest over the least deviation of the seconds",
)
N = len(FEATURES)


@jit_helper
def describe(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Describe a window of one lead.

    Parameters
    ----------
    x : ndarray of float64, shape (SPAN,)
        Filtered signal in mV at WINDOW_FS.
    out : ndarray of float64, shape (len(FEATURES),)
        Where the features go.
    """
    n = len(x)
    mean = 0.0
    for i in range(n):
        mean += x[i]
    mean /= n
    y = np.empty(n)
    square = fourth = cube = greatest = 0.0
    for i in range(n):
        v = x[i] - mean
        y[i] = v
        s = v * v
        square += s
        cube += s * v
        fourth += s * s
        greatest = max(greatest, abs(v))
    variance = square / n + TINY
    rms = math.sqrt(variance)
    beyond = 0
    for i in range(n):
        if abs(y[i]) > 0.2 * greatest:
            beyond += 1
    seconds = n // WINDOW_FS
    steepest_of, high_of, low_of = np.empty(seconds), np.empty(seconds), np.empty(seconds)
    for k in range(seconds):
        steepest_of[k], high_of[k], low_of[k] = 0.0, -1e9, 1e9
    steepest = slope = slope_square = curve_square = whole = 0.0
    for i in range(n):
        k = min(i // WINDOW_FS, seconds - 1)
        high_of[k] = max(high_of[k], y[i])
        low_of[k] = min(low_of[k], y[i])
        whole += abs(y[i])
        if i == 0:
            continue
        d = y[i] - y[i - 1]
        slope += abs(d)
        slope_square += d * d
        steepest = max(steepest, abs(d))
        steepest_of[k] = max(steepest_of[k], abs(d))
        if i > 1:
            c = y[i] - 2.0 * y[i - 1] + y[i - 2]
            curve_square += c * c
    gentle = 0
    for i in range(1, n):
        if abs(y[i] - y[i - 1]) < 0.1 * steepest:
            gentle += 1
    half = int(math.pi * whole / (slope + TINY) + 0.5)  # half a period of the mean frequency, in samples
    half = min(max(half, 1), n // 2)
    through = both = 0.0
    for i in range(half, n):
        through += abs(y[i] + y[i - half])
        both += abs(y[i]) + abs(y[i - half])
    # Autocorrelation at every other sample: a lag is wanted to a fiftieth of a second.
    m = n // 2
    z = np.empty(m)
    for i in range(m):
        z[i] = y[2 * i] + y[2 * i + 1]
    left = right = 0.0
    for i in range(m):
        left += z[i] * z[i]
    right = left
    short = late = best = -1.0
    best_lag = 1
    for lag in range(1, LONGEST + 1):
        left -= z[lag - 1] * z[lag - 1]
        right -= z[m - lag] * z[m - lag]
        if lag < SHORTEST:
            continue
        product = 0.0
        for i in range(lag, m):
            product += z[i] * z[i - lag]
        r = product / (math.sqrt(max(0.0, left * right)) + TINY)
        if lag <= SPLIT:
            short = max(short, r)
        else:
            late = max(late, r)
        if r > best + 0.02:  # the shortest of equals
            best, best_lag = r, lag
    # A moving mean of 1 s leaves what lies below 1 Hz.
    slow_square = running = 0.0
    for i in range(n):
        running += y[i]
        if i >= WINDOW_FS:
            running -= y[i - WINDOW_FS]
        if i >= WINDOW_FS - 1:
            slow_square += (running / WINDOW_FS) ** 2
    slow = slow_square / (n - WINDOW_FS + 1)
    flattest = widest = 0.0
    flattest, widest, narrowest = 1e9, 0.0, 1e9
    for k in range(seconds):
        flattest = min(flattest, steepest_of[k])
        widest = max(widest, high_of[k] - low_of[k])
        narrowest = min(narrowest, high_of[k] - low_of[k])
    out[0] = math.log(rms)
    out[1] = math.log(greatest / rms + TINY)
    out[2] = beyond / n
    out[3] = through / (both + TINY)
    out[4] = math.log(WINDOW_FS / (2.0 * half))
    out[5] = math.log(steepest * n / (slope + TINY) + TINY)
    out[6] = gentle / n
    out[7] = short
    out[8] = late
    out[9] = math.log(best_lag * 2.0 / WINDOW_FS)
    out[10] = math.log(fourth / n / (variance * variance) + TINY)
    out[11] = 0.5 * math.log((curve_square + TINY) / (slope_square + TINY))
    out[12] = min(1.0, slow / variance)
    out[13] = abs(cube / n / (variance * rms))
    out[14] = flattest / (steepest + TINY)
    out[15] = math.log((widest + TINY) / (narrowest + TINY))
