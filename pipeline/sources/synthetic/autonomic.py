"""Breathing and the autonomic tone: slow courses that are pure functions of time.

McSharry et al. 2003 (doi:10.1109/TBME.2003.808805) make their tachogram from a power spectrum with random phases. The
same is done here with a sum of sinusoids instead of an inverse Fourier transform, so that any moment of a week-long
record can be asked for without computing the moments before it: a peak at the breathing rate (respiratory sinus
arrhythmia), one near 0.1 Hz (Mayer waves; both Akselrod et al. 1981, doi:10.1126/science.6166045), and a 1/f course
below (Kobayashi and Musha 1982, doi:10.1109/TBME.1982.324972).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["Autonomic", "Tones"]

SHORTEST_S = 0.28  # no sinus node fires faster


class Tones:
    """A sum of sinusoids of random phase: smooth noise that can be evaluated at any time.

    Parameters
    ----------
    rng : Generator
        Where the phases come from.
    low_hz, high_hz : float
        Band, filled with tones at equal ratios: equal power in each octave is a 1/f spectrum.
    n : int
        Number of tones.
    """

    def __init__(self, rng: np.random.Generator, low_hz: float, high_hz: float, n: int) -> None:
        ratio = (high_hz / low_hz) ** (1.0 / n)
        self._omega = 2.0 * np.pi * low_hz * ratio ** (np.arange(n) + rng.random(n))
        self._phase = 2.0 * np.pi * rng.random(n)
        self._amplitude = math.sqrt(2.0 / n)

    def __call__(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value at each time, shape (n,): rms 1, rarely beyond plus and minus 3."""
        tones: NDArray[np.float64] = np.sin(np.multiply.outer(time_s, self._omega) + self._phase)
        total: NDArray[np.float64] = self._amplitude * tones.sum(axis=-1)
        return total


class Autonomic:
    """The breath of a patient and what it and the tone do to the interval between sinus beats.

    Parameters
    ----------
    rng : Generator
        Makes this patient's course.
    breaths_per_min : float
        Mean breathing rate.
    variability : float
        Scale of all modulation of the interval; 1 gives a standard deviation of about 4 %.
    """

    RESPIRATORY = 0.035  # amplitude of respiratory sinus arrhythmia, share of the interval
    MAYER = 0.022  # amplitude of the 0.1 Hz wave
    SLOW = 0.025  # rms of the 1/f part

    def __init__(self, rng: np.random.Generator, breaths_per_min: float, variability: float) -> None:
        self._breath_hz = breaths_per_min / 60.0
        self._breath_wobble = Tones(rng, 0.005, 0.05, 8)
        self._mayer_hz = 0.095 + 0.01 * rng.random()
        self._mayer_wobble = Tones(rng, 0.003, 0.03, 8)
        self._slow = Tones(rng, 0.0005, 0.05, 20)
        self._variability = variability

    def breath(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the depth of the breath at each time, -1 (out) to 1 (in), shape (n,)."""
        return np.sin(2.0 * np.pi * self._breath_hz * time_s + 1.2 * self._breath_wobble(time_s))

    def interval(self, time_s: float, rate_bpm: float) -> float:
        """Return the sinus interval in s that begins at ``time_s`` when the mean rate is ``rate_bpm``."""
        at = np.array([time_s])
        # The heart is faster while breathing in: the interval shortens.
        wave = -self.RESPIRATORY * self.breath(at)
        wave += self.MAYER * np.sin(2.0 * np.pi * self._mayer_hz * at + 1.5 * self._mayer_wobble(at))
        wave += self.SLOW * self._slow(at)
        # A fast heart varies less: vagal tone, which carries most of the variability, has gone.
        calm = min(1.5, (70.0 / rate_bpm) ** 1.5)
        return max(SHORTEST_S, float(60.0 / rate_bpm * (1.0 + self._variability * calm * wave[0])))
