"""EDF files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import edfio
import numpy as np

from pipeline.fuzzing.door import Door
from pipeline.fuzzing.recordings import foreign

__all__ = ["DOOR"]


def _seeds(_folder: Path) -> Sequence[bytes]:
    signal = np.sin(np.arange(2500) / 30)
    sheet = edfio.Edf([edfio.EdfSignal(signal, 250, label=name, physical_dimension="mV") for name in ("II", "V1")])
    out = io.BytesIO()
    sheet.write(out)
    return [out.getvalue()]


DOOR = Door(_seeds, foreign("a.edf"), (b"EDF+C", b"EDF+D", b"mV", b"-1", b"0       "))
