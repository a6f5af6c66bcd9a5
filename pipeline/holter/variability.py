"""Heart rate variability as the Task Force of ESC and NASPE defines it (Circulation 1996;93:1043).

Packages for it take an unbroken list of intervals; here pairs of intervals that a gap or an ectopic beat parts are no
pairs, and five-minute segments that are mostly missing are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.holter.beats import HolterBeats
from pipeline.holter.spectrum import Spectrum, spectrum

__all__ = ["Variability", "variability"]

SEGMENT_S = 300.0
LEAST_SHARE = 0.5  # of a segment that its intervals must cover, or it is left out
FASTEST_S, SLOWEST_S = 0.3, 2.0  # s: an interval outside is not between two normal beats
BIN_S = 1 / 128  # of the histogram of the triangular index


@dataclass(frozen=True, slots=True)
class Variability:
    """Measures in ms, but for those named otherwise; NaN where there are too few intervals.

    Attributes
    ----------
    intervals : int
        Intervals between two normal beats that follow each other.
    mean_nn : float
        Their mean.
    sdnn : float
        Their standard deviation (n - 1).
    sdann : float
        Standard deviation of their means over segments of 5 min.
    sdnn_index : float
        Mean of their standard deviations over segments of 5 min.
    rmssd : float
        Root of the mean square of differences between intervals that follow each other.
    pnn50 : float
        Share of these differences above 50 ms, in %.
    triangular_index : float
        Number of intervals over the height of their histogram with bins of 1/128 s, without a unit.
    segments : int
        Segments of 5 min that counted.
    spectrum : Spectrum
        The same intervals in the frequency domain.
    """

    intervals: int
    mean_nn: float
    sdnn: float
    sdann: float
    sdnn_index: float
    rmssd: float
    pnn50: float
    triangular_index: float
    segments: int
    spectrum: Spectrum


def variability(beats: HolterBeats, duration_s: float) -> Variability:
    """Measure the variability of a record's normal beats.

    Parameters
    ----------
    beats : HolterBeats
        The record's beats.
    duration_s : float
        Length of the record in s.
    """
    nn = beats.nn_s
    nn = np.where((nn >= FASTEST_S) & (nn <= SLOWEST_S), nn, np.nan)
    known = nn[np.isfinite(nn)]
    # A difference needs two intervals side by side: NaN on either side is none.
    steps = np.diff(nn)
    steps = steps[np.isfinite(steps)]
    means, deviations = _segments(beats.time_s, nn)
    height = int(np.unique(np.floor(known / BIN_S), return_counts=True)[1].max()) if len(known) else 0
    return Variability(
        intervals=len(known),
        mean_nn=1000.0 * float(known.mean()) if len(known) else math.nan,
        sdnn=1000.0 * _deviation(known),
        sdann=1000.0 * _deviation(means),
        sdnn_index=1000.0 * float(deviations.mean()) if len(deviations) else math.nan,
        rmssd=1000.0 * math.sqrt(float(np.mean(steps**2))) if len(steps) else math.nan,
        # To the microsecond: times are multiples of a sample, and 50 ms may be one.
        pnn50=100.0 * float((np.round(np.abs(steps), 6) > 0.05).mean()) if len(steps) else math.nan,
        triangular_index=len(known) / height if height else math.nan,
        segments=len(means),
        spectrum=spectrum(beats, nn, duration_s),
    )


def _segments(time_s: NDArray[np.float64], nn: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and deviation of the intervals of each segment that they cover well enough."""
    means, deviations = [], []
    segment = np.floor(time_s / SEGMENT_S)
    for number in np.unique(segment):
        inside = nn[(segment == number) & np.isfinite(nn)]
        if len(inside) > 1 and inside.sum() >= LEAST_SHARE * SEGMENT_S:
            means.append(inside.mean())
            deviations.append(_deviation(inside))
    return np.array(means), np.array(deviations)


def _deviation(values: NDArray[np.float64]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
