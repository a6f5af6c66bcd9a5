"""Noise stress: a record with noise of a stated signal-to-noise ratio mixed into it, as WFDB's ``nst`` does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from pipeline.annotations import Annotations
from pipeline.errors import RecordUnsupported
from pipeline.evaluation.labels import reference_beats
from pipeline.evaluation.protocol import LEARNING_S
from pipeline.records import Chunk, Record

__all__ = ["NoisyRecord", "noise_amplitude", "qrs_amplitude", "snr_of"]

Floats = NDArray[np.float64]

MEASUREMENTS = 300  # QRS complexes, and seconds of noise, that amplitudes are measured on
QRS_S = 0.05  # s to either side of the annotation
TRIM = 20  # one in so many of the largest, and of the smallest, measurements is left out


class NoisyRecord:
    """A record with noise added in turns: noisy for two minutes, clean for two minutes, from 5:00 on.

    The signal-to-noise ratio is 10 log10(S / (N a^2)), lead by lead, where a is the gain of the noise. S is the square
    of the mean peak-to-peak QRS amplitude over 8; N is the square of the mean root-mean-square noise in windows of one
    second, mean taken off (nst(1), WFDB Applications Guide; Moody, Muldrow and Mark 1984, *A noise stress test for
    arrhythmia detectors*). Offsets are adjusted so that noise comes and goes without a step; noise that ends is
    begun again. The record is a function of its arguments: nothing is random, and any chunking gives the same samples.

    Parameters
    ----------
    clean : Record
        An annotated record.
    noise : Record
        The noise, such as ``nstdb/em``; resampled if its rate differs. Its leads are dealt to the record's in turn.
    snr_db : float
        Signal-to-noise ratio in dB while it is noisy.
    start_s : float
        Time in s before which no noise is added.
    noisy_s, clean_s : float
        Length in s of the turns; with a ``clean_s`` of 0 the noise stays.

    Raises
    ------
    RecordUnsupported
        If the record has no annotated beats to measure, or the noise is silent or has gaps.
    ValueError
        If a length is negative, or the noisy turns have none.
    """

    def __init__(
        self,
        clean: Record,
        noise: Record,
        snr_db: float,
        *,
        start_s: float = LEARNING_S,
        noisy_s: float = 120.0,
        clean_s: float = 120.0,
    ) -> None:
        if not (np.isfinite(snr_db) and start_s >= 0 and noisy_s > 0 and clean_s >= 0):
            raise ValueError(f"no schedule of noise: {snr_db} dB, {start_s} s, {noisy_s} s, {clean_s} s")
        self._clean = clean
        self._snr_db = snr_db
        self._noise_name = noise.name
        samples = _whole(noise)
        level = noise_amplitude(samples, noise.fs)
        if not np.all(np.isfinite(samples)) or not np.all(level > 0):
            raise RecordUnsupported(f"{noise.name} is silent or has gaps: choose a record of noise, such as nstdb/em")
        if noise.fs != clean.fs:
            ratio = Fraction(clean.fs / noise.fs).limit_denominator(1000)
            samples = resample_poly(samples, ratio.numerator, ratio.denominator, axis=0)
        dealt = np.arange(len(clean.leads)) % samples.shape[1]
        self._noise = samples[:, dealt]
        self.gains: Floats = 10 ** (-snr_db / 20) * np.sqrt(2) / 4 * qrs_amplitude(clean) / level[dealt]
        self._turns = self._schedule(start_s, noisy_s, clean_s)

    @property
    def name(self) -> str:
        """Name of the record, the noise and its ratio: ``mitdb/118_em+12dB``."""
        return f"{self._clean.name}_{self._noise_name.rsplit('/', 1)[-1]}{self._snr_db:+g}dB"

    @property
    def fs(self) -> float:
        """Sampling rate in Hz."""
        return self._clean.fs

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads."""
        return self._clean.leads

    @property
    def n_samples(self) -> int:
        """Length in samples."""
        return self._clean.n_samples

    def annotations(self) -> Annotations | None:
        """Return the annotations of the record."""
        return self._clean.annotations()

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        """Yield the noisy signal in order, ``seconds`` at a time."""
        for chunk in self._clean.chunks(seconds):
            signal = chunk.signal + self._added(chunk.start, chunk.stop)
            yield Chunk(self.name, chunk.start, chunk.fs, chunk.leads, signal.astype(np.float32))

    def _schedule(self, start_s: float, noisy_s: float, clean_s: float) -> list[_Turn]:
        """Return the stretches over which gain and offset stay the same, first to last."""
        length = len(self._noise)
        changes = {0: False}
        at, is_noisy = start_s, True
        while at * self.fs < self.n_samples:
            changes[round(at * self.fs)] = is_noisy
            if clean_s == 0:
                break
            at, is_noisy = at + (noisy_s if is_noisy else clean_s), not is_noisy
        turns: list[_Turn] = []
        offset = np.zeros(self._noise.shape[1])
        is_noisy = False
        for t in sorted(changes.keys() | set(range(0, self.n_samples, length))):
            before = self._noise[(t - 1) % length] * is_noisy
            is_noisy = changes.get(t, is_noisy)
            # What was added to the last sample is what would have been added to it after the change; where the noise
            # is rewound, to the sample that it begins with.
            after = self._noise[(t - 1) % length if t % length else 0] * is_noisy
            offset = offset + self.gains * (before - after)
            turns.append(_Turn(t, is_noisy, offset))
        return turns

    def _added(self, start: int, stop: int) -> Floats:
        out = np.zeros((stop - start, self._noise.shape[1]))
        ends = [turn.start for turn in self._turns[1:]] + [self.n_samples]
        for turn, end in zip(self._turns, ends, strict=True):
            first, last = max(turn.start, start), min(end, stop)
            if first < last:
                t = np.arange(first, last) % len(self._noise)
                out[first - start : last - start] = turn.offset + self.gains * self._noise[t] * turn.is_noisy
        return out


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    start: int  # samples
    is_noisy: bool
    offset: Floats  # mV, shape (leads,)


def snr_of(record: str) -> float | None:
    """Return the signal-to-noise ratio in dB that a record's name states as nstdb does, or None.

    >>> snr_of("nstdb/118e24"), snr_of("nstdb/119e_6"), snr_of("mitdb/118")
    (24.0, -6.0, None)
    """
    found = re.fullmatch(r"(?:.*/)?\d+e(_?\d+)", record)
    return None if found is None else float(found[1].replace("_", "-"))


def qrs_amplitude(record: Record) -> Floats:
    """Return the trimmed mean peak-to-peak amplitude of the first 300 QRS complexes of class N or S in mV per lead.

    Raises
    ------
    RecordUnsupported
        If there are none.
    """
    annotations = record.annotations()
    beats = None if annotations is None else reference_beats(annotations)
    if annotations is None or beats is None or not np.isin(beats.aami, ("N", "S")).any():
        raise RecordUnsupported(f"{record.name} has no annotated normal beats to measure the signal by: choose another")
    reach = round(QRS_S * record.fs)
    centres = np.round(beats.sample[np.isin(beats.aami, ("N", "S"))] * record.fs / annotations.fs).astype(np.int64)
    centres = centres[(centres >= reach) & (centres + reach < record.n_samples)][:MEASUREMENTS]
    signal = _whole(record, stop=int(centres[-1]) + reach + 1) if len(centres) else np.empty((0, len(record.leads)))
    heights = [np.ptp(signal[c - reach : c + reach + 1], axis=0) for c in centres]
    kept = [height for height in heights if np.all(np.isfinite(height))]
    if not kept:
        raise RecordUnsupported(f"{record.name} has no whole QRS complex to measure the signal by: choose another")
    return _trimmed_mean(np.array(kept))


def noise_amplitude(samples: Floats, fs: float) -> Floats:
    """Return the trimmed mean of the root-mean-square noise in windows of 1 s, mean taken off, in mV per lead."""
    window = round(fs)
    n = min(len(samples) // window, MEASUREMENTS)
    if n == 0:
        return np.zeros(samples.shape[1])
    return _trimmed_mean(samples[: n * window].reshape(n, window, -1).std(axis=1))


def _trimmed_mean(values: Floats) -> Floats:
    cut = len(values) // TRIM
    out: Floats = np.sort(values, axis=0)[cut : len(values) - cut].mean(axis=0)
    return out


def _whole(record: Record, stop: int | None = None) -> Floats:
    """Return a record's signal up to ``stop``, shape (samples, leads)."""
    parts = []
    for chunk in record.chunks():
        parts.append(chunk.signal.astype(np.float64))
        if stop is not None and chunk.stop >= stop:
            break
    return np.concatenate(parts) if parts else np.empty((0, len(record.leads)))
