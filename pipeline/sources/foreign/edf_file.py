"""European Data Format: EDF, EDF+C, EDF+D and BDF, block by block."""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.errors import RecordCorrupt
from pipeline.sources.foreign.base import ReadOptions, Signal
from pipeline.sources.foreign.edf_header import EdfHeader, EdfSignal, parse_header
from pipeline.sources.foreign.times import Layout, lay_out

__all__ = ["EdfFile", "open_edf"]

_HEAD = 256 * 4097  # the longest header
_BLOCK_BYTES = 2**20
_NOTES_FS = 1000.0  # Hz in which the times of notes are counted
_ONSET = re.compile(rb"[+-]\d+(?:\.\d*)?")


def open_edf(path: Path, options: ReadOptions) -> EdfFile:
    """Open an EDF or BDF file.

    Raises
    ------
    RecordCorrupt
        If it is none, or is cut.
    """
    del options
    with path.open("rb") as file:
        raw = file.read(_HEAD)
    return EdfFile(path, parse_header(raw, path.name))


class EdfFile:
    """An open EDF or BDF file.

    Where data records are not contiguous (EDF+D), or say so of themselves although the header does not, the signal has
    holes as long as the times of the records tell.
    """

    def __init__(self, path: Path, header: EdfHeader) -> None:
        self._header = header
        self._signals = [signal for signal in header.signals if not signal.is_annotation]
        self._notes = [signal for signal in header.signals if signal.is_annotation]
        size = header.per_record * header.width
        there = max(0, path.stat().st_size - header.size) // size
        if header.records > there:
            raise RecordCorrupt(
                f"{path.name} is cut: it holds {there} of {header.records} data records; export or copy it again"
            )
        self._records = there if header.records < 0 else header.records
        if not self._records or not self._signals:
            raise RecordCorrupt(f"{path.name}: it cannot be read as EDF (it holds no signal)")
        if not header.duration_s > 0:
            raise RecordCorrupt(f"{path.name}: it cannot be read as EDF (its data records last 0 s)")
        self._size = size
        self._file = path.open("rb")
        weakref.finalize(self, self._file.close)
        self.notes: list[str] = []
        self._layout = self._by_time()
        self.start: datetime | None = header.start
        self.facts = {"device": header.equipment} if header.equipment else {}
        self.signals = [
            Signal(
                signal.label,
                signal.units or None,
                signal.per_record / header.duration_s,
                "" if signal.gain is not None else "its header gives no limits to turn digital values into a voltage",
            )
            for signal in self._signals
        ]

    def length(self, index: int) -> int:
        """Return the number of samples of a signal, holes included."""
        return self._layout.positions(self._signals[index].per_record)[1]

    def blocks(self, chosen: Sequence[int]) -> Iterator[NDArray[np.float64]]:
        """Yield signals of one rate in the units of the file, shape (samples, signals), NaN where missing."""
        signals = [self._signals[i] for i in chosen]
        per_record = signals[0].per_record
        starts, _ = self._layout.positions(per_record)
        at_once = max(1, _BLOCK_BYTES // self._size)
        position = 0
        for first, last in self._layout.runs():
            for missing in _pieces(int(starts[first]) - position, at_once * per_record):
                yield np.full((missing, len(signals)), np.nan)
                position += missing
            for begin in range(first, last, at_once):
                end = min(begin + at_once, last)
                raw = self._read(begin, end)
                block = np.column_stack([self._physical(signal, raw) for signal in signals])
                yield block
                position += len(block)

    def annotations(self) -> Annotations | None:
        """Return the notes of an EDF+ or BDF+ file, each as a comment with its text; None if it has none."""
        found: list[tuple[float, str]] = []
        for record in range(self._records if self._notes else 0):
            for signal in self._notes:
                found += _notes_in(self._bytes(signal, record))
        if not found:
            return None
        origin = self._layout.origin_s
        found.sort(key=lambda note: note[0])
        sample = np.array([max(0, round((onset - origin) * _NOTES_FS)) for onset, _ in found], dtype=np.int64)
        return Annotations(sample, np.full(len(found), '"', dtype="<U1"), tuple(text for _, text in found), _NOTES_FS)

    def _read(self, begin: int, end: int) -> NDArray[np.uint8]:
        """Return data records as they are stored, shape (records, bytes)."""
        self._file.seek(self._header.size + begin * self._size)
        raw = np.frombuffer(self._file.read((end - begin) * self._size), np.uint8)
        if len(raw) != (end - begin) * self._size:
            raise RecordCorrupt(f"{self._file.name}: it has become shorter while it was read")
        return raw.reshape(end - begin, self._size)

    def _physical(self, signal: EdfSignal, raw: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the samples of a signal in data records, in its units."""
        width = self._header.width
        part = raw[:, signal.first * width : (signal.first + signal.per_record) * width]
        if width == 2:
            digital = np.ascontiguousarray(part).view("<i2").astype(np.float64)
        else:
            wide = np.zeros((len(raw), signal.per_record, 4), np.uint8)
            wide[:, :, 1:] = part.reshape(len(raw), signal.per_record, 3)
            digital = (wide.reshape(len(raw), -1).view("<i4") >> 8).astype(np.float64)
        if signal.gain is not None and signal.physical is not None:
            digital = (digital - signal.digital[0]) * signal.gain + signal.physical[0]
        return digital.reshape(-1)

    def _bytes(self, signal: EdfSignal, record: int) -> bytes:
        width = self._header.width
        self._file.seek(self._header.size + record * self._size + signal.first * width)
        return self._file.read(signal.per_record * width)

    def _by_time(self) -> Layout:
        """Return where data records lie, by the times that they carry."""
        duration = self._header.duration_s
        onsets: NDArray[np.float64] = np.arange(self._records, dtype=np.float64) * duration
        if self._notes:
            told = [_onset(self._bytes(self._notes[0], record)) for record in range(self._records)]
            if all(onset is not None for onset in told):
                onsets = np.array(told, dtype=np.float64)
        layout = lay_out(onsets, duration)
        if layout.holes:
            says = "" if self._header.kind.endswith("D") else ", although its header calls it continuous"
            self.notes.append(f"{layout.holes} holes of {layout.missing_s:.1f} s in all between its data records{says}")
        if layout.backward:
            self.notes.append(f"{layout.backward} data records begin before the one before them has ended")
        return layout


def _onset(raw: bytes) -> float | None:
    match = _ONSET.match(raw)
    return None if match is None else float(match.group())


def _notes_in(raw: bytes) -> Iterator[tuple[float, str]]:
    """Yield onset in s and text of the notes in one data record (EDF+, 2.2.2), without those that keep the time."""
    for entry in raw.split(b"\x00"):
        times, *texts = entry.split(b"\x14")
        match = _ONSET.match(times)
        if match is not None:
            for text in texts:
                words = " ".join(text.decode("utf-8", "replace").split())
                if words:
                    yield float(match.group()), words


def _pieces(total: int, most: int) -> Iterator[int]:
    while total > 0:
        piece = min(total, most)
        yield piece
        total -= piece
