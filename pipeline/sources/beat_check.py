"""Whether a signal has heartbeats: a coarse look that chooses between signals whose names do not say what they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["has_beats"]

_BAND_HZ = (8.0, 25.0)  # QRS complexes; breath, pulse waves and most of a T wave lie below
_SHORTEST_S = 5.0
_STRETCH_S = 2.0  # holds a beat of 30 a minute
_CONTRAST = 3.0  # a QRS complex over what lies between; a noise of this band reaches 2
_ENOUGH = 0.5  # share of the stretches that must say so


def has_beats(signal: NDArray[np.floating], fs: float) -> bool:
    """Tell whether short, steep complexes stand out of a signal at the rate of a heart.

    It is made to tell an electrocardiogram from an electroencephalogram, breath, a pulse wave, a ramp, a marker or
    noise; R peaks are found elsewhere.

    Parameters
    ----------
    signal : ndarray, shape (samples,)
        In any unit; NaN where missing.
    fs : float
        Rate in Hz.
    """
    missing = ~np.isfinite(signal)
    if len(signal) < _SHORTEST_S * fs or missing.mean() > _ENOUGH or fs <= 2.1 * _BAND_HZ[1]:
        return False
    from scipy.signal import butter, sosfiltfilt  # it takes a second and 70 MB to import

    known = np.flatnonzero(~missing)
    filled = np.interp(np.arange(len(signal)), known, signal[known].astype(np.float64))
    band = sosfiltfilt(butter(2, _BAND_HZ, "bandpass", fs=fs, output="sos"), filled - np.median(filled))
    width = max(1, round(0.08 * fs))
    envelope = np.sqrt(np.convolve(band**2, np.ones(width) / width, "same"))
    size = round(_STRETCH_S * fs)
    stretches = envelope[: len(envelope) // size * size].reshape(-1, size)
    peak, between = stretches.max(axis=1), np.median(stretches, axis=1)
    smallest = 1e-9 * max(float(np.abs(filled).max()), 1e-12)  # what rounding leaves of a ramp
    typical = float(np.median(peak))
    if not typical > smallest:
        return False
    stands_out = (peak > _CONTRAST * between) & (peak > 0.2 * typical)
    if stands_out.mean() < _ENOUGH:
        return False
    above = envelope > 0.4 * typical
    starts = np.flatnonzero(np.diff(above.astype(np.int8), prepend=0) == 1) / fs
    intervals = np.diff(starts)
    beats = int((intervals > 0.24).sum()) + 1
    minutes = len(signal) / fs / 60.0
    share = float(above.mean())
    return 20 <= beats / minutes <= 260 and share < 0.45
