"""A file of another format than WFDB as a record, streamed in mV."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.errors import RecordUnsupported
from pipeline.records import Chunk
from pipeline.sources.beat_check import has_beats
from pipeline.sources.door import HIGHEST_FS, LOWEST_FS, Door
from pipeline.sources.foreign.base import ReadOptions, Signal, SignalFile
from pipeline.sources.foreign.registry import open_signals
from pipeline.sources.leads import choose_leads, doubtful_leads, millivolts_per_unit, unique_names

__all__ = ["ForeignRecord"]

_PEEK_S = 60.0  # s of signal in which beats are looked for
_SURVEY = 64  # stretches of a signal that tell its usual range
_STRETCH = 2048  # samples of one
_FARTHEST_MV = 300.0  # an electrode's offset reaches so far, and no heart
_FARTHER = 100.0  # times the usual range
_LONGEST_S = 31 * 86400.0


class ForeignRecord:
    """A recording in a file of any format that is known, read as a record.

    The signal is float32 mV; what is missing, infinite or impossible (hundreds of millivolts beside what is usual in
    the lead, as sentinels have it) is NaN, and counted in ``notes``. Rates outside 100 to 1,000 Hz are brought inside.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        The name that its chunks carry.
    leads : sequence of str, optional
        Names of leads in order of preference, see :func:`pipeline.sources.leads.choose_leads`.
    max_leads : int
        Most leads to carry, 1 to 12.
    options : ReadOptions, optional
        Rate and units where the file does not say.

    Raises
    ------
    RecordNotFound
        If there is no such file.
    RecordCorrupt
        If it is damaged or cut.
    RecordUnsupported
        If its format is not known or its library not installed, it has no ECG lead or none of those asked for, no
        voltage, or a rate outside 50 to 10,000 Hz.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        leads: Sequence[str] | None = None,
        max_leads: int = 2,
        options: ReadOptions | None = None,
    ) -> None:
        self.path = path
        self._name = name
        self._options = options or ReadOptions()
        self._file: SignalFile = open_signals(path, self._options)
        signals = self._file.signals
        names = unique_names([signal.name for signal in signals])
        self._scale = [
            millivolts_per_unit(signal.units or self._options.units or "mV") if self._trusts(signal.flaw) else None
            for signal in signals
        ]
        flaws = sorted({signal.flaw for signal in signals if not self._trusts(signal.flaw)})
        usable = [scale is not None for scale in self._scale]
        self._seen: dict[int, bool] = {}
        try:
            chosen = choose_leads(name, names, usable, leads, max_leads, has_beats=self._has_beats)
        except RecordUnsupported as error:
            raise RecordUnsupported(_with_reasons(str(error), signals, flaws)) from error
        same = [i for i in chosen if abs(signals[i].fs - signals[chosen[0]].fs) < 1e-6 * signals[i].fs]
        self._door = Door(self._checked_rate(signals[chosen[0]].fs))
        self._chosen = same
        self._leads = tuple(names[i] for i in same)
        self._notes = list(self._said(names, chosen, same, leads))
        self._length = max(self._file.length(i) for i in same)
        if not self._length:
            raise RecordUnsupported(f"record {name!r}: it holds no samples of {', '.join(self._leads)}")
        if self._length / signals[same[0]].fs > _LONGEST_S:
            raise RecordUnsupported(
                f"record {name!r}: its times span {self._length / signals[same[0]].fs / 86400:.0f} days: "
                "cut it into recordings of a month at most"
            )
        self._usual: NDArray[np.float64] | None = None
        self._impossible = np.zeros(len(same), dtype=np.int64)

    @property
    def name(self) -> str:
        """Name with its folder, such as ``study/night.edf``."""
        return self._name

    @property
    def fs(self) -> float:
        """Sampling rate in Hz."""
        return self._door.fs

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads that its chunks carry, most preferred first."""
        return self._leads

    @property
    def n_samples(self) -> int:
        """Length in samples."""
        return self._door.length(self._length)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    @property
    def reading(self) -> str:
        """How it was told to be read: part of what its results depend on."""
        return "" if self._options == ReadOptions() else repr(self._options)

    @property
    def start(self) -> datetime | None:
        """When its first sample was taken, as the file has it."""
        return self._file.start

    @property
    def facts(self) -> dict[str, str]:
        """What else the file says, such as its ``device``; nothing about who the patient is."""
        return dict(self._file.facts)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how it was read, a line each; what is counted is known once it has been read."""
        counted = [
            f"{lead}: {count} impossible values (infinite, or far outside of what is usual in it): missing"
            for lead, count in zip(self._leads, self._impossible, strict=True)
            if count
        ]
        return (*self._notes, *self._file.notes, *counted)

    def annotations(self) -> Annotations | None:
        """Return what the file holds of annotations, or None."""
        return self._file.annotations()

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        """Yield the signal in order, ``seconds`` at a time (the last may be shorter).

        Raises
        ------
        RecordCorrupt
            If the file turns out to be damaged.
        ValueError
            If ``seconds`` is not a positive number.
        """
        if not 0 < seconds < math.inf:
            raise ValueError(f"seconds must be a positive number, not {seconds}")
        return self._rechunk(max(1, round(seconds * self.fs)))

    def _rechunk(self, size: int) -> Iterator[Chunk]:
        start = filled = 0
        total = self.n_samples
        signal = np.empty((min(size, total), len(self._leads)), dtype=np.float32)
        for block in self._door.blocks(self._millivolts()):
            used = 0
            while used < len(block) and len(signal):
                take = min(len(block) - used, len(signal) - filled)
                signal[filled : filled + take] = block[used : used + take]
                used, filled = used + take, filled + take
                if filled == len(signal):
                    yield Chunk(self._name, start, self.fs, self._leads, signal)
                    start, filled = start + filled, 0
                    signal = np.empty((min(size, total - start), len(self._leads)), dtype=np.float32)

    def _millivolts(self) -> Iterator[NDArray[np.float64]]:
        if self._usual is None:
            self._usual = self._survey()
        middle, farthest = self._usual
        scale = self._scales()
        self._impossible[:] = 0
        for block in self._file.blocks(self._chosen):
            volts = block * scale
            with np.errstate(invalid="ignore"):
                wrong = (np.abs(volts - middle) > farthest) | np.isinf(volts)
            if wrong.any():
                self._impossible += wrong.sum(axis=0)
                volts[wrong] = np.nan
            yield volts

    def _scales(self) -> NDArray[np.float64]:
        return np.array([self._scale[i] or 1.0 for i in self._chosen])

    def _survey(self) -> NDArray[np.float64]:
        """Return the middle of each lead and how far from it a value may lie, in mV, from stretches all over it."""
        every = max(1, self._length // _SURVEY)
        kept: list[NDArray[np.float64]] = []
        position, following = 0, 0
        for block in self._file.blocks(self._chosen):
            while following < position + len(block):
                at = max(0, following - position)
                kept.append(block[at : at + min(_STRETCH, every)].copy())
                following += every
            position += len(block)
        values = np.concatenate(kept) * self._scales() if kept else np.zeros((1, len(self._chosen)))
        values[~np.isfinite(values)] = np.nan
        out = np.zeros((2, values.shape[1]))
        out[1] = _FARTHEST_MV
        for i, column in enumerate(values.T):
            known = column[np.isfinite(column)]
            if len(known):
                low, middle, high = np.percentile(known, [25, 50, 75])
                out[:, i] = middle, max(_FARTHEST_MV, _FARTHER * float(high - low))
        return out

    def _has_beats(self, index: int) -> bool:
        """Look for heartbeats in the beginning, the middle and the end of a signal."""
        fs = self._file.signals[index].fs
        size, length = int(_PEEK_S * fs), self._file.length(index)
        for part in range(3):
            first = max(0, (length - size) * part // 2)
            self._seen[index] = has_beats(_stretch(self._file, index, first, size), fs)
            if self._seen[index] or length <= size:
                break
        return self._seen[index]

    def _trusts(self, flaw: str) -> bool:
        return not flaw or self._options.units is not None

    def _checked_rate(self, fs: float) -> float:
        if not LOWEST_FS <= fs <= HIGHEST_FS:
            raise RecordUnsupported(
                f"record {self._name!r}: it has {fs:g} Hz; recordings of {LOWEST_FS:g} to {HIGHEST_FS:g} Hz are read"
            )
        return fs

    def _said(
        self, names: Sequence[str], chosen: Sequence[int], same: Sequence[int], asked: Sequence[str] | None
    ) -> Iterator[str]:
        seen = all(self._seen.get(i, True) for i in same)
        doubt = doubtful_leads([names[i] for i in same], has_beats=seen) if asked is None else None
        if doubt:
            yield doubt
        others = [f"{names[i]} ({self._file.signals[i].fs:g} Hz)" for i in chosen if i not in same]
        if others:
            yield f"left out, as their rate is another one: {', '.join(others)}"
        if not self._door.is_open:
            yield f"resampled from {self._door.fs_in:g} to {self._door.fs:g} Hz"


def _stretch(file: SignalFile, index: int, first: int, size: int) -> NDArray[np.float64]:
    parts, position = [], 0
    for block in file.blocks([index]):
        if position + len(block) > first:
            parts.append(block[max(0, first - position) : first + size - position, 0])
        position += len(block)
        if position >= first + size:
            break
    return np.concatenate(parts) if parts else np.empty(0)


def _with_reasons(line: str, signals: Sequence[Signal], flaws: Sequence[str]) -> str:
    units = sorted({signal.units for signal in islice(signals, 64) if signal.units})
    strange = [unit for unit in units if millivolts_per_unit(unit) is None]
    if flaws:
        line += f" ({flaws[0]}: say with --units in which unit its values are)"
    if strange:
        line += f" (units that are no voltage: {', '.join(strange)})"
    return line
