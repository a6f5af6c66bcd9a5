"""Frames: the unit in which a device sends signal.

A frame is a MessagePack array of eleven values, in this order::

    0   version            1
    1   patient            "site/patient": two or more parts of letters, digits, "_" and "-"
    2   session            what tells one start of the device from another
    3   sequence           number of the frame in its session, from 0
    4   time               of the first sample, in integer microseconds since 1970 UTC
    5   rate               in Hz, as the device states it
    6   leads              names, all different
    7   units              of each lead: "mV", "uV", "V"; a signal in another unit is carried but not scored
    8   gain               steps per unit of each lead, for int16 samples; nil for float32 samples, which are in units
    9   samples            little-endian, sample after sample, all leads of a sample together
    10  last               true in the last frame of a session whose patient is discharged; it may have no samples

A missing sample is -32768 in int16 and NaN in float32; one beyond 10 V, which no body gives, counts as missing too. The
same as JSON, for people and scripts, is one object::

    {"version": 1, "patient": "ward/bed-1", "session": "s1", "sequence": 0, "time_us": 1750000000000000, "fs": 250,
     "leads": ["II", "V1"], "units": ["mV", "mV"], "samples": [[0.01, null], [0.02, -0.11]]}

where ``gain`` makes the samples integers and ``last`` may be left out. :func:`decode` takes either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgpack
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import FrameError

__all__ = [
    "MAX_BYTES",
    "MAX_LEADS",
    "MAX_S",
    "VERSION",
    "Frame",
    "decode",
    "encode",
    "encode_json",
    "is_patient",
    "is_text",
]

VERSION = 1
MISSING = -32768
MIN_FS, MAX_FS = 100.0, 1000.0
MAX_LEADS = 12
MAX_S = 10.0  # s of signal in a frame
MAX_BYTES = 1_000_000  # a little less than what nats-server takes in one message
MIN_GAIN, MAX_GAIN = 1e-3, 1e9  # steps per unit: from kV to nV a step
MAX_MV = 10_000.0  # a sample beyond is none of a body's

_EARLIEST_US, _LATEST_US = 946_684_800_000_000, 4_102_444_800_000_000  # the years 2000 to 2100
_PATIENT = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){1,3}")
_SESSION = re.compile(r"[\x21-\x7e]{1,100}")
_FIELDS = ("version", "patient", "session", "sequence", "time_us", "fs", "leads", "units", "gain", "samples", "last")
_EXACT_GAIN = 200.0  # steps per mV that most PhysioNet records have


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A stretch of one patient's signal, as a device sends it.

    Attributes
    ----------
    patient : str
        Site and patient, such as ``ward/bed-1``; the name of its record.
    session : str
        What tells one start of the device from another.
    sequence : int
        Number of the frame in its session, from 0.
    time_us : int
        When the first sample was taken, in microseconds since 1970 UTC.
    fs : float
        Nominal rate in Hz.
    leads, units : tuple of str
        Name and unit of each lead.
    samples : ndarray of int16 or float32, shape (samples, leads)
        As they were sent: steps, or values in units.
    gain : tuple of float or None
        Steps per unit of each lead; None for float32 samples.
    last : bool
        True if the session ends with this frame and the patient is discharged.

    Raises
    ------
    FrameError
        If a value is not as it should be; the message names it.
    """

    patient: str
    session: str
    sequence: int
    time_us: int
    fs: float
    leads: tuple[str, ...]
    units: tuple[str, ...]
    samples: NDArray[np.int16] | NDArray[np.float32]
    gain: tuple[float, ...] | None = None
    last: bool = False

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def of(
        cls,
        patient: str,
        session: str,
        sequence: int,
        time_us: int,
        fs: float,
        leads: Sequence[str],
        signal: NDArray[np.float32],
        *,
        last: bool = False,
    ) -> Self:
        """Return a frame of a signal in mV, with int16 samples where these hold it exactly, else with float32.

        Parameters
        ----------
        patient, session, sequence, time_us, fs, leads, last
            As the attributes.
        signal : ndarray of float32, shape (samples, leads)
            In mV, NaN where a sample is missing.
        """
        units = ("mV",) * len(leads)
        steps = np.round(signal.astype(np.float64) * _EXACT_GAIN)
        present = np.isfinite(signal)
        if np.array_equal((steps[present] / _EXACT_GAIN).astype(np.float32), signal[present]) and np.all(
            np.abs(steps[present]) <= -MISSING - 1
        ):
            stored = np.where(present, steps, MISSING).astype(np.int16)
            gain = (_EXACT_GAIN,) * len(leads)
            return cls(patient, session, sequence, time_us, fs, tuple(leads), units, stored, gain, last)
        return cls(patient, session, sequence, time_us, fs, tuple(leads), units, signal.astype(np.float32), None, last)

    @property
    def stop_us(self) -> int:
        """When the sample after the last one is due, at the nominal rate."""
        return self.time_us + round(len(self.samples) / self.fs * 1e6)

    def values(self) -> NDArray[np.float32]:
        """Return the samples in the units of their leads, shape (samples, leads); NaN where one is missing."""
        if self.gain is None:
            return np.where(np.isfinite(self.samples), self.samples, np.float32(np.nan)).astype(np.float32)
        return np.where(self.samples == MISSING, np.nan, self.samples / np.array(self.gain)).astype(np.float32)


def _check(frame: Any) -> None:
    """Refuse values that come from outside, of whatever type they are."""
    if not is_patient(frame.patient):
        raise FrameError(
            f"a frame's patient {frame.patient!r:.100} is no name: write SITE/PATIENT, of letters, digits, _ and -"
        )
    who = frame.patient
    if not isinstance(frame.session, str) or not _SESSION.fullmatch(frame.session):
        raise FrameError(f"{who}: session {frame.session!r:.100} is not 1 to 100 printable ASCII characters")
    if not _is_integer(frame.sequence, 0, 2**53):
        raise FrameError(f"{who}: sequence number {_short(frame.sequence)} is no integer from 0 to 2**53")
    if not _is_integer(frame.time_us, _EARLIEST_US, _LATEST_US):
        raise FrameError(
            f"{who}: time {_short(frame.time_us)} is no integer of microseconds since 1970 in the years 2000 to 2100"
        )
    if not _is_number(frame.fs) or not MIN_FS <= frame.fs <= MAX_FS:
        raise FrameError(f"{who}: a rate of {_short(frame.fs)} Hz is outside {MIN_FS:g} to {MAX_FS:,.0f} Hz")
    n = len(frame.leads)
    if not 1 <= n <= MAX_LEADS or not all(is_text(name, 40) and name for name in frame.leads):
        raise FrameError(f"{who}: leads {frame.leads!r:.200} are not 1 to {MAX_LEADS} names of printable characters")
    if len(set(frame.leads)) < n:
        raise FrameError(f"{who}: leads {', '.join(frame.leads)} are not all different")
    if len(frame.units) != n or not all(is_text(unit, 20) for unit in frame.units):
        raise FrameError(f"{who}: units {frame.units!r:.200} are not one for each of {n} leads")
    if frame.gain is not None and (
        len(frame.gain) != n or not all(_is_number(gain) and MIN_GAIN <= gain <= MAX_GAIN for gain in frame.gain)
    ):
        raise FrameError(
            f"{who}: gain {_short(frame.gain)} is no number from {MIN_GAIN:g} to {MAX_GAIN:g} for each of {n} leads"
        )
    if frame.samples.ndim != 2 or frame.samples.shape[1] != n:
        raise FrameError(f"{who}: samples of shape {frame.samples.shape} do not fit {n} leads")
    if frame.samples.dtype != (np.float32 if frame.gain is None else np.int16):
        raise FrameError(f"{who}: samples are {frame.samples.dtype}, not int16 with gain or float32 without")
    if not frame.last and not len(frame.samples):
        raise FrameError(f"{who}: a frame without samples that is not the last")
    if len(frame.samples) > MAX_S * frame.fs:
        raise FrameError(f"{who}: {len(frame.samples)} samples at {frame.fs:g} Hz are more than {MAX_S:g} s")
    if type(frame.last) is not bool:
        raise FrameError(f"{who}: last is {frame.last!r:.40}, neither true nor false")


def encode(frame: Frame) -> bytes:
    """Return the binary form."""
    little_endian = frame.samples.astype(frame.samples.dtype.newbyteorder("<"), copy=False)
    values = [
        VERSION,
        frame.patient,
        frame.session,
        frame.sequence,
        frame.time_us,
        frame.fs,
        frame.leads,
        frame.units,
        frame.gain,
        little_endian.tobytes(),
        frame.last,
    ]
    return bytes(msgpack.packb(values))


def encode_json(frame: Frame) -> bytes:
    """Return the JSON form, in one line."""
    whole = frame.gain is not None
    missing = frame.samples == MISSING if whole else ~np.isfinite(frame.samples)
    # A float32 is written with the fewest digits that give it back.
    samples = [
        [None if gone else int(value) if whole else float(str(value)) for value, gone in zip(row, off, strict=True)]
        for row, off in zip(frame.samples, missing, strict=True)
    ]
    document = dict(
        zip(
            _FIELDS,
            (VERSION, frame.patient, frame.session, frame.sequence, frame.time_us, frame.fs, frame.leads, frame.units,
             frame.gain, samples, frame.last),
            strict=True,
        )
    )  # fmt: skip
    return json.dumps(document, allow_nan=False).encode()


def decode(data: bytes) -> Frame:
    """Return the frame in either of its forms.

    Raises
    ------
    FrameError
        If it is none, or a value in it is not as it should be.
    """
    if len(data) > MAX_BYTES:
        raise FrameError(f"a frame of {len(data):,} bytes is longer than {MAX_BYTES:,}")
    if data[:1] == b"{":
        return _from_json(data)
    try:
        values = msgpack.unpackb(data)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise FrameError(f"a frame is neither MessagePack nor JSON ({error!r:.100})") from error
    if not isinstance(values, list) or not values:
        raise FrameError(f"a frame is no array of values but {type(values).__name__}")
    _check_version(values[0])
    if len(values) != len(_FIELDS):
        raise FrameError(f"a frame has {len(values)} values, not {len(_FIELDS)}")
    leads, gain, packed = values[6], values[8], values[9]
    if not isinstance(packed, bytes) or not isinstance(leads, list) or not leads:
        raise FrameError("a frame's leads are no list of names, or its samples no binary string")
    dtype = np.dtype("<f4" if gain is None else "<i2")
    if len(packed) % (dtype.itemsize * len(leads)):
        raise FrameError(f"a frame's {len(packed)} bytes of samples are not whole samples of {len(leads)} leads")
    samples = np.frombuffer(packed, dtype).reshape(-1, len(leads))
    return _frame(values, samples.astype(dtype.newbyteorder("="), copy=False))


def is_patient(name: object) -> bool:
    """Tell whether something is the name of a patient."""
    return isinstance(name, str) and _PATIENT.fullmatch(name) is not None


def is_text(value: object, longest: int) -> bool:
    """Tell whether something is text that every file, database and page takes: printable, and not too long.

    A NUL or half a surrogate pair is text to Python alone.
    """
    return isinstance(value, str) and len(value) <= longest and value.isprintable()


def _from_json(data: bytes) -> Frame:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a frame is no JSON ({error!s:.100})") from error
    _check_version(document.get("version"))
    document = {"gain": None, "last": False, **document}
    if missing := [name for name in _FIELDS if name not in document]:
        raise FrameError(f"a frame lacks {', '.join(missing)}")
    if unknown := [name for name in document if name not in _FIELDS]:
        raise FrameError(f"a frame has {', '.join(map(repr, unknown))[:200]}, which version {VERSION} does not know")
    rows, leads = document["samples"], document["leads"]
    if not isinstance(rows, list) or not isinstance(leads, list):
        raise FrameError("a frame's leads are no list of names, or its samples no list of rows")
    try:
        if not all(value is None or _is_number(value) for row in rows for value in row):
            raise ValueError("a sample is neither a number nor null")
        values = np.array(rows, dtype=np.float64).reshape(len(rows), -1 if rows else len(leads))
    except (ValueError, TypeError, OverflowError) as error:
        raise FrameError(f"a frame's samples are not rows of numbers, one for each lead ({error!s:.100})") from error
    if document["gain"] is None:
        values[np.abs(values) > np.finfo(np.float32).max] = np.nan
        return _frame([document[name] for name in _FIELDS], values.astype(np.float32))
    values = np.where(np.isnan(values), MISSING, values)
    if np.any(values != np.round(values)) or np.any(values < MISSING) or np.any(values > -MISSING - 1):
        raise FrameError("a frame with a gain has samples that are no integers of 16 bits")
    return _frame([document[name] for name in _FIELDS], values.astype(np.int16))


def _check_version(version: Any) -> None:
    if version != VERSION:
        raise FrameError(f"a frame is of version {_short(version)}; this release reads version {VERSION}")


def _frame(values: Sequence[Any], samples: NDArray[Any]) -> Frame:
    _, patient, session, sequence, time_us, fs, leads, units, gain, _, last = values
    if not isinstance(units, list) or not (gain is None or isinstance(gain, list)):
        raise FrameError("a frame's units are no list of names, or its gain no list of numbers")
    if _is_number(fs) and 0 <= fs <= 10 * MAX_FS:  # an integer may be larger than any float
        fs = float(fs)
    return Frame(
        patient, session, sequence, time_us, fs, tuple(leads), tuple(units), samples,
        None if gain is None else tuple(gain), last,
    )  # fmt: skip


def _is_integer(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _short(value: object) -> str:
    """Return a value for a message; an integer of thousands of digits has no text."""
    if type(value) is int and value.bit_length() > 200:
        return "of more than 60 digits"
    return f"{value!r:.40}" if not isinstance(value, tuple) else f"({', '.join(map(_short, value[:MAX_LEADS]))})"
