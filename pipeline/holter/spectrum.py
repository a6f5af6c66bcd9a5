"""Heart rate variability in the frequency domain: bands of the Task Force of ESC and NASPE (Circulation 1996;93:1043).

The Task Force asks for segments of five minutes without ectopy and gaps. Resampling fills holes with a line, which
takes power from the high frequencies and adds it to the low ones; the periodogram of Lomb (Astrophys Space Sci
1976;39:447) and Scargle takes the intervals where they are, as Moody proposed for this very purpose (Spectral analysis
of heart rate without resampling, Computers in Cardiology 1993). It is SciPy's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.holter.beats import HolterBeats

__all__ = ["LEAST_SHARE", "LONGEST_HOLE_S", "Spectrum", "spectrum"]

SEGMENT_S = 300.0
LEAST_SHARE = 0.8  # of a segment that its NN intervals must cover
LONGEST_HOLE_S = 10.0  # s: the longest time in it without the end of an NN interval
STEP_HZ = 1 / (4 * SEGMENT_S)  # a quarter of the resolution, so that a sum over a band is its integral
BANDS_HZ = {"vlf": (4 * STEP_HZ, 0.04), "lf": (0.04, 0.15), "hf": (0.15, 0.4)}


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Powers in ms2, means over the segments that counted; NaN where none did.

    Attributes
    ----------
    vlf : float
        From 0.0033 to 0.04 Hz. Of five minutes the Task Force calls it dubious.
    lf : float
        From 0.04 to 0.15 Hz.
    hf : float
        From 0.15 to 0.4 Hz.
    total : float
        Their sum.
    lf_hf : float
        Low over high.
    segments : int
        Segments of 5 min that counted.
    of_segments : int
        Whole segments of 5 min in the record.
    """

    vlf: float
    lf: float
    hf: float
    total: float
    lf_hf: float
    segments: int
    of_segments: int


def spectrum(beats: HolterBeats, nn_s: NDArray[np.float64], duration_s: float) -> Spectrum:
    """Measure the power of a record's normal intervals by band.

    Parameters
    ----------
    beats : HolterBeats
        The record's beats.
    nn_s : ndarray of float64, shape (n,)
        The NN interval that ends at each beat, in s; NaN elsewhere.
    duration_s : float
        Length of the record in s.
    """
    nn = np.where(beats.in_fibrillation, np.nan, nn_s)  # an irregular irregularity has no bands
    there = np.isfinite(nn)
    time_s, nn = beats.time_s[there], nn[there]
    whole = int(duration_s // SEGMENT_S)
    powers = []
    for number in range(whole):
        start = SEGMENT_S * number
        first, last = np.searchsorted(time_s, (start, start + SEGMENT_S))
        at, intervals = time_s[first:last] - start, nn[first:last]
        holes = np.diff(at, prepend=0.0, append=SEGMENT_S)
        if intervals.sum() >= LEAST_SHARE * SEGMENT_S and holes.max() <= LONGEST_HOLE_S:
            powers.append(_powers(at, 1000.0 * intervals))
    vlf, lf, hf = np.mean(powers, axis=0).tolist() if powers else (math.nan,) * 3
    return Spectrum(vlf, lf, hf, vlf + lf + hf, lf / hf if hf > 0 else math.nan, len(powers), whole)


def _powers(time_s: NDArray[np.float64], nn_ms: NDArray[np.float64]) -> list[float]:
    """Return the power of one segment in each band, in ms2."""
    from scipy.signal import lombscargle

    residual = nn_ms - np.polyval(np.polyfit(time_s, nn_ms, 1), time_s)
    hz = STEP_HZ * (np.arange(round(BANDS_HZ["hf"][1] / STEP_HZ)) + 0.5)
    periodogram = lombscargle(time_s, residual, 2.0 * np.pi * hz)
    # One-sided density: a sinusoid of amplitude A has A^2 n / 4 in the periodogram, and a power of A^2 / 2.
    density = 2.0 * (time_s[-1] - time_s[0]) / (len(time_s) - 1) * periodogram
    return [float(density[(hz > low) & (hz < high)].sum() * STEP_HZ) for low, high in BANDS_HZ.values()]
