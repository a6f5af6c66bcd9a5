"""Recordings in files of any kind, and how they become WFDB records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.errors import RecordNotFound, RecordUnsupported
from pipeline.records import Chunk, Record
from pipeline.sources.foreign.base import ReadOptions
from pipeline.sources.foreign.record import ForeignRecord
from pipeline.sources.leads import MAX_LEADS
from pipeline.sources.wfdb_record import WfdbRecord
from pipeline.sources.wfdb_writer import check_wfdb_name, publish_record, write_annotations, write_signal

__all__ = ["Recording", "open_recording", "read_recording", "write_recording"]

FINEST = 1000.0  # steps per mV: 1 uV
LARGEST = 32000  # of the 16 bits that a sample has; -32768 stands for a missing one
LONGEST_NOTE = 250  # bytes of an annotation's text; from 256 on wfdb writes annotations that are none


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A whole recording.

    Attributes
    ----------
    fs : float
        Rate in Hz.
    leads : tuple of str
        Names of its leads.
    signal : ndarray, shape (samples, leads)
        In mV; NaN where a sample is missing.
    start : datetime or None
        When its first sample was taken.
    notes : tuple of str
        What a person should know of how it was read.
    """

    fs: float
    leads: tuple[str, ...]
    signal: NDArray[np.float32]
    start: datetime | None = None
    notes: tuple[str, ...] = ()


def open_recording(
    path: Path,
    *,
    name: str | None = None,
    fs: float | None = None,
    units: str | None = None,
    leads: Sequence[str] | None = None,
    max_leads: int = MAX_LEADS,
) -> WfdbRecord | ForeignRecord:
    """Open a file as a record: the ``.hea`` of a WFDB record, or any format of ``ecg-anomaly formats``.

    Parameters
    ----------
    path : Path
        The file; its ending and its beginning tell its format.
    name : str, optional
        The name that its chunks carry; by default the file's.
    fs : float, optional
        Rate in Hz, where the file does not say.
    units : str, optional
        ``mV``, ``uV`` or ``V``, where the file does not say; mV by default.
    leads : sequence of str, optional
        Names of the signals to take, those that are there; by default all that are ECG leads.
    max_leads : int
        Most leads to take, 1 to 12.

    Raises
    ------
    RecordNotFound
        If there is no such file.
    RecordCorrupt
        If it cannot be read as what it is.
    RecordUnsupported
        If it is of another kind, holds no such leads, or has a rate that is not read.
    """
    if not path.is_file():
        raise RecordNotFound(f"{path}: there is no such file")
    if path.suffix.lower() == ".hea":
        return WfdbRecord(path.with_suffix(""), name or path.stem, leads=leads, max_leads=max_leads)
    return ForeignRecord(path, name or path.name, leads=leads, max_leads=max_leads, options=ReadOptions(fs, units))


def read_recording(
    path: Path, *, fs: float | None = None, units: str | None = None, leads: Sequence[str] | None = None
) -> Recording:
    """Read a file whole; parameters and errors as :func:`open_recording`.

    Raises
    ------
    RecordUnsupported
        Also if it holds not one sample.
    """
    record = open_recording(path, fs=fs, units=units, leads=leads)
    signal = np.concatenate([chunk.signal for chunk in record.chunks()])
    _check_signal(record.name, record.leads, bool(np.isfinite(signal).any()))
    return Recording(record.fs, record.leads, signal, record.start, record.notes)


def write_recording(recording: Recording | Record, folder: Path, name: str, *, anonymise: bool = False) -> Path:
    """Write a recording as a WFDB record of format 16, and list it in the folder's ``RECORDS``.

    Steps are 1 uV, or larger where a lead would not fit into 16 bits around its middle. The header appears last, when
    all is whole. Memory does not grow with the length of a record that is read block by block.

    Parameters
    ----------
    recording : Recording or Record
        What to write.
    folder : Path
        Where to; made if it is not there.
    name : str
        Name of the record.
    anonymise : bool
        Leave out date, time of day, device and the text of notes; intervals stay.

    Raises
    ------
    ValueError
        If the name holds something else than letters, digits, ``-`` and ``_``.
    RecordUnsupported
        If there is not one sample to write.
    OutputError
        If the folder cannot be written to.
    """
    check_wfdb_name(name)
    record = _InMemory(recording, name) if isinstance(recording, Recording) else recording
    low, high = _range(record)
    _check_signal(record.name, record.leads, bool(np.isfinite(low).any()))
    middle = np.where(np.isfinite(low), (low + high) / 2, 0.0)
    half = np.where(np.isfinite(low), (high - low) / 2, 0.0)
    near_zero = np.maximum(np.abs(np.nan_to_num(low)), np.abs(np.nan_to_num(high))) * FINEST <= LARGEST
    gain = np.where(near_zero, FINEST, np.minimum(FINEST, LARGEST / np.maximum(half, 1e-9)))
    baseline = np.where(near_zero, 0, np.round(-middle * gain)).astype(np.int64)
    notes = record.annotations()
    start = None if anonymise else getattr(record, "start", None)
    device = None if anonymise else getattr(record, "facts", {}).get("device")

    def write(draft: Path) -> None:
        comments = [f"Device: {device}"] if device else []
        write_signal(record, name, draft, gain=gain, baseline=baseline, comments=comments, start=start)
        kept = None if notes is None else _writable(notes, anonymise=anonymise)
        if kept is not None and len(kept.sample):
            write_annotations(kept, name, draft)

    return publish_record(folder, name, write, name)


def _range(record: Record) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the largest value of each lead in mV; infinite where a lead holds none."""
    low, high = np.full(len(record.leads), np.inf), np.full(len(record.leads), -np.inf)
    for chunk in record.chunks():
        known = np.isfinite(chunk.signal)
        np.minimum(low, np.where(known, chunk.signal, np.inf).min(axis=0), out=low)
        np.maximum(high, np.where(known, chunk.signal, -np.inf).max(axis=0), out=high)
    return low, high


def _writable(notes: Annotations, *, anonymise: bool) -> Annotations:
    """Return annotations as WFDB takes them; free text goes where nobody may be known by it."""
    free = notes.symbol == '"'
    keep = ~free if anonymise else np.ones(len(free), dtype=np.bool_)
    texts = [_short(note) if keep[i] else "" for i, note in enumerate(notes.aux_note)]
    sample = np.maximum(notes.sample, 1)  # a comment at sample 0 would count as a definition of symbols
    return Annotations(
        sample[keep], notes.symbol[keep], tuple(text for text, kept in zip(texts, keep, strict=True) if kept), notes.fs
    )


def _short(text: str) -> str:
    return text.encode("ascii", "replace")[:LONGEST_NOTE].decode()


def _check_signal(name: str, leads: Sequence[str], has_signal: bool) -> None:
    if not has_signal:
        raise RecordUnsupported(f"{name}: it holds no samples of {', '.join(leads)}")


class _InMemory(Record):
    """A recording as a record."""

    def __init__(self, recording: Recording, name: str) -> None:
        self._recording = recording
        self._name = name
        self.start = recording.start

    @property
    def name(self) -> str:
        return self._name

    @property
    def fs(self) -> float:
        return self._recording.fs

    @property
    def leads(self) -> tuple[str, ...]:
        return self._recording.leads

    @property
    def n_samples(self) -> int:
        return len(self._recording.signal)

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        size = max(1, round(seconds * self.fs))
        for first in range(0, self.n_samples, size):
            part = self._recording.signal[first : first + size]
            yield Chunk(self._name, first, self.fs, self.leads, np.asarray(part, dtype=np.float32))

    def annotations(self) -> Annotations | None:
        return None
