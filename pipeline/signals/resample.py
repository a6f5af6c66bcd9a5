"""Any sampling rate in, one internal rate out, sample by sample alike however the signal is cut."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit

__all__ = ["FS", "Resampler", "convert", "interpolate"]

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
        self.step, self.den = ratio.numerator, ratio.denominator
        cutoff = min(1.0, FS / fs)  # of the input's Nyquist rate
        self._half = int(np.ceil(REACH / cutoff))
        phases = min(self.den, PHASES)
        offsets = np.arange(-self._half + 1, self._half + 1)
        t = offsets[None, :] - np.arange(phases)[:, None] / phases
        taps = np.sinc(0.95 * cutoff * t) * np.i0(BETA * np.sqrt(np.maximum(0.0, 1 - (t / (self._half + 1)) ** 2)))
        self.taps = np.ascontiguousarray(taps / taps.sum(axis=1, keepdims=True))
        self.delay_s = self._half / fs
        self.next_output = 0
        # Before the record begins the signal is taken to have stood at its first sample.
        self._tail = np.zeros((n_leads, 0))
        self.tail_start = 0

    def process(self, signal: NDArray[np.floating]) -> NDArray[np.float64]:
        """Take the next samples, shape (n, leads) in mV; return the outputs now known, shape (leads, m).

        NaN in the input spreads over the kernel's reach and no further.
        """
        buffer, m = self.extend(signal)
        out = np.empty((len(buffer), m))
        _resample(buffer, self.tail_start, self.taps, self.next_output, self.step, self.den, out)
        self.keep(buffer, m)
        return out

    # What a caller needs who runs the kernel itself, among other things.

    def extend(self, signal: NDArray[np.floating]) -> tuple[NDArray[np.float64], int]:
        """Return the next samples behind those that are kept, shape (leads, n), and how many outputs they give."""
        n = len(signal)
        kept = self._tail.shape[1]
        if n and not kept and self.tail_start == 0:
            self._tail = np.repeat(np.asarray(signal[:1], dtype=np.float64).T, self._half, axis=1)
            self.tail_start, kept = -self._half, self._half
        buffer = np.empty((len(self._tail), kept + n))
        buffer[:, :kept] = self._tail
        buffer[:, kept:] = signal.T
        # The last output k has floor(k * step / den) + half < stop.
        last = ((self.tail_start + kept + n - self._half) * self.den - 1) // self.step
        return buffer, max(0, last + 1 - self.next_output)

    def keep(self, buffer: NDArray[np.float64], m: int) -> None:
        """Take note that ``m`` outputs are out, and keep what the next ones need."""
        self.next_output += m
        keep_from = self.next_output * self.step // self.den - self._half + 1
        drop = max(0, min(keep_from - self.tail_start, buffer.shape[1]))
        self._tail = buffer[:, drop:].copy()
        self.tail_start += drop

    def to_input(self, position: NDArray[np.int64]) -> NDArray[np.int64]:
        """Convert positions at the internal rate into the nearest samples at the input rate."""
        out = np.empty_like(position)
        convert(position, self.step, self.den, out)
        return out

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {"tail": self._tail.copy(), "at": np.array([self.tail_start, self.next_output])}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._tail = np.array(state["tail"], dtype=np.float64)
        self.tail_start, self.next_output = (int(v) for v in state["at"])


@jit
def convert(position: NDArray[np.int64], step: int, den: int, out: NDArray[np.int64]) -> None:
    """Convert positions at the internal rate into the nearest samples at the input rate."""
    for i in range(len(position)):
        out[i] = (2 * position[i] * step + den) // (2 * den)


@jit
def _place(output: int, start: int, taps: NDArray[np.float64], step: int, den: int) -> tuple[int, int]:
    """Return which phase of the kernel an output takes, and where in the buffer it begins."""
    position = output * step
    whole = position // den
    return (position - whole * den) * taps.shape[0] // den, whole - taps.shape[1] // 2 + 1 - start


@jit
def interpolate(
    buffer: NDArray[np.float64],
    start: int,
    taps: NDArray[np.float64],
    first: int,
    step: int,
    den: int,
    out: NDArray[np.float64],
) -> None:
    """Resample one lead: ``buffer`` begins at input sample ``start``, ``out`` at output ``first``."""
    n = len(out)
    i = 0
    while i + 4 <= n:  # each sum waits for itself alone: four at a time take little longer than one
        a, at_a = _place(first + i, start, taps, step, den)
        b, at_b = _place(first + i + 1, start, taps, step, den)
        c, at_c = _place(first + i + 2, start, taps, step, den)
        d, at_d = _place(first + i + 3, start, taps, step, den)
        sum_a, sum_b, sum_c, sum_d = 0.0, 0.0, 0.0, 0.0
        for j in range(taps.shape[1]):
            sum_a += taps[a, j] * buffer[at_a + j]
            sum_b += taps[b, j] * buffer[at_b + j]
            sum_c += taps[c, j] * buffer[at_c + j]
            sum_d += taps[d, j] * buffer[at_d + j]
        out[i], out[i + 1], out[i + 2], out[i + 3] = sum_a, sum_b, sum_c, sum_d
        i += 4
    for k in range(i, n):
        a, at_a = _place(first + k, start, taps, step, den)
        sum_a = 0.0
        for j in range(taps.shape[1]):
            sum_a += taps[a, j] * buffer[at_a + j]
        out[k] = sum_a


@jit
def _resample(
    buffer: NDArray[np.float64],
    start: int,
    taps: NDArray[np.float64],
    first: int,
    step: int,
    den: int,
    out: NDArray[np.float64],
) -> None:
    for lead in range(len(buffer)):
        interpolate(buffer[lead], start, taps, first, step, den, out[lead])
