"""What the electrodes pick up besides the heart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.synthetic.autonomic import Tones

__all__ = ["AtrialWaves", "Noise"]

Floats = NDArray[np.float64]
LEADS = 2


class _Band:
    """White noise in a band, rms 1, in blocks that join without a seam."""

    def __init__(self, rng: np.random.Generator, fs: float, low_hz: float, high_hz: float) -> None:
        from scipy.signal import butter, sosfilt  # it takes a second and 70 MB to import

        self._rng = rng
        self._filter = sosfilt
        self._sos = butter(2, (low_hz, min(high_hz, 0.45 * fs)), "bandpass", fs=fs, output="sos")
        self._state = np.zeros((len(self._sos), 2, LEADS))
        impulse = np.zeros(int(8.0 * fs))
        impulse[0] = 1.0
        self._scale = 1.0 / np.sqrt(np.sum(sosfilt(self._sos, impulse) ** 2))
        self(int(2.0 * fs))  # lets the filter settle

    def __call__(self, n: int) -> Floats:
        """Return the next n samples of both leads, shape (n, 2)."""
        white = self._scale * self._rng.standard_normal((n, LEADS))
        out, self._state = self._filter(self._sos, white, axis=0, zi=self._state)
        return np.asarray(out, dtype=np.float64)


class Noise:
    """Noise of each kind for an amount of 1 mV, block after block.

    Parameters
    ----------
    rng : Generator
        Chance; each kind draws from a stream of its own, so that one changes nothing about another.
    fs : float
        Sampling rate in Hz.
    mains_hz : float
        Frequency of the power line.
    """

    def __init__(self, rng: np.random.Generator, fs: float, mains_hz: float) -> None:
        always, muscle, bumps, gusts, slow = rng.spawn(5)
        self._fs, self._mains_hz = fs, mains_hz
        self._always = _Band(always, fs, 1.0, 100.0)
        self._muscle = _Band(muscle, fs, 18.0, 150.0)
        self._bumps, self._gusts = _Band(bumps, fs, 0.4, 5.0), _Band(gusts, fs, 0.1, 0.8)
        self._effort = Tones(slow, 0.1, 1.5, 10)
        self._wander = [Tones(slow, 0.06, 0.6, 12) for _ in range(LEADS)]
        self._mains_phase = 2.0 * np.pi * slow.random()

    def always(self, n: int) -> Floats:
        """Return the noise of quiet electrodes, rms 1, shape (n, 2)."""
        return self._always(n)

    def __call__(self, kind: str, time_s: Floats) -> Floats:
        """Return noise of a kind at consecutive times, shape (n, 2), in the unit of that kind's level.

        Parameters
        ----------
        kind : {"wander", "muscle", "motion", "hum"}
            A kind of the group ``noise``.
        time_s : ndarray of float64, shape (n,)
            Time of each sample in s.
        """
        if kind == "wander":
            return np.column_stack([0.6 * tones(time_s) for tones in self._wander])
        if kind == "muscle":
            effort = np.clip(1.0 + 0.4 * self._effort(time_s), 0.1, None)
            strained: Floats = self._muscle(len(time_s)) * effort[:, None] / np.sqrt(1.16)
            return strained
        if kind == "motion":
            # A product of two: long quiet, then bumps; the second lead shares half of what shakes the first.
            shaken: Floats = self._bumps(len(time_s)) * self._gusts(len(time_s))
            shaken[:, 1] = (shaken[:, 0] + np.sqrt(3.0) * shaken[:, 1]) / 2.0
            return shaken
        if kind == "hum":
            phase = 2.0 * np.pi * self._mains_hz * time_s + self._mains_phase
            wave = np.sin(phase) if self._mains_hz < 0.5 * self._fs else np.zeros(len(time_s))
            if 3.0 * self._mains_hz < 0.5 * self._fs:
                wave += 0.15 * np.sin(3.0 * phase + 0.7)
            return np.column_stack([wave, 0.7 * wave])
        raise ValueError(f"unknown kind of noise {kind!r}")


class AtrialWaves:
    """f-waves of atrial fibrillation and the sawtooth of atrial flutter.

    A sawtooth of a few harmonics whose rate and amplitude wander: Stridh and Sörnmo 2001 (doi:10.1109/10.900266).

    Parameters
    ----------
    rng : Generator
        Makes this patient's waves.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._hz = rng.uniform(5.4, 7.2)
        self._size = float(np.exp(rng.normal(0.0, 0.25)))
        self._pace, self._height = Tones(rng, 0.05, 0.8, 8), Tones(rng, 0.1, 1.2, 8)

    def __call__(self, kind: str, rate_per_min: float, time_s: Floats) -> Floats:
        """Return the atrial waves in mV, shape (n, 2); the rate matters to flutter only."""
        if kind == "afib":
            phase = 2.0 * np.pi * self._hz * time_s + 2.2 * self._pace(time_s)
            height = 0.075 * self._size * np.clip(1.0 + 0.4 * self._height(time_s), 0.2, None)
            harmonics, leads = 3, (0.5, 1.0)
        else:
            phase = 2.0 * np.pi * rate_per_min / 60.0 * time_s
            height = np.full(len(time_s), 0.16 * self._size)
            harmonics, leads = 5, (-1.0, 0.6)
        wave = np.zeros(len(time_s))
        for k in range(1, harmonics + 1):
            wave += np.sin(k * phase) / k
        return np.multiply.outer(height * wave, leads)
