"""VitalDB files, as VitalRecorder writes them beside patients' monitors."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.errors import RecordUnsupported
from pipeline.sources.foreign.apart import read_apart
from pipeline.sources.foreign.base import ArrayFile, ReadOptions, Signal
from pipeline.sources.foreign.blocks import place_blocks
from pipeline.sources.foreign.grid import Uneven
from pipeline.sources.signal_kind import signal_kind

__all__ = ["open_vital"]

_LARGEST = 2 * 2**30  # bytes, unpacked
_PIECE = 2**20
_MEMORY = 12  # bytes of memory for each unpacked one
_IMPORTS_S = 5  # s of the processor for the library's imports
_SINCE_1970 = 1e8  # s; smaller times count from the recording's beginning
_FURTHEST_ZONE = 14 * 60  # minutes
_LATEST_S = 6 * 3600.0  # s after the first wave by which another may begin


@dataclass(frozen=True, slots=True, eq=False)
class _Wave:
    """A wave as it was recorded: blocks of so many samples, and when each began in s."""

    name: str
    unit: str
    fs: float
    device: str
    onset_s: list[float]
    counts: list[int]
    values: NDArray[np.floating]

    @property
    def begins_s(self) -> float:
        """When its first block begins: not the least of the times, where a clock was set back."""
        try:
            return place_blocks(np.array(self.onset_s), np.array(self.counts, dtype=np.int64), self.fs).start_s
        except Uneven:
            return min(self.onset_s)


def open_vital(path: Path, options: ReadOptions) -> ArrayFile:
    """Open a VitalDB file: its waves at their own rates, with the holes that the times of their blocks tell.

    What nurses and doctors have noted (``EVENT``) becomes notes.

    Raises
    ------
    RecordCorrupt
        If it is damaged.
    RecordUnsupported
        If it holds no wave, or is larger than 2 GiB.
    """
    del options
    size, is_cut = _unpacked_size(path)
    facts, columns = read_apart("vital_child", path, size, _MEMORY, _IMPORTS_S)
    waves = [_Wave(**wave, values=values) for wave, values in zip(facts["waves"], columns, strict=True)]
    if not waves:
        raise RecordUnsupported(f"{path.name}: it holds no waves, only numbers and texts")
    said = [wave for wave in waves if signal_kind(wave.name) == "ecg"]
    start_s = min(wave.begins_s for wave in said or waves)
    file = ArrayFile([], [], _moment(start_s, facts["minutes"]))
    for wave in said or waves:
        try:
            file.columns.append(_on_line(wave, start_s, file.notes))
        except Uneven as error:
            file.notes.append(f"left out: {wave.name} (the times of its blocks tell no line of time: {error})")
        else:
            file.signals.append(Signal(wave.name, wave.unit or None, wave.fs))
    if not file.signals:
        raise RecordUnsupported(f"{path.name}: {file.notes[0]}")
    if is_cut:
        file.notes.append("it is cut: read to where it ends")
    devices = dict.fromkeys(wave.device for wave in said or waves if wave.device)
    if devices:
        file.facts["device"] = ", ".join(devices)
    file.noted = _noted(facts["texts"], start_s, file.signals[0].fs)
    return file


def _unpacked_size(path: Path) -> tuple[int, bool]:
    """Return how many bytes a file has unpacked, and whether it ends before its end."""
    size = 0
    with gzip.open(path) as packed:
        try:
            while piece := packed.read(_PIECE):
                size += len(piece)
                if size > _LARGEST:
                    raise RecordUnsupported(f"{path.name}: unpacked it is larger than {_LARGEST >> 30} GiB")
        except (EOFError, zlib.error):
            return size, True
    return size, False


def _on_line(wave: _Wave, start_s: float, notes: list[str]) -> NDArray[np.float64]:
    """Return a wave's samples from the first one of all on, NaN where there is none."""
    counts = np.array(wave.counts, dtype=np.int64)
    placed = place_blocks(np.array(wave.onset_s), counts, wave.fs)
    if placed.start_s - start_s > _LATEST_S:
        raise Uneven(f"it begins {(placed.start_s - start_s) / 3600:.0f} h after another")
    notes += [f"{wave.name}: {note}" for note in placed.notes()]
    values = placed.fill(np.split(wave.values, np.cumsum(counts)[:-1]))
    return np.concatenate([np.full(round((placed.start_s - start_s) * wave.fs), np.nan), values])


def _moment(start_s: float, minutes: int) -> datetime | None:
    """Return a time since 1970 in the zone of the recorder; ``minutes`` are to be added to its clock for UTC."""
    if not _SINCE_1970 < start_s < 2**33:
        return None
    zone = timezone(timedelta(minutes=-minutes)) if abs(minutes) <= _FURTHEST_ZONE else UTC
    return datetime.fromtimestamp(start_s, zone)


def _noted(texts: list[tuple[float, str]], start_s: float, fs: float) -> Annotations | None:
    inside = sorted((time_s, text) for time_s, text in texts if text.strip() and 0 <= time_s - start_s < 31 * 86400)
    if not inside:
        return None
    samples = np.array([round((time_s - start_s) * fs) for time_s, _ in inside], dtype=np.int64)
    return Annotations(samples, np.full(len(inside), '"', dtype="<U1"), tuple(text for _, text in inside), fs)
