"""ISHNE Holter files, block by block.

Format: Badilini F, The ISHNE Holter Standard Output File Format, Ann Noninvasive Electrocardiol 1998;3(3):263-266,
doi:10.1111/j.1542-474X.1998.tb00353.x; https://thew-project.org/papers/Badilini.ISHNE.Holter.Standard.pdf. The
libraries for it hold a day of samples in memory at once.
"""

from __future__ import annotations

import struct
import weakref
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.errors import RecordCorrupt
from pipeline.sources.foreign.base import BLOCK, ReadOptions, Signal

__all__ = ["MAGIC", "IshneFile", "open_ishne"]

MAGIC = b"ISHNE1.0"

_FIXED = 522  # bytes of the header before its variable part
_MISSING = -32768
_NAMES: tuple[str, ...] = ("", "", "VX", "VY", "VZ", "I", "II", "III", "aVR", "aVL", "aVF")
_NAMES += ("V1", "V2", "V3", "V4", "V5", "V6", "ES", "AS", "AI")
_MOST = 12


def open_ishne(path: Path, options: ReadOptions) -> IshneFile:
    """Open an ISHNE Holter file.

    Raises
    ------
    RecordCorrupt
        If it is none, or is cut before its samples.
    """
    del options
    return IshneFile(path)


class IshneFile:
    """An open ISHNE Holter file: up to twelve leads of 16 bits."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        weakref.finalize(self, self._file.close)
        head = self._file.read(_FIXED)
        if len(head) < _FIXED or not head.startswith(MAGIC):
            raise RecordCorrupt(f"{path.name}: it is no ISHNE file, or is cut in its header")
        _, samples, _, at = struct.unpack_from("<4i", head, 10)
        self._leads = int(struct.unpack_from("<h", head, 156)[0])
        if not 1 <= self._leads <= _MOST or not at >= _FIXED:
            raise RecordCorrupt(f"{path.name}: its header gives {self._leads} leads, samples from byte {at} on")
        specifications = struct.unpack_from("<12h", head, 158)
        resolutions = struct.unpack_from("<12h", head, 206)
        fs = float(struct.unpack_from("<h", head, 272)[0])
        if not fs > 0:
            raise RecordCorrupt(f"{path.name}: its header gives a rate of {fs:g} Hz")
        self._at = at
        there = max(0, path.stat().st_size - at) // (2 * self._leads)
        self.notes: list[str] = []
        if 0 < samples < there:
            there = samples
        elif samples > there and samples != there * self._leads:  # some recorders count those of all leads together
            self.notes.append(f"its header declares {samples} samples a lead, and it holds {there}: is it cut?")
        if not there:
            raise RecordCorrupt(f"{path.name} is cut: it holds none of {samples} samples; copy it again")
        self._length = int(there)
        self.signals = []
        self._gain = np.ones(self._leads)
        for i in range(self._leads):
            code, resolution = specifications[i], resolutions[i]
            name = _NAMES[code] if 0 <= code < len(_NAMES) and _NAMES[code] else f"ECG{i + 1}"
            flaw = "" if resolution > 0 else "it gives no resolution to turn its values into a voltage"
            self._gain[i] = resolution if resolution > 0 else 1.0  # nV
            self.signals.append(Signal(name, "nV" if resolution > 0 else None, fs, flaw))
        self.start = _start(head)
        device = head[232:272].split(b"\x00")[0].decode("latin-1").strip()
        self.facts = {"device": device} if device else {}

    def annotations(self) -> Annotations | None:
        """Return None: annotations are in files of their own."""
        return None

    def length(self, index: int) -> int:
        """Return the number of samples of a signal."""
        del index
        return self._length

    def blocks(self, chosen: Sequence[int]) -> Iterator[NDArray[np.float64]]:
        """Yield signals in nV, shape (samples, signals), NaN where missing."""
        for first in range(0, self._length, BLOCK):
            count = min(BLOCK, self._length - first)
            self._file.seek(self._at + first * 2 * self._leads)
            raw = np.frombuffer(self._file.read(count * 2 * self._leads), "<i2")
            if len(raw) != count * self._leads:
                raise RecordCorrupt(f"{self._file.name}: it has become shorter while it was read")
            block = raw.reshape(count, self._leads)[:, list(chosen)]
            yield np.where(block == _MISSING, np.nan, block * self._gain[list(chosen)])


def _start(head: bytes) -> datetime | None:
    day, month, year, _, _, _, hour, minute, second = struct.unpack_from("<9h", head, 138)
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
