"""Long records, many leads, any rate: a block of synthetic signal, again and again, in memory or as a WFDB file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.records import Chunk
from pipeline.sources.synthetic import demo_ward, synthesise

__all__ = ["BLOCK_S", "GAIN", "RepeatedRecord", "block_of_signal", "write_repeated"]

BLOCK_S = 600.0
GAIN = 200  # adu/mV
LEADS = ("MLII", "V1", "V2", "V3", "V4", "V5", "V6", "I", "III", "aVR", "aVL", "aVF")
PATIENT = "synth/ventricular"


def block_of_signal(*, seconds: float = BLOCK_S, fs: float = 360.0, leads: int = 2, seed: int = 0) -> NDArray[np.int16]:
    """Return synthetic signal, shape (samples, leads) in 1/200 mV; leads beyond the second are mixtures of the two."""
    record = synthesise(demo_ward(seconds)[PATIENT], name=PATIENT, seconds=seconds, fs=fs, seed=seed)
    two = np.nan_to_num(np.concatenate([chunk.signal for chunk in record.chunks()]))
    angle = np.arange(leads) * (np.pi / 2)
    angle[2:] = np.pi * (np.arange(leads)[2:] + 0.5) / leads
    mixed = two @ np.array([np.cos(angle), np.sin(angle)])
    digital: NDArray[np.int16] = np.round(mixed * GAIN).astype(np.int16)
    return digital


@dataclass(frozen=True, slots=True, eq=False)
class RepeatedRecord:
    """A block of signal that follows itself to any length; it is a :class:`pipeline.records.Record`.

    Attributes
    ----------
    name : str
        Its name.
    fs : float
        Rate in Hz.
    leads : tuple of str
        Names of its leads.
    n_samples : int
        Length in samples.
    block : ndarray of int16, shape (samples, leads)
        The block, in 1/200 mV.
    """

    name: str
    fs: float
    leads: tuple[str, ...]
    n_samples: int
    block: NDArray[np.int16]

    @classmethod
    def of(cls, block: NDArray[np.int16], *, name: str, fs: float, hours: float) -> RepeatedRecord:
        """Return a record of so many hours."""
        return cls(name, fs, LEADS[: block.shape[1]], round(hours * 3600.0 * fs), block)

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        """Yield the signal in order, ``seconds`` at a time, in constant memory."""
        size = max(1, round(seconds * self.fs))
        for start in range(0, self.n_samples, size):
            at = np.arange(start, min(start + size, self.n_samples)) % len(self.block)
            signal: NDArray[np.float32] = self.block[at].astype(np.float32)
            yield Chunk(self.name, start, self.fs, self.leads, np.divide(signal, GAIN, out=signal))

    def annotations(self) -> Annotations | None:
        """Return None: nobody annotated it."""
        return None


def write_repeated(block: NDArray[np.int16], folder: Path, name: str, *, fs: float, hours: float) -> Path:
    """Write such a record as a WFDB file of format 16, in constant memory, and return its path without extension."""
    n_samples, n_leads = round(hours * 3600.0 * fs), block.shape[1]
    whole, rest = divmod(n_samples, len(block))
    stored = np.ascontiguousarray(block, dtype="<i2")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.dat").open("wb") as file:
        for _ in range(whole):
            file.write(stored.tobytes())
        file.write(stored[:rest].tobytes())
    sums = whole * stored.sum(axis=0, dtype=np.int64) + stored[:rest].sum(axis=0, dtype=np.int64)
    lines = [f"{name} {n_leads} {fs:g} {n_samples}"]
    for lead, first, total in zip(LEADS, stored[0].tolist(), sums.tolist(), strict=False):
        lines.append(f"{name}.dat 16 {GAIN}/mV 16 0 {first} {(total + 32768) % 65536 - 32768} 0 {lead}")
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")
    return folder / name
