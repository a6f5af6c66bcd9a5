"""Any sampling rate in, one internal rate out, sample by sample alike however the signal is cut."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit

__all__ = ["FS", "Resampler"]

FS = 180.0  # Hz; a QRS complex holds next to nothing above 40 Hz, and 180 divides the 360 Hz of mitdb
REACH = 6  # the kernel's half length, in periods of the slower of the two rates
PHASES = 512  # sub-sample positions of the kernel; an error of 1/1024 of an input sample is far below the noise
BETA = 6.0  # Kaiser window: 60 dB of stop band


class Resampler:
    """Windowed-sinc resampling with carried state.

    Output sample ``k`` stands at time ``k / 180`` s exactly, so positions convert without an offset; it is out once the
    input reaches ``delay_s`` beyond it. Each output is one dot product over the same input samples whatever the
    chunking, so results are identical bit by bit.

    Parameters
    ----------
    fs : float
        Input rate in Hz.
    n_leads : int
        Number of leads.

    References
    ----------
    J. O. Smith, *Digital Audio Resampling*, https://ccrma.stanford.edu/~jos/resample/
    """

    def __init__(self, fs: float, n_leads: int) -> None:
        ratio = Fraction(fs / FS).limit_denominator(100_000)
        self._step, self._den = ratio.numerator, ratio.denominator
        cutoff = min(1.0, FS / fs)  # of the input's Nyquist rate
        self._half = int(np.ceil(REACH / cutoff))
        phases = min(self._den, PHASES)
        offsets = np.arange(-self._half + 1, self._half + 1)
        t = offsets[None, :] - np.arange(phases)[:, None] / phases
        taps = np.sinc(0.95 * cutoff * t) * np.i0(BETA * np.sqrt(np.maximum(0.0, 1 - (t / (self._half + 1)) ** 2)))
        self._taps = np.ascontiguousarray(taps / taps.sum(axis=1, keepdims=True))
        self.delay_s = self._half / fs
        self.next_output = 0
        # Before the record begins the signal is taken to have stood at its first sample.
        self._tail = np.zeros((n_leads, 0))
        self._tail_start = 0

    def process(self, signal: NDArray[np.floating]) -> NDArray[np.float64]:
        """Take the next samples, shape (n, leads) in mV; return the outputs now known, shape (leads, m).

        NaN in the input spreads over the kernel's reach and no further.
        """
        if len(signal) == 0:
            return np.empty((self._tail.shape[0], 0))
        if self._tail_start == 0 and self._tail.shape[1] == 0:
            self._tail = np.repeat(np.asarray(signal[:1], dtype=np.float64).T, self._half, axis=1)
            self._tail_start = -self._half
        buffer = np.concatenate([self._tail, np.asarray(signal, dtype=np.float64).T], axis=1)
        stop = self._tail_start + buffer.shape[1]
        # The last output k has floor(k * step / den) + half < stop.
        last = ((stop - self._half) * self._den - 1) // self._step
        out = np.empty((buffer.shape[0], max(0, last + 1 - self.next_output)))
        _interpolate(buffer, self._tail_start, self._taps, self._half, self.next_output, self._step, self._den, out)
        self.next_output += out.shape[1]
        keep_from = self.next_output * self._step // self._den - self._half + 1
        drop = max(0, min(keep_from - self._tail_start, buffer.shape[1]))
        self._tail = buffer[:, drop:].copy()
        self._tail_start += drop
        return out

    def to_input(self, position: NDArray[np.int64]) -> NDArray[np.int64]:
        """Convert positions at the internal rate into the nearest samples at the input rate."""
        out = np.empty_like(position)
        _convert(position, self._step, self._den, out)
        return out

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {"tail": self._tail.copy(), "at": np.array([self._tail_start, self.next_output])}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._tail = np.array(state["tail"], dtype=np.float64)
        self._tail_start, self.next_output = (int(v) for v in state["at"])


@jit
def _convert(position: NDArray[np.int64], step: int, den: int, out: NDArray[np.int64]) -> None:
    for i in range(len(position)):
        out[i] = (2 * position[i] * step + den) // (2 * den)


@jit
def _interpolate(
    buffer: NDArray[np.float64],
    start: int,
    taps: NDArray[np.float64],
    half: int,
    first: int,
    step: int,
    den: int,
    out: NDArray[np.float64],
) -> None:
    phases = taps.shape[0]
    for i in range(out.shape[1]):
        position = (first + i) * step
        whole = position // den
        phase = (position - whole * den) * phases // den
        base = whole - half + 1 - start
        for lead in range(buffer.shape[0]):
            total = 0.0
            for j in range(taps.shape[1]):
                total += taps[phase, j] * buffer[lead, base + j]
            out[lead, i] = total
