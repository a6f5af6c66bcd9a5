"""The two envelopes that R peaks are found in, of a signal as it comes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit_helper
from pipeline.signals.filters import BLOCK, Morlet, morlet
from pipeline.signals.gaps import GONE

__all__ = ["QRS_ENVELOPE", "REACH", "SHARP_ENVELOPE", "absences", "envelopes"]

QRS_ENVELOPE = Morlet(10.0, 0.035)  # every QRS complex, wide or narrow
SHARP_ENVELOPE = Morlet(20.0, 0.0175)  # no T wave
REACH = QRS_ENVELOPE.reach  # samples by which they come later than the signal

# Numba reads them as constants.
_QRS_REAL, _QRS_IMAG = QRS_ENVELOPE.real, QRS_ENVELOPE.imag
_SHARP_REAL, _SHARP_IMAG = SHARP_ENVELOPE.real, SHARP_ENVELOPE.imag
_SHARP_REACH = SHARP_ENVELOPE.reach


@jit_helper
def envelopes(signal: NDArray[np.float64], m: int, e: NDArray[np.float64], h: NDArray[np.float64]) -> None:
    """Write the envelopes of the ``m`` samples that ended ``REACH`` ago, each of shape (leads, m)."""
    first = signal.shape[1] - m - REACH
    room = np.empty(min(m, BLOCK))
    for lead in range(len(signal)):
        row = signal[lead]
        morlet(row[first - REACH :], _QRS_REAL, _QRS_IMAG, e[lead], room)
        morlet(row[first - _SHARP_REACH : first + m + _SHARP_REACH], _SHARP_REAL, _SHARP_IMAG, h[lead], room)


@jit_helper
def absences(states: NDArray[np.uint8], m: int, bad: NDArray[np.bool_], gone: NDArray[np.bool_]) -> None:
    """Write, of the same samples, where each lead is missing, flat or settling, and where every lead is gone."""
    first = states.shape[1] - m - REACH
    for n in range(m):
        gone[n] = True
        for lead in range(len(states)):
            state = states[lead, first + n]
            bad[lead, n] = state == 1 or state >= GONE
            if state < GONE:
                gone[n] = False
