"""Headers of WFDB records."""

from __future__ import annotations

from pipeline.fuzzing.door import Door
from pipeline.fuzzing.recordings import seed_of, spoilt

__all__ = ["DOOR"]

WORDS = (
    b"sinus",
    b"sinus.dat",
    b"/mV",
    b"(0)",
    b"212",
    b"16",
    b"516",
    b"~",
    b"MLII",
    b"x2:1+8",
    b"#",
    b"0:00:00",
    b"1/1/2000",
)

DOOR = Door(seed_of("hea"), spoilt("hea"), WORDS)
