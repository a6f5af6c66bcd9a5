"""Tables of samples as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.fuzzing.door import Door
from pipeline.fuzzing.recordings import foreign

__all__ = ["DOOR"]


def _seeds(_folder: Path) -> Sequence[bytes]:
    rows = [f"{i / 250:.3f},{np.sin(i / 30):.3f},{np.cos(i / 30):.3f}" for i in range(1000)]
    other = ["II;V1", *(["0,5;1", "0,6;2"] * 200)]
    return ["\n".join(lines).encode() for lines in (["time [s],II [mV],V1 [mV]", *rows], other)]


DOOR = Door(_seeds, foreign("a.csv"), (b",", b";", b"\t", b"time", b"mV", b'"', b"\n", b"nan"))
