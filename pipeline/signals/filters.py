"""Causal filters at the internal rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit, jit_helper
from pipeline.signals.resample import FS

__all__ = ["BAND_PASS", "BLOCK", "BandPass", "Morlet", "morlet", "sosfilt"]

BLOCK = 512  # samples that stay in the first-level cache


# scipy.signal.butter(2, [0.5, 40.0], "bandpass", fs=180.0, output="sos"), written down: the import takes a second and
# 70 MB, and its last bits are the same everywhere.
BAND_PASS = (
    (0.23882407361278207, 0.47764814722556415, 0.23882407361278207, 1.0, -0.21758494552974575, 0.18506729288507515),
    (1.0, -2.0, 1.0, 1.0, -1.975323017900515, 0.9756301694404643),
)


class BandPass:
    """Butterworth band-pass, 0.5 to 40 Hz, order 2, one pass forward, its state carried.

    Parameters
    ----------
    n_leads : int
        Number of leads.
    """

    def __init__(self, n_leads: int) -> None:
        self.sos = np.array(BAND_PASS)
        self.z = np.zeros((n_leads, len(self.sos), 2))

    def process(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filter the next samples, shape (leads, m) in mV, finite everywhere."""
        out = np.empty_like(signal)
        for lead, row in enumerate(signal):
            _sosfilt(row, self.sos, self.z[lead], out[lead])
        return out

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {"z": self.z.copy()}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self.z[:] = state["z"]


@jit_helper
def sosfilt(
    signal: NDArray[np.float64], sos: NDArray[np.float64], z: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Filter one lead by second-order sections; ``z``, shape (sections, 2), is carried."""
    for n in range(len(signal)):
        value = signal[n]
        for s in range(sos.shape[0]):
            y = sos[s, 0] * value + z[s, 0]
            z[s, 0] = sos[s, 1] * value - sos[s, 4] * y + z[s, 1]
            z[s, 1] = sos[s, 2] * value - sos[s, 5] * y
            value = y
        out[n] = value


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
        self.real = np.ascontiguousarray(kernel.real[self.reach :])
        self.imag = np.ascontiguousarray(kernel.imag[self.reach :])

    def envelope(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transform a stretch, shape (leads, m + 2 * reach) in mV; return (leads, m): its edges are context."""
        out = np.empty((signal.shape[0], signal.shape[1] - 2 * self.reach))
        for lead, row in enumerate(np.ascontiguousarray(signal)):
            _morlet(row, self.real, self.imag, out[lead], np.empty(BLOCK))
        return out


@jit_helper
def morlet(
    signal: NDArray[np.float64],
    real: NDArray[np.float64],
    imag: NDArray[np.float64],
    out: NDArray[np.float64],
    room: NDArray[np.float64],
) -> None:
    """Transform one lead, with as many samples more at either edge as the half kernel reaches.

    ``room`` is for ``BLOCK`` numbers, or as many as there are outputs.
    """
    reach = len(real) - 1
    for start in range(0, len(out), BLOCK):
        size = min(BLOCK, len(out) - start)
        centre = signal[start + reach : start + reach + size]
        re, im = out[start : start + size], room[:size]
        for n in range(size):
            re[n] = real[0] * centre[n]
            im[n] = 0.0
        for j in range(1, reach, 2):  # two at a time: half the walks over the sums
            before = signal[start + reach - j - 1 : start + reach - j + size]
            after = signal[start + reach + j : start + reach + j + 1 + size]
            a, b, a_next, b_next = real[j], imag[j], real[j + 1], imag[j + 1]
            for n in range(size):
                re[n] = re[n] + a * (after[n] + before[n + 1]) + a_next * (after[n + 1] + before[n])
                im[n] = im[n] + b * (after[n] - before[n + 1]) + b_next * (after[n + 1] - before[n])
        for j in range(reach, reach + reach % 2):  # the last one of an odd number
            before = signal[start + reach - j : start + reach - j + size]
            after = signal[start + reach + j : start + reach + j + size]
            a, b = real[j], imag[j]
            for n in range(size):
                re[n] += a * (after[n] + before[n])
                im[n] += b * (after[n] - before[n])
        for n in range(size):
            re[n] = np.sqrt(re[n] * re[n] + im[n] * im[n])


_morlet, _sosfilt = jit(morlet), jit(sosfilt)
