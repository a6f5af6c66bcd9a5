"""Any sampling rate in, one internal rate out, sample by sample alike however the signal is cut."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit, jit_helper

__all__ = ["FS", "Resampler", "Stretch", "convert", "extend", "interpolate"]

FS = 180.0  # Hz; a QRS complex holds next to nothing above 40 Hz, and 180 divides the 360 Hz of mitdb
REACH = 6  # the kernel's half length, in periods of the slower of the two rates
PHASES = 512  # sub-sample positions of the kernel; an error of 1/1024 of an input sample is far below the noise
BETA = 6.0  # Kaiser window: 60 dB of stop band


class Stretch(NamedTuple):
    """What a chunk brings a resampler.

    Attributes
    ----------
    tail : ndarray of float64, shape (leads, room)
        Input samples that are kept.
    kept, start : int
        How many, and at which sample of the input they begin.
    drop : int
        How many of them and of the chunk's are no longer needed after it.
    m : int
        Outputs that are known now.
    """

    tail: NDArray[np.float64]
    kept: int
    start: int
    drop: int
    m: int


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
        self._tail = np.zeros((n_leads, 2 * self._half + self.step // self.den + 4))
        self._kept = 0  # samples in it
        self._start = 0  # the input sample at which it begins
        self.next_output = 0

    def process(self, signal: NDArray[np.floating]) -> NDArray[np.float64]:
        """Take the next samples, shape (n, leads) in mV; return the outputs now known, shape (leads, m).

        NaN in the input spreads over the kernel's reach and no further.
        """
        first, stretch = self.next_output, self.take(signal)
        out = np.empty((len(self._tail), stretch.m))
        buffer = _extend(np.ascontiguousarray(signal, dtype=np.float64), stretch.tail, stretch.kept, stretch.drop)
        for lead, row in enumerate(buffer):
            _interpolate(row, stretch.start, self.taps, first, self.step, self.den, out[lead])
        return out

    def take(self, signal: NDArray[np.floating]) -> Stretch:
        """Take note of the next samples; return what :func:`extend` and :func:`interpolate` are to do with them."""
        n = len(signal)
        if n and not self._kept and self._start == 0:
            # Before the record begins the signal is taken to have stood at its first sample.
            self._tail[:, : self._half] = np.asarray(signal[0], dtype=np.float64)[:, None]
            self._start, self._kept = -self._half, self._half
        start, kept = self._start, self._kept
        # The last output k has floor(k * step / den) + half < stop.
        last = ((start + kept + n - self._half) * self.den - 1) // self.step
        m = max(0, last + 1 - self.next_output)
        self.next_output += m
        keep_from = self.next_output * self.step // self.den - self._half + 1
        drop = max(0, min(keep_from - start, kept + n))
        self._kept += n - drop
        self._start += drop
        return Stretch(self._tail, kept, start, drop, m)

    def to_input(self, position: NDArray[np.int64]) -> NDArray[np.int64]:
        """Convert positions at the internal rate into the nearest samples at the input rate."""
        out = np.empty_like(position)
        _convert(position, self.step, self.den, out)
        return out

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {"tail": self._tail[:, : self._kept].copy(), "at": np.array([self._start, self.next_output])}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._kept = state["tail"].shape[1]
        self._tail[:, : self._kept] = state["tail"]
        self._start, self.next_output = (int(v) for v in state["at"])


@jit_helper
def convert(position: NDArray[np.int64], step: int, den: int, out: NDArray[np.int64]) -> None:
    """Convert positions at the internal rate into the nearest samples at the input rate."""
    for i in range(len(position)):
        out[i] = (2 * position[i] * step + den) // (2 * den)


@jit_helper
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
    phases, size = taps.shape
    # Where the next output's stretch of the buffer begins, and by how many parts of a sample it lies behind: followed
    # from output to output, because a division takes longer than the sum.
    whole = first * step // den
    part = first * step - whole * den
    begin = whole - size // 2 + 1 - start
    whole_step = step // den
    part_step = step - whole_step * den
    at = np.empty(4, np.int64)
    phase = np.empty(4, np.int64)
    for i in range(0, len(out), 4):
        n = min(4, len(out) - i)
        for k in range(4):  # beyond the end, the last one again
            at[k] = begin
            phase[k] = part if phases == den else part * phases // den
            if k < n - 1 or n == 4:
                begin += whole_step
                part += part_step
                if part >= den:
                    part -= den
                    begin += 1
        # Each sum waits for itself alone: four at a time take little longer than one.
        a, b, c, d = at[0], at[1], at[2], at[3]
        of_a, of_b, of_c, of_d = taps[phase[0]], taps[phase[1]], taps[phase[2]], taps[phase[3]]
        sum_a, sum_b, sum_c, sum_d = 0.0, 0.0, 0.0, 0.0
        for j in range(size):
            sum_a += of_a[j] * buffer[a + j]
            sum_b += of_b[j] * buffer[b + j]
            sum_c += of_c[j] * buffer[c + j]
            sum_d += of_d[j] * buffer[d + j]
        out[i] = sum_a
        if n > 1:
            out[i + 1] = sum_b
        if n > 2:
            out[i + 2] = sum_c
        if n > 3:
            out[i + 3] = sum_d


@jit_helper
def extend(signal: NDArray[np.floating], tail: NDArray[np.float64], kept: int, drop: int) -> NDArray[np.float64]:
    """Return the next samples behind those that are kept, shape (leads, n); keep all but the first ``drop`` of them."""
    size = kept + len(signal)
    buffer = np.empty((len(tail), size))
    for lead in range(len(tail)):
        for i in range(kept):
            buffer[lead, i] = tail[lead, i]
        for i in range(len(signal)):
            buffer[lead, kept + i] = signal[i, lead]
        for i in range(size - drop):
            tail[lead, i] = buffer[lead, drop + i]
    return buffer


_convert, _extend, _interpolate = jit(convert), jit(extend), jit(interpolate)
