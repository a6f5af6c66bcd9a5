"""One WFDB record, streamed in mV."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.errors import RecordCorrupt, RecordUnsupported
from pipeline.records import Chunk
from pipeline.sources.beat_check import has_beats
from pipeline.sources.door import HIGHEST_FS, LOWEST_FS, MIN_FS, Door
from pipeline.sources.header import Channel, Header, check_signal_files, read_header, with_extension
from pipeline.sources.leads import choose_leads, choose_waves, doubtful_leads, millivolts_per_unit
from pipeline.sources.wfdb_annotations import read_annotations
from pipeline.sources.wfdb_signal import SignalReader

__all__ = ["WfdbRecord"]

# wfdb parses the header for each read, so reads are large, and memory is small, so they are not larger: so many samples
# of the chosen leads, which are decoded, and of all leads, which are read.
_BLOCK, _BLOCK_OF_ALL = 2**18, 2**21

# Formats of a wave that is left out, so that it is no reason to lose the leads beside it: some cannot be read in parts,
# and a compressed file that is damaged cannot be read at all (the leads' own file is read anyway).
_RARE, _PACKED = ("8", "61"), ("508", "516", "524")
_PEEK_S, _PEEKS = 60.0, 10  # s of signal, and how often, in which beats are looked for where no name tells a lead


class WfdbRecord:
    """A WFDB record on disk: single- or multi-segment, of any storage format, read block by block.

    The signal is converted to float32 mV; what is missing (a gap, an absent lead, an invalid sample) is NaN. Leads with
    several samples a frame are averaged down to the frame rate; if that is below 100 Hz, they are averaged only as far
    as all chosen leads have in common. Rates outside 100 to 1,000 Hz are brought inside.

    Parameters
    ----------
    path : Path
        The record's path without extension.
    name : str
        The name that its chunks carry, such as ``mitdb/208``.
    leads : sequence of str, optional
        Names of leads in order of preference; by default as :data:`pipeline.sources.leads.PREFERENCE` has it. The first
        ``max_leads`` that the record has are carried, in this order.
    max_leads : int
        Most leads to carry, 1 to 12.
    annotator : str
        Whose annotations are the record's: the extension of their file.
    is_published : callable, optional
        Tells whether a file is byte for byte what its publisher lists. A signal whose sum differs from its header's is
        accepted if its files are: some headers were published with wrong sums.

    Raises
    ------
    RecordNotFound
        If its header or a signal file is missing.
    RecordCorrupt
        If its header or a signal file is damaged or cut.
    RecordUnsupported
        If its rate is not 50 to 10,000 Hz, it has no ECG lead or none of those asked for, it is empty, or its format is
        not known.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        leads: Sequence[str] | None = None,
        max_leads: int = 2,
        annotator: str = "atr",
        is_published: Callable[[Path], bool] | None = None,
    ) -> None:
        self._annotator = annotator
        self.path = path
        self._name = name
        self._is_published = is_published
        self._header = read_header(path, name)
        self._length = self._check_length()
        signals = self._signals()
        if not signals:
            raise RecordUnsupported(f"record {name!r}: it has no signals")
        usable = [millivolts_per_unit(channel.units) is not None for channel in signals]
        names = [channel.name for channel in signals]

        seen: dict[int, bool] = {}

        def look(i: int) -> bool:
            seen[i] = self._has_beats(names[i])
            return seen[i]

        chosen = choose_leads(name, names, usable, leads, max_leads, has_beats=look)
        self._channels = [signals[i] for i in chosen]
        self._waves = [signals[i] for i in choose_waves(names) if i not in chosen]
        self._doubt = None
        if leads is None:
            self._doubt = doubtful_leads(self.leads, has_beats=all(seen.get(i, True) for i in chosen))
        self._per_frame = 1
        if self._header.fs < MIN_FS:
            self._per_frame = math.gcd(*(channel.per_frame for channel in self._channels))
        files = {channel.file for channel in self._channels}
        self._waves = [
            wave
            for wave in self._waves
            if wave.fmt not in _RARE
            and wave.per_frame % self._per_frame == 0
            and (wave.file in files or wave.fmt not in _PACKED)
        ]
        stored = self._header.fs * self._per_frame
        if not LOWEST_FS <= stored <= HIGHEST_FS:
            raise RecordUnsupported(
                f"record {name!r}: it is sampled at {stored:g} Hz; "
                f"records of {LOWEST_FS:g} to {HIGHEST_FS:g} Hz are read"
            )
        self._door = Door(stored)

    @property
    def name(self) -> str:
        """Name with its database, such as ``mitdb/208``."""
        return self._name

    @property
    def fs(self) -> float:
        """Sampling rate in Hz."""
        return self._door.fs

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads that its chunks carry, most preferred first."""
        return tuple(channel.name for channel in self._channels)

    @property
    def waves(self) -> tuple[str, ...]:
        """Names of the pulse waves that its chunks carry beside the leads."""
        return tuple(channel.name for channel in self._waves)

    @property
    def n_samples(self) -> int:
        """Length in samples."""
        return self._door.length(self._length * self._per_frame)

    @property
    def start(self) -> datetime | None:
        """When its first sample was taken, as its header has it."""
        return self._header.start

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how it is read, a line each."""
        said = [self._doubt] if self._doubt else []
        if not self._door.is_open:
            said.append(f"resampled from {self._door.fs_in:g} to {self._door.fs:g} Hz")
        return tuple(said)

    @property
    def files(self) -> tuple[Path, ...]:
        """All its files that are there: headers, signals and reference annotations."""
        headers, signals = [self.path], list(self._header.channels)
        for part in dict.fromkeys([self._header.layout, *(segment.name for segment in self._header.segments)]):
            if part is not None:
                headers.append(self.path.with_name(part))
                signals += read_header(headers[-1], self._name).channels
        stored = dict.fromkeys(self.path.with_name(channel.file) for channel in signals if channel.is_stored)
        candidates = [
            *(with_extension(header, "hea") for header in headers),
            *stored,
            with_extension(self.path, self._annotator),
        ]
        return tuple(file for file in candidates if file.exists())

    def annotations(self, extension: str | None = None) -> Annotations | None:
        """Return the annotations in the file with this extension, or None if there is no such file.

        By default it is that of the record's annotator.

        Those that cannot belong to the record are left out, and told in their ``notes``.

        Raises
        ------
        RecordCorrupt
            If the file is empty, cut or damaged.
        """
        found = read_annotations(
            self.path, self._annotator if extension is None else extension, self._name, self._header.fs
        )
        if found is None:
            return None
        return found.belonging(math.ceil(self._length * found.fs / self._header.fs))

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        """Yield the signal in order, ``seconds`` at a time (the last may be shorter), in constant memory.

        Raises
        ------
        RecordCorrupt
            If a segment is damaged, or, once it has been read to its end, its sum is not its header's.
        ValueError
            If ``seconds`` is not a positive number.
        """
        if not 0 < seconds < math.inf:
            raise ValueError(f"seconds must be a positive number, not {seconds}")
        size = max(1, round(seconds * self.fs))
        return self._rechunk(size)

    def _rechunk(self, size: int) -> Iterator[Chunk]:
        start = filled = 0
        signal = self._room(min(size, self.n_samples))
        for block in self._door.blocks(self._blocks()):
            used = 0
            while used < len(block) and len(signal):
                take = min(len(block) - used, len(signal) - filled)
                signal[filled : filled + take] = block[used : used + take]
                used, filled = used + take, filled + take
                if filled == len(signal):
                    yield self._chunk(start, signal)
                    start, filled = start + filled, 0
                    signal = self._room(min(size, self.n_samples - start))

    def _chunk(self, start: int, signal: NDArray[np.float32]) -> Chunk:
        if not self._waves:
            return Chunk(self._name, start, self.fs, self.leads, signal)
        leads, wave = (np.ascontiguousarray(part) for part in np.split(signal, [len(self._channels)], axis=1))
        return Chunk(self._name, start, self.fs, self.leads, leads, self.waves, wave)

    def _room(self, samples: int) -> NDArray[np.float32]:
        return np.empty((samples, len(self._channels) + len(self._waves)), dtype=np.float32)

    def _has_beats(self, lead: str) -> bool:
        """Look for heartbeats in the first minutes of a signal."""
        try:
            alone = WfdbRecord(self.path, self._name, leads=[lead], max_leads=1)
            return any(has_beats(chunk.signal[:, 0], alone.fs) for chunk in islice(alone.chunks(_PEEK_S), _PEEKS))
        except RecordCorrupt:
            return False

    def _blocks(self) -> Iterator[NDArray[np.floating]]:
        """Yield the signal in pieces of bounded size."""
        if not self._header.segments:
            yield from self._segment(self.path, self._header, [*self._channels, *self._waves], self._length)
        for segment in self._header.segments:
            if segment.name is None:
                yield from self._missing(segment.length)
                continue
            path = self.path.with_name(segment.name)
            header = self._segment_header(path, segment.length)
            yield from self._segment(path, header, self._matching(header, path), segment.length)

    def _segment(
        self, path: Path, header: Header, channels: list[Channel | None], length: int
    ) -> Iterator[NDArray[np.float32]]:
        """Yield one stored segment of so many frames; a channel that is None is absent from it."""
        stored = [channel for channel in channels if channel is not None and channel.is_stored]
        if not stored:
            yield from self._missing(length)
            return
        columns = [i for i, channel in enumerate(channels) if channel is not None and channel.is_stored]
        reader = SignalReader(path, self._name, header, stored, self._per_frame)
        frames = length
        if header.length is not None:
            chosen, width = (sum(channel.per_frame for channel in some) for some in (stored, header.channels))
            frames = max(1, min(_BLOCK // chosen, _BLOCK_OF_ALL // width))
        for first, last in _spans(length, frames):
            block = reader.read(first, last)
            if len(columns) < len(channels):
                whole = self._room(len(block))
                whole.fill(np.nan)
                whole[:, columns] = block
                block = whole
            yield block
        leads = {channel.name for channel in self._channels}  # a wave that is damaged is no reason to lose them
        wrong = [name for name in reader.wrong_sums() if name in leads] if header.length is not None else []
        if wrong and not self._as_published(path, stored):
            raise RecordCorrupt(
                f"record {self._name!r}: the samples of {', '.join(wrong)} fail the checksum in {path.name}.hea; "
                f"delete the record's files in {path.parent} and fetch or copy them again"
            )

    def _missing(self, frames: int) -> Iterator[NDArray[np.float32]]:
        for first, last in _spans(frames, _BLOCK):
            gap = self._room((last - first) * self._per_frame)
            gap.fill(np.nan)
            yield gap

    def _as_published(self, path: Path, stored: list[Channel]) -> bool:
        files = {with_extension(path, "hea"), *(path.with_name(channel.file) for channel in stored)}
        return self._is_published is not None and all(self._is_published(file) for file in files)

    def _check_length(self) -> int:
        shortest = None
        if not self._header.segments:
            shortest = check_signal_files(self.path, self._header, self._name)
        length = shortest if self._header.length is None else self._header.length
        if length is None and self._header.channels:
            raise RecordUnsupported(
                f"record {self._name!r}: {self.path.name}.hea does not say how long it is; add it to its first line"
            )
        if not length and (self._header.channels or self._header.segments):
            raise RecordUnsupported(f"record {self._name!r}: it is empty (no samples)")
        return length or 0

    def _signals(self) -> list[Channel]:
        """Return the channels to choose leads from."""
        header = self._header
        if header.layout is not None:  # declares signals that each segment may or may not have
            return list(read_header(self.path.with_name(header.layout), self._name).channels)
        first = next((segment.name for segment in header.segments if segment.name is not None), None)
        if first is not None:
            header = read_header(self.path.with_name(first), self._name)
        return [channel for channel in header.channels if channel.is_stored]

    def _segment_header(self, path: Path, length: int) -> Header:
        header = read_header(path, self._name)
        if header.segments:
            raise RecordUnsupported(f"record {self._name!r}: its segment {path.name} is made of segments itself")
        if header.fs != self._header.fs or header.length not in (None, length):
            raise RecordCorrupt(
                f"record {self._name!r}: its header and that of its segment {path.name} give different rates or lengths"
            )
        frames = check_signal_files(path, header, self._name)
        if header.length is None and frames != length:
            raise RecordCorrupt(f"record {self._name!r}: its segment {path.name} holds {frames} of {length} samples")
        return header

    def _matching(self, header: Header, path: Path) -> list[Channel | None]:
        """Return a segment's channel for each chosen lead; None where the segment lacks it."""
        if self._header.layout is None:
            if len(header.channels) <= max(channel.index for channel in self._channels):
                raise RecordCorrupt(f"record {self._name!r}: its segment {path.name} has too few signals")
            waves = [
                channel if channel is not None and channel.name == wave.name else None
                for wave in self._waves
                for channel in [header.channels[wave.index] if wave.index < len(header.channels) else None]
            ]
            return [*(header.channels[channel.index] for channel in self._channels), *waves]
        by_name = {channel.name: channel for channel in header.channels}
        return [by_name.get(channel.name) for channel in (*self._channels, *self._waves)]


def _spans(length: int, size: int) -> Iterator[tuple[int, int]]:
    return ((first, min(first + size, length)) for first in range(0, length, size))
