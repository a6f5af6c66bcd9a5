"""WFDB headers: read through wfdb, checked, and with every oddity turned into one clear line.

Format: WFDB Applications Guide, header(5) and signal(5), https://physionet.org/physiotools/wag/.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import wfdb

from pipeline.errors import RecordCorrupt, RecordNotFound, RecordUnsupported, SourceUnavailable
from pipeline.sources.leads import unique_names

__all__ = [
    "Channel",
    "Header",
    "Segment",
    "check_signal_files",
    "header_files",
    "read_header",
    "undated",
    "with_extension",
]

# Bytes that a stored sample takes, signal(5). In FLAC it varies; wfdb reads no other formats.
_ONE, _TWO, _FOUR_THIRDS = Fraction(1), Fraction(2), Fraction(4, 3)
_BYTES = {"8": _ONE, "80": _ONE, "16": _TWO, "61": _TWO, "160": _TWO, "24": Fraction(3), "32": Fraction(4)}
_BYTES |= {"212": Fraction(3, 2), "310": _FOUR_THIRDS, "311": _FOUR_THIRDS}
_FLAC = {"508", "516", "524"}

MOST_BYTES = 16 * 2**20  # of a header: a master of half a million segments
MOST_SIGNALS = 1000
MOST_STEPS = 2**32  # of a baseline: a sample has 32 bits at most
MOST_NUMBER = 2.0**53  # of what a header says of a signal
LONGEST_S = 366 * 86400.0  # s that a record may last
LONGEST_GAP_S = 31 * 86400.0  # s that it may declare as missing in one piece; a few bytes can declare any length

_NUMBERS = (
    "samps_per_frame", "skew", "byte_offset", "adc_gain", "baseline", "adc_res", "adc_zero", "init_value", "checksum",
    "block_size",
)  # fmt: skip
_NULL_FILE = "~"  # a signal that is declared but not stored
_MICROVOLT = re.compile(rb"/(\xc2\xb5|\xce\xbc|\xb5)[vV](\s|$)")  # micro sign in UTF-8, Greek mu, micro in Latin-1


@dataclass(frozen=True, slots=True)
class Channel:
    """One signal line of a header.

    Attributes
    ----------
    index : int
        Its position in the header.
    name : str
        Its description, such as ``MLII``; made unique within the header.
    units : str
        Its physical unit.
    file, fmt : str
        The file that stores it and the format of that file.
    per_frame : int
        Samples in a frame.
    skew : int
        Frames by which it is stored late.
    offset : int
        Bytes (samples for FLAC) before its file's first sample.
    initial : int
        Value before the first sample, for the difference format 8.
    checksum : int or None
        Sum of all samples modulo 65536; None if the header gives none.
    """

    index: int
    name: str
    units: str
    file: str
    fmt: str
    per_frame: int
    skew: int
    offset: int
    initial: int
    checksum: int | None

    @property
    def is_stored(self) -> bool:
        """False for a signal that is declared but has no samples."""
        return self.file != _NULL_FILE and self.fmt != "0"


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a multi-segment record: ``name`` is its header's name, or None for a gap; ``length`` in frames."""

    name: str | None
    length: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says.

    Attributes
    ----------
    fs : float
        Frames per second.
    length : int or None
        Frames; None if the header leaves it open.
    channels : tuple of Channel
        Its signals; empty in the master header of a multi-segment record.
    segments : tuple of Segment
        Its parts; empty in a single-segment record.
    layout : str or None
        In a record of variable layout, the name of the header that declares all of its signals.
    start : datetime or None
        When its first sample was taken; None if it does not say, or says what is no date.
    is_undated : bool
        True if wfdb reads it only without the date and time that it gives.
    """

    fs: float
    length: int | None
    channels: tuple[Channel, ...]
    segments: tuple[Segment, ...] = ()
    layout: str | None = None
    start: datetime | None = None
    is_undated: bool = False


def with_extension(path: Path, extension: str) -> Path:
    """Return the file of a record: a record's name may hold a dot, so this is not ``with_suffix``."""
    return path.with_name(f"{path.name}.{extension}")


def read_header(path: Path, record: str) -> Header:
    """Read and check the header of a record.

    Parameters
    ----------
    path : Path
        The record's path without extension.
    record : str
        Its name, for messages.

    Raises
    ------
    RecordNotFound
        If there is no such file.
    RecordCorrupt
        If it is not a WFDB header, or is cut.
    RecordUnsupported
        If it declares a format that is not known.
    SourceUnavailable
        If it cannot be read.
    """
    file = with_extension(path, "hea")
    is_undated = False
    try:
        if file.stat().st_size > MOST_BYTES:
            raise RecordCorrupt(f"record {record!r}: {file.name} is no WFDB header: it has over {MOST_BYTES:,} bytes")
        raw = file.read_bytes()
        try:
            parsed = wfdb.rdheader(str(path.absolute()))
        except ValueError:
            with undated(path) as copy:  # a year, or no date at all: what can be read does not depend on it
                if copy == path:
                    raise
                parsed, is_undated = wfdb.rdheader(str(copy.absolute())), True
        header = replace(_from_wfdb(parsed, raw, record, file.name), start=_start(parsed), is_undated=is_undated)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RecordNotFound(f"record {record!r}: there is no {file.name} in {file.parent}") from error
    except OSError as error:
        raise SourceUnavailable(f"record {record!r}: {file} cannot be read ({error.strerror})") from error
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:  # of a damaged header
        reason = "it is empty" if not raw.strip() else str(error)
        raise RecordCorrupt(
            f"record {record!r}: {file.name} is not a WFDB header ({reason}); delete it and fetch or export it again"
        ) from error
    _check_bounds(header, record, file.name)
    return header


def _check_bounds(header: Header, record: str, file: str) -> None:
    """Refuse what no recording is: whoever reads it would be at it for ever."""
    if not 0 < header.fs < math.inf:
        raise RecordCorrupt(f"record {record!r}: {file} gives a sampling rate of {header.fs:g} Hz")
    if len(header.channels) > MOST_SIGNALS:
        raise RecordUnsupported(f"record {record!r}: {file} declares {len(header.channels):,} signals")
    if (header.length or 0) < 0 or any(segment.length < 0 for segment in header.segments):
        raise RecordCorrupt(f"record {record!r}: {file} declares a length below 0")
    if (header.length or 0) > LONGEST_S * header.fs:
        raise RecordUnsupported(f"record {record!r}: {file} declares more than {LONGEST_S / 86400:.0f} days")
    if any(segment.name is None and segment.length > LONGEST_GAP_S * header.fs for segment in header.segments):
        days = f"{LONGEST_GAP_S / 86400:.0f} days"
        raise RecordUnsupported(f"record {record!r}: {file} declares a gap of more than {days}: split the record there")


def _start(parsed: Any) -> datetime | None:
    if parsed.base_date is None or parsed.base_time is None:
        return None
    return datetime.combine(parsed.base_date, parsed.base_time)


@contextmanager
def undated(path: Path) -> Iterator[Path]:
    """Yield a path under which wfdb finds a record's header without date and time, and its signal files.

    The record's own path is yielded if its header gives neither.
    """
    with with_extension(path, "hea").open("rb") as file:
        lines = file.read().splitlines(keepends=True)
    first = next((i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith(b"#")), None)
    fields = [] if first is None else lines[first].split()
    if first is None or len(fields) < 5:  # name, signals, rate, length; then time and date
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="ecg-anomaly-") as folder:
        copy = Path(folder) / path.name
        lines[first] = b" ".join(fields[:4]) + b"\n"
        with_extension(copy, "hea").write_bytes(b"".join(lines))
        signals, _ = header_files(b"".join(lines).decode("utf-8", "replace"))
        for name in signals:
            if Path(name).name == name:
                (Path(folder) / name).symlink_to(path.absolute().with_name(name))
        yield copy


def _from_wfdb(parsed: Any, raw: bytes, record: str, file: str) -> Header:
    fs, length = float(parsed.fs), parsed.sig_len or None
    if isinstance(parsed, wfdb.MultiRecord):
        parts = [Segment(None if n == "~" else n, int(k)) for n, k in zip(parsed.seg_name, parsed.seg_len, strict=True)]
        if len(parts) != parsed.n_seg:
            raise RecordCorrupt(f"record {record!r}: {file} is cut: it lists {len(parts)} of {parsed.n_seg} segments")
        layout = parts.pop(0).name if parsed.layout == "variable" else None
        total = sum(part.length for part in parts)
        if length is not None and length != total:
            raise RecordCorrupt(f"record {record!r}: {file} declares {length} samples, but its segments hold {total}")
        return Header(fs, total, (), tuple(parts), layout)
    channels = tuple(_channels(parsed, raw)) if parsed.n_sig else ()
    if len(channels) != parsed.n_sig:
        raise RecordCorrupt(
            f"record {record!r}: {file} is cut: it describes {len(channels)} of {parsed.n_sig} signals; "
            "delete it and fetch it again"
        )
    _check_numbers(parsed, record, file)
    for channel in channels:
        if channel.is_stored and channel.fmt not in _BYTES.keys() | _FLAC:
            raise RecordUnsupported(f"record {record!r}: {file} names an unknown signal format, {channel.fmt}")
        if channel.per_frame < 1:
            raise RecordCorrupt(f"record {record!r}: {file} gives {channel.name} {channel.per_frame} samples a frame")
        baseline = parsed.baseline[channel.index] or 0
        if abs(baseline) > MOST_STEPS:
            raise RecordCorrupt(
                f"record {record!r}: {file} gives {channel.name} a baseline of {float(f'{baseline}'):.3g}"
            )
    return Header(fs, length, channels)


def _check_numbers(parsed: Any, record: str, file: str) -> None:
    """Refuse numbers of signals that no float can hold: arithmetic with them ends in errors of its own."""
    for field in _NUMBERS:
        for value in getattr(parsed, field) or ():
            if value is not None and not abs(value) <= MOST_NUMBER:
                raise RecordCorrupt(f"record {record!r}: {file} gives a signal {field} {_short(value)}")


def _short(value: float) -> str:
    """Return a number for a message: one of hundreds of digits says no more than that."""
    return f"{value}" if abs(value) < math.inf and len(f"{value}") < 40 else "beyond all bounds"


def _channels(parsed: Any, raw: bytes) -> Iterator[Channel]:
    lines = [line for line in raw.splitlines() if line.strip() and not line.strip().startswith(b"#")][1:]
    names = unique_names([name or "" for name in parsed.sig_name or ()])
    for i, name in enumerate(names):
        # wfdb drops what is not ASCII, which would turn microvolts into volts.
        units = "uV" if _MICROVOLT.search(lines[i]) else parsed.units[i] or ""
        yield Channel(
            index=i,
            name=name,
            units=units,
            file=parsed.file_name[i],
            fmt=parsed.fmt[i],
            per_frame=parsed.samps_per_frame[i] or 1,
            skew=parsed.skew[i] or 0,
            offset=parsed.byte_offset[i] or 0,
            initial=parsed.init_value[i] or 0,
            checksum=parsed.checksum[i],
        )


def check_signal_files(path: Path, header: Header, record: str) -> int | None:
    """Check that the signal files of a single-segment record are there and long enough.

    Returns
    -------
    int or None
        Frames that the shortest file holds; None if all of them are compressed, which only reading can tell.

    Raises
    ------
    RecordNotFound
        If a file is missing.
    RecordCorrupt
        If one is shorter than the header says.
    """
    shortest: int | None = None
    for file in dict.fromkeys(channel.file for channel in header.channels if channel.is_stored):
        of_file = [channel for channel in header.channels if channel.file == file and channel.is_stored]
        if len({channel.fmt for channel in of_file}) > 1:
            raise RecordCorrupt(f"record {record!r}: its header gives {file} more than one format")
        try:
            size = path.with_name(file).stat().st_size
        except OSError as error:
            raise RecordNotFound(
                f"record {record!r}: its signal file {file} is not in {path.parent}; fetch or copy it there"
            ) from error
        if of_file[0].fmt in _FLAC:
            continue
        samples = int(max(0, size - of_file[0].offset) / _BYTES[of_file[0].fmt])
        frames = samples // sum(channel.per_frame for channel in of_file)
        if header.length is not None and frames < header.length:
            raise RecordCorrupt(
                f"record {record!r}: {file} is cut: it holds {frames} of {header.length} samples; "
                "delete it and fetch or copy it again"
            )
        shortest = frames if shortest is None else min(shortest, frames)
    return shortest


def header_files(text: str) -> tuple[list[str], list[str]]:
    """Return the signal files and the segments that a header names, by its syntax alone.

    Parameters
    ----------
    text : str
        Contents of a ``.hea`` file.

    Returns
    -------
    files, segments : list of str
        Names without duplicates; a segment's is without ``.hea``.
    """
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    named = list(dict.fromkeys(line[0] for line in lines[1:] if line[0] != _NULL_FILE))
    return ([], named) if lines and "/" in lines[0][0] else (named, [])
