"""Beats become waves, and waves become millivolts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit
from pipeline.sources.synthetic.heart import Beat
from pipeline.sources.synthetic.waves import COMPLEXES, P_WAVES, ST_SEGMENT

__all__ = ["Morphology", "Waves", "add_waves"]

Floats = NDArray[np.float64]

REACH = 4.5  # standard deviations after which a Gaussian is over: 40 millionths of its height
RR_REFERENCE_S = 0.85  # the R-R interval that the tables are written for


class Waves(NamedTuple):
    """Asymmetric Gaussians: centre and widths in s, shape (n,), and amplitude in mV, shape (n, 2)."""

    centre: Floats
    left: Floats
    right: Floats
    amplitude: Floats


@jit
def add_waves(
    signal: Floats, start: int, fs: float, centre: Floats, left: Floats, right: Floats, amplitude: Floats
) -> None:
    """Add Gaussian waves to a signal of shape (n, leads) whose first sample is number ``start`` of its record."""
    n, leads = signal.shape
    for w in range(len(centre)):
        first = max(0, math.ceil((centre[w] - REACH * left[w]) * fs) - start)
        last = min(n, math.floor((centre[w] + REACH * right[w]) * fs) + 1 - start)
        for i in range(first, last):
            distance = (i + start) / fs - centre[w]
            width = left[w] if distance < 0.0 else right[w]
            height = math.exp(-0.5 * (distance / width) ** 2)
            for lead in range(leads):
                signal[i, lead] += amplitude[w, lead] * height


class Morphology:
    """One patient's own shapes, and how each beat departs from them.

    Parameters
    ----------
    rng : Generator
        Makes the patient: amplitudes, times and widths within some 10 to 20 % of the tables'.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        chest = np.exp(rng.normal(0.0, (0.15, 0.25)))  # how much of everything reaches each lead
        size = {"p": 0.20, "qrs": 0.10, "t": 0.30}  # log deviation between patients of the size of a whole part

        def own(table: Floats, part: str) -> Floats:
            n = len(table)
            whole = math.exp(size[part] * rng.standard_normal())
            out = table.copy()
            out[:, 0] *= 1.0 + 0.03 * rng.standard_normal(n)
            out[:, 1:3] *= np.exp(0.06 * rng.standard_normal((n, 1)))
            # The waves that a T wave is built of belong together: apart they would notch it.
            out[:, 3:] *= np.exp(0.1 * (part != "t") * rng.standard_normal((n, 1)) + 0.05 * rng.standard_normal((n, 2)))
            out[:, 3:] *= chest * whole
            return out

        self._p_waves = {name: own(table, "p") for name, table in P_WAVES.items()}
        self._qrs = {name: own(shape.qrs, "qrs") for name, shape in COMPLEXES.items()}
        self._t = {name: own(shape.t, "t") for name, shape in COMPLEXES.items()}

    def waves(self, beats: Sequence[Beat], breath: Floats, st_mv: Floats, gain: Floats) -> Waves:
        """Return the waves of some beats.

        Parameters
        ----------
        beats : sequence of Beat
            n beats.
        breath : ndarray of float64, shape (n,)
            Depth of the breath at each beat, -1 to 1.
        st_mv : ndarray of float64, shape (n,)
            ST shift of the first lead at each beat in mV.
        gain : ndarray of float64, shape (n,)
            Amplitude of each beat, 1 being the patient's usual one.
        """
        parts = [self._beat(*each) for each in zip(beats, breath.tolist(), st_mv.tolist(), gain.tolist(), strict=True)]
        rows = np.concatenate(parts) if parts else np.empty((0, 5))
        centre, left, right = np.ascontiguousarray(rows[:, :3].T)
        return Waves(centre, left, right, np.ascontiguousarray(rows[:, 3:]))

    def _beat(self, beat: Beat, breath: float, st_mv: float, gain: float) -> Floats:
        """Return the waves of one beat as rows of centre, widths and amplitudes."""
        vary = beat.variation.tolist()
        # The heart turns and the lungs fill with each breath: the leads do not change alike.
        height = (
            gain * (1.0 + 0.05 * breath + 0.015 * vary[0]),
            gain * (1.0 - 0.09 * breath + 0.020 * vary[1]),
        )
        stretch = (beat.rr_s / RR_REFERENCE_S) ** (1.0 / 3.0)
        # An ectopic focus does not spread twice in the same way.
        spread = 1.0 + (0.035 if beat.symbol in ("V", "F", "!") else 0.008) * vary[2]
        rows = [
            _at(beat.time_s, self._qrs[beat.shape], spread, 0.0, height, 1.0),
            _at(beat.time_s, self._t[beat.shape], stretch, 0.002 * vary[3], height, 1.0 + 0.04 * vary[4]),
        ]
        if beat.p_wave:
            shift = 0.0025 * vary[5]
            rows.append(_at(beat.time_s, self._p_waves[beat.p_wave], math.sqrt(stretch), shift, height, 1.0))
        if st_mv != 0.0 and beat.symbol not in ("V", "!", ""):
            rows.append(_at(beat.time_s, ST_SEGMENT, stretch, 0.0, (gain, gain), st_mv))
        return np.concatenate(rows)


def _at(
    time_s: float, table: Floats, stretch: float, shift_s: float, height: tuple[float, float], scale: float
) -> Floats:
    """Return a table's waves stretched in time about the R peak at ``time_s`` and scaled in each lead."""
    out = table * (stretch, stretch, stretch, height[0] * scale, height[1] * scale)
    out[:, 0] += time_s + shift_s
    return out
