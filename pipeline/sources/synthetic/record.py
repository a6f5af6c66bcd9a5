"""Synthetic records: a scenario, a seed and a rate become ECG, block by block."""

from __future__ import annotations

import math
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.records import Chunk
from pipeline.sources.synthetic.autonomic import Autonomic
from pipeline.sources.synthetic.heart import Beat, Heart
from pipeline.sources.synthetic.morphology import Morphology, add_waves
from pipeline.sources.synthetic.noise import AtrialWaves, Noise
from pipeline.sources.synthetic.notes import annotate
from pipeline.sources.synthetic.scenario import Scenario

__all__ = ["GAIN", "SyntheticRecord", "synthesise"]

GAIN = 200.0  # adu/mV, as the MIT-BIH Arrhythmia Database has it
LIMIT_MV = 32767 / GAIN  # what a 16-bit sample can hold
BLOCK_S = 10.0  # the unit of generation; chunks are cut from it
BEFORE_S, AFTER_S = 1.2, 0.6  # how far a beat's waves reach behind and ahead of its R peak, at most

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SyntheticRecord:
    """A record that is computed as it is read. Make one with :func:`synthesise`.

    It is a :class:`pipeline.records.Record`. The same fields give the same samples, however they are cut into chunks,
    and a longer record begins with the shorter one. Samples are multiples of 5 uV, so that the WFDB file that
    :func:`write_wfdb` makes holds exactly these values. Reading takes constant memory, whatever the length.

    Attributes
    ----------
    name : str
        Such as ``synth/bigeminy``.
    scenario : Scenario
        What happens when.
    fs : float
        Sampling rate in Hz.
    n_samples : int
        Length in samples.
    seed : int
        Together with the name it makes the patient and every accident of the record.
    """

    name: str
    scenario: Scenario
    fs: float
    n_samples: int
    seed: int
    leads: ClassVar[tuple[str, ...]] = ("MLII", "V1")

    @property
    def seconds(self) -> float:
        """Length in s."""
        return self.n_samples / self.fs

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        """Yield the signal in order, ``seconds`` at a time, in constant memory.

        Raises
        ------
        ValueError
            If a chunk of so many seconds would hold no sample.
        """
        size = round(seconds * self.fs)
        if size < 1:
            raise ValueError(f"record {self.name!r}: a chunk of {seconds} s holds no sample at {self.fs} Hz")
        start, have, parts = 0, 0, deque[NDArray[np.float32]]()
        for block in self._blocks():
            parts.append(block)
            have += len(block)
            while have >= size or (parts and start + have == self.n_samples):
                joined = np.concatenate(parts)
                yield Chunk(self.name, start, self.fs, self.leads, joined[:size].copy())
                parts.clear()
                if len(joined) > size:
                    parts.append(joined[size:])
                start += min(size, len(joined))
                have = max(0, have - size)

    def annotations(self) -> Annotations:
        """Return every beat at its R peak, rhythm changes, signal quality and faults.

        Beats that no lead shows (both off or missing) are left out, as a person would leave them out.
        """
        heart = Heart(self.scenario, self._autonomic(), self._rng(1))
        return annotate(self.scenario, heart.beats(), self.fs, self.n_samples)

    def _rng(self, stream: int) -> np.random.Generator:
        """Return one of this record's streams of chance."""
        return np.random.default_rng([self.seed, zlib.crc32(self.name.encode()), stream])

    def _autonomic(self) -> Autonomic:
        return Autonomic(self._rng(0), self.scenario.breaths_per_min, self.scenario.variability)

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yield the signal in mV in blocks of fixed length, shape (samples, leads)."""
        autonomic = self._autonomic()
        coming = Heart(self.scenario, autonomic, self._rng(1)).beats()
        morphology = Morphology(self._rng(2))
        atria = AtrialWaves(self._rng(3))
        noise = Noise(self._rng(4), self.fs, self.scenario.mains_hz)
        beats: deque[Beat] = deque([next(coming)])
        size = math.ceil(BLOCK_S * self.fs)
        for start in range(0, self.n_samples, size):
            time_s = np.arange(start, min(start + size, self.n_samples)) / self.fs
            while beats[-1].time_s < time_s[-1] + AFTER_S:
                beats.append(next(coming))
            while len(beats) > 1 and beats[0].time_s < time_s[0] - BEFORE_S:
                beats.popleft()
            signal = self._ecg(list(beats), morphology, autonomic, start, len(time_s))
            self._add_atrial_waves(signal, atria, time_s)
            self._exchange_electrodes(signal, time_s)
            self._add_noise(signal, noise, autonomic, time_s)
            self._break(signal, time_s)
            yield signal.astype(np.float32)

    def _ecg(self, beats: list[Beat], morphology: Morphology, autonomic: Autonomic, start: int, n: int) -> Floats:
        """Return the beats alone."""
        at = np.array([beat.time_s for beat in beats])
        st_mv, gain = np.zeros(len(at)), np.ones(len(at))
        for episode in self.scenario.episodes:
            if episode.kind == "st":
                st_mv += self.scenario.share(episode, at) * episode.amount
            elif episode.kind == "amplitude":
                gain *= 1.0 + self.scenario.share(episode, at) * (episode.amount - 1.0)
        waves = morphology.waves(beats, autonomic.breath(at), st_mv, gain)
        signal = np.zeros((n, len(self.leads)))
        add_waves(signal, start, self.fs, *waves)
        return signal

    def _add_atrial_waves(self, signal: Floats, atria: AtrialWaves, time_s: Floats) -> None:
        for episode in self.scenario.episodes:
            if episode.kind in ("afib", "flutter") and (share := self.scenario.share(episode, time_s)).any():
                signal += share[:, None] * atria(episode.kind, episode.amount, time_s)

    def _exchange_electrodes(self, signal: Floats, time_s: Floats) -> None:
        for episode in self.scenario.episodes:
            if episode.kind in ("inverted", "swap") and (on := self.scenario.share(episode, time_s) > 0.0).any():
                if episode.kind == "swap":
                    signal[on] = signal[on, ::-1]
                else:
                    for lead in episode.leads:
                        signal[on, lead] *= -1.0

    def _add_noise(self, signal: Floats, noise: Noise, autonomic: Autonomic, time_s: Floats) -> None:
        signal += self.scenario.noise_mv * noise.always(len(time_s))
        # The chest moves the electrodes with every breath, even at rest.
        signal += 0.03 * noise("wander", time_s)
        signal += np.multiply.outer(autonomic.breath(time_s), (0.03, -0.02))
        for kind in ("wander", "muscle", "motion", "hum"):
            level = np.zeros_like(signal)
            for episode in self.scenario.episodes:
                if episode.kind == kind:
                    level[:, episode.leads] += (self.scenario.share(episode, time_s) * episode.amount)[:, None]
            if level.any():
                signal += level * noise(kind, time_s)

    def _break(self, signal: Floats, time_s: Floats) -> None:
        """Apply what amplifier, cable and transport do, in that order, and round to the converter's steps."""
        for kind in ("saturation", "off", "missing"):
            for episode in self.scenario.episodes:
                if episode.kind != kind or not (on := self.scenario.share(episode, time_s) > 0.0).any():
                    continue
                for lead in episode.leads:
                    if kind == "saturation":
                        signal[on, lead] = np.clip(signal[on, lead], -abs(episode.amount), abs(episode.amount))
                    else:
                        signal[on, lead] = episode.amount if kind == "off" else np.nan
        np.clip(signal, -LIMIT_MV, LIMIT_MV, out=signal)
        np.divide(np.round(signal * GAIN), GAIN, out=signal)


def synthesise(
    scenario: Scenario, *, name: str, fs: float = 360.0, seconds: float = 600.0, seed: int = 0
) -> SyntheticRecord:
    """Return a two-lead synthetic record of a scenario.

    Parameters
    ----------
    scenario : Scenario
        What happens when; :func:`demo_ward` has some.
    name : str
        Name with its database, such as ``synth/sinus``. Patients of different names differ under one seed.
    fs : float
        Sampling rate in Hz, 100 to 1000. The heart does not depend on it.
    seconds : float
        Length in s. A week is as good as a minute: the record is computed as it is read.
    seed : int
        Makes the patient and every accident of the record.

    Returns
    -------
    SyntheticRecord

    Raises
    ------
    ValueError
        If the rate, the length or the seed is out of range.

    Examples
    --------
    >>> from pipeline.sources.synthetic import demo_ward, synthesise
    >>> record = synthesise(demo_ward()["synth/bigeminy"], name="synth/bigeminy", seed=1)
    >>> [chunk.signal.shape for chunk in record.chunks(seconds=300)]
    [(108000, 2), (108000, 2)]
    """
    if not 100.0 <= fs <= 1000.0:
        raise ValueError(f"record {name!r}: a rate of {fs} Hz is not within 100 to 1000")
    if not (math.isfinite(seconds) and round(seconds * fs) >= 1):
        raise ValueError(f"record {name!r}: a length of {seconds} s is not above 0 and finite")
    if seed < 0:
        raise ValueError(f"record {name!r}: seed {seed} is negative")
    return SyntheticRecord(name, scenario, fs, round(seconds * fs), seed)
