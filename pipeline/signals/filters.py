"""Causal filters at the internal rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter

from pipeline.jit import jit
from pipeline.signals.resample import FS

__all__ = ["BandPass", "Morlet"]


class BandPass:
    """Butterworth band-pass, 0.5 to 40 Hz, order 2, one pass forward, its state carried.

    Parameters
    ----------
    n_leads : int
        Number of leads.
    """

    def __init__(self, n_leads: int) -> None:
        self._sos = butter(2, [0.5, 40.0], "bandpass", fs=FS, output="sos")
        self._z = np.zeros((n_leads, len(self._sos), 2))

    def process(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filter the next samples, shape (leads, m) in mV, finite everywhere."""
        out = np.empty_like(signal)
        _sosfilt(signal, self._sos, self._z, out)
        return out

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {"z": self._z.copy()}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._z[:] = state["z"]


@jit
def _sosfilt(
    signal: NDArray[np.float64], sos: NDArray[np.float64], z: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    for lead in range(signal.shape[0]):
        for n in range(signal.shape[1]):
            value = signal[lead, n]
            for s in range(sos.shape[0]):
                y = sos[s, 0] * value + z[lead, s, 0]
                z[lead, s, 0] = sos[s, 1] * value - sos[s, 4] * y + z[lead, s, 1]
                z[lead, s, 1] = sos[s, 2] * value - sos[s, 5] * y
                value = y
            out[lead, n] = value


class Morlet:
    """Magnitude of a complex Morlet wavelet transform at one scale: how much energy of one band stands where.

    The kernel has no response to a constant, so a step moves it for no longer than the kernel lasts.

    Parameters
    ----------
    frequency : float
        Centre frequency in Hz.
    sigma : float
        Standard deviation of the Gaussian window in s; the kernel reaches three of them to either side.
    """

    def __init__(self, frequency: float, sigma: float) -> None:
        self.reach = int(np.ceil(3 * sigma * FS))
        t = np.arange(-self.reach, self.reach + 1) / FS
        window = np.exp(-0.5 * (t / sigma) ** 2)
        wave = np.exp(2j * np.pi * frequency * t)
        kernel = window * (wave - (window * wave).sum() / window.sum())
        kernel *= 2.0 / np.abs((kernel * wave.conj()).sum())  # a sine of 1 mV at the centre frequency gives 1
        # One half is enough: the real part is even, the imaginary part odd.
        self._real = np.ascontiguousarray(kernel.real[self.reach :])
        self._imag = np.ascontiguousarray(kernel.imag[self.reach :])

    def envelope(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transform a stretch, shape (leads, m + 2 * reach) in mV; return (leads, m): its edges are context."""
        out = np.empty((signal.shape[0], signal.shape[1] - 2 * self.reach))
        _morlet(signal, self._real, self._imag, out)
        return out


@jit
def _morlet(
    buffer: NDArray[np.float64], real: NDArray[np.float64], imag: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    reach = real.shape[0] - 1
    m = out.shape[1]
    block = 512  # stays in the first-level cache
    re = np.empty(block)
    im = np.empty(block)
    for lead in range(buffer.shape[0]):
        for start in range(0, m, block):
            size = min(block, m - start)
            centre = buffer[lead, start + reach : start + reach + size]
            for n in range(size):
                re[n] = real[0] * centre[n]
                im[n] = 0.0
            for j in range(1, reach + 1):
                before = buffer[lead, start + reach - j : start + reach - j + size]
                after = buffer[lead, start + reach + j : start + reach + j + size]
                a, b = real[j], imag[j]
                for n in range(size):
                    re[n] += a * (after[n] + before[n])
                    im[n] += b * (after[n] - before[n])
            for n in range(size):
                out[lead, start + n] = np.sqrt(re[n] * re[n] + im[n] * im[n])
