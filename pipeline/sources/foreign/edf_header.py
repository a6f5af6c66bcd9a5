"""The header of an EDF or BDF file.

Format: https://www.edfplus.info/specs/edf.html and edfplus.html; BDF: https://www.biosemi.com/faq/file_format.htm. The
libraries for it take files apart that no person would: a decimal comma, limits of 0 and 0, data records that are not
contiguous. What is in such a header is needed as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.errors import RecordCorrupt

__all__ = ["EdfHeader", "EdfSignal", "parse_header"]

_FIXED = 256
_FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)  # bytes a signal has in each part of the header
_MOST_SIGNALS = 4096
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")


@dataclass(frozen=True, slots=True)
class EdfSignal:
    """One signal: ``physical`` and ``digital`` are its limits; so many samples of a data record stand ``first``."""

    label: str
    transducer: str
    units: str
    physical: tuple[float, float] | None
    digital: tuple[int, int]
    per_record: int
    first: int

    @property
    def is_annotation(self) -> bool:
        """True for the notes of EDF+ and BDF+."""
        return self.label in ANNOTATIONS

    @property
    def gain(self) -> float | None:
        """Physical units in a digital one; None where the header's limits tell none."""
        if self.physical is None or self.physical[0] == self.physical[1] or self.digital[0] == self.digital[1]:
            return None
        return (self.physical[1] - self.physical[0]) / (self.digital[1] - self.digital[0])


@dataclass(frozen=True, slots=True)
class EdfHeader:
    """What a header says.

    Attributes
    ----------
    is_bdf : bool
        True for samples of 24 bits.
    start : datetime or None
        When the recording began; None if no time stands there.
    size : int
        Bytes of the header.
    kind : str
        ``EDF+C``, ``EDF+D``, ``BDF+C``, ``BDF+D`` or something else.
    records : int
        Data records that it declares; -1 while it is being recorded.
    duration_s : float
        Length of a data record in s.
    signals : tuple of EdfSignal
        All signals, with those of notes.
    equipment : str
        What recorded it, if an EDF+ header says so.
    """

    is_bdf: bool
    start: datetime | None
    size: int
    kind: str
    records: int
    duration_s: float
    signals: tuple[EdfSignal, ...]
    equipment: str

    @property
    def width(self) -> int:
        """Bytes of a sample."""
        return 3 if self.is_bdf else 2

    @property
    def per_record(self) -> int:
        """Samples of a data record."""
        return sum(signal.per_record for signal in self.signals)


def parse_header(raw: bytes, name: str) -> EdfHeader:
    """Read a header.

    Parameters
    ----------
    raw : bytes
        The file's beginning, with the whole header.
    name : str
        The file's name, for messages.

    Raises
    ------
    RecordCorrupt
        If it is none, or is cut.
    """
    about = f"{name}: it cannot be read as EDF"
    if len(raw) < _FIXED or raw[:8] not in (b"0       ", b"\xffBIOSEMI"):
        raise RecordCorrupt(f"{about} (its beginning is no EDF or BDF header)")
    text = raw.decode("latin-1")

    def number(what: str, field: str) -> float:
        value = _number(field)
        if value is None:
            raise RecordCorrupt(f"{about} ({what} is {field.strip()!r}, no number)")
        return value

    count = int(number("the number of signals", text[252:256]))
    if not 0 < count <= _MOST_SIGNALS:
        raise RecordCorrupt(f"{about} (it declares {count} signals)")
    if len(raw) < _FIXED * (count + 1):
        raise RecordCorrupt(f"{about} (its header is cut)")
    columns: list[list[str]] = []
    at = _FIXED
    for width in _FIELDS:
        columns.append([_plain(text[at + i * width : at + (i + 1) * width]) for i in range(count)])
        at += width * count
    labels, transducers, units, low, high, digital_low, digital_high, _, samples, _ = columns
    signals, first = [], 0
    for i in range(count):
        per_record = int(number(f"the samples of {labels[i]}", samples[i]))
        if not 0 < per_record <= 2**24:
            raise RecordCorrupt(f"{about} ({labels[i]} has {per_record} samples in a data record)")
        limits = _number(low[i]), _number(high[i])
        physical = None if limits[0] is None or limits[1] is None else (limits[0], limits[1])
        digital = _number(digital_low[i]) or 0.0, _number(digital_high[i]) or 0.0
        signals.append(
            EdfSignal(
                labels[i],
                transducers[i],
                units[i],
                physical,
                (int(digital[0]), int(digital[1])),
                per_record,
                first,
            )
        )
        first += per_record
    duration = number("the duration of a data record", text[244:252])
    records = number("the number of data records", text[236:244])
    if not 0 <= duration < 1e6 or not -1 <= records < 1e9:
        raise RecordCorrupt(f"{about} (data records of {duration:g} s, {records:g} of them)")
    return EdfHeader(
        is_bdf=raw[0] == 0xFF,
        start=_start(text),
        size=_FIXED * (count + 1),
        kind=text[192:197].strip(),
        records=int(records),
        duration_s=duration,
        signals=tuple(signals),
        equipment=_equipment(text[88:168]),
    )


def _plain(field: str) -> str:
    return "".join(char if char.isprintable() else " " for char in field).strip()


def _number(field: str) -> float | None:
    """Return a number, also one with a decimal comma, or None."""
    text = field.strip(" \x00").replace(",", ".") if field.count(",") <= 1 else ""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e15 else None  # and no NaN


def _start(text: str) -> datetime | None:
    try:
        day, month, year = (int(part) for part in text[168:176].replace(":", ".").split("."))
        hour, minute, second = (int(part) for part in text[176:184].replace(":", ".").split("."))
        # Until 1985 there was no EDF: years from 85 on are of the last century (EDF, field startdate).
        return datetime(1900 + year if year >= 85 else 2000 + year, month, day, hour, minute, second)
    except ValueError:
        return None


def _equipment(recording: str) -> str:
    """Return the equipment of ``Startdate 02-MAR-2002 EMG561 BK/JOP Sony._MNC``."""
    parts = recording.split()
    is_plus = len(parts) >= 5 and parts[0] == "Startdate"
    return parts[4].replace("_", " ") if is_plus and parts[4] != "X" else ""
