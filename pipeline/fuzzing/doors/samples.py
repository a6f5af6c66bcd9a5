"""Samples of WFDB records, in each format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.fuzzing.door import Door, Enter
from pipeline.fuzzing.recordings import read, written

__all__ = ["DOOR"]

FORMATS = ("8", "16", "24", "32", "61", "80", "160", "212", "310", "311")


def _open(folder: Path) -> Enter:
    written(folder)

    def enter(data: bytes) -> None:
        fmt = FORMATS[data[0] % len(FORMATS)] if data else "16"
        (folder / "sinus.dat").write_bytes(data[1:])
        lines = ["sinus 2 250", *(f"sinus.dat {fmt} 200 12 0 0 0 0 {lead}" for lead in ("II", "V1")), ""]
        (folder / "sinus.hea").write_text("\n".join(lines))
        read("sinus", folder)

    return enter


def _seeds(folder: Path) -> Sequence[bytes]:
    data = (written(folder) / "sinus.dat").read_bytes()[:6000]
    return [bytes([i]) + data for i in range(len(FORMATS))]


DOOR = Door(_seeds, _open)
