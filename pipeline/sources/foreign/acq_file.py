"""BIOPAC AcqKnowledge files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np

from pipeline.annotations import Annotations
from pipeline.sources.foreign.apart import read_apart
from pipeline.sources.foreign.base import ArrayFile, ReadOptions, Signal

__all__ = ["open_acq"]

_MEMORY = 30  # bytes of memory for each of the file


def open_acq(path: Path, options: ReadOptions) -> ArrayFile:
    """Open an AcqKnowledge file; its event markers become notes.

    bioread goes on for ever on some damaged files, so it works in a process of its own with limits of time and memory.

    Raises
    ------
    RecordCorrupt
        If it is damaged, or its reader comes to no end.
    """
    del options
    facts, found = read_apart("acq_child", path, path.stat().st_size, _MEMORY)
    signals = [Signal(name, unit or None, fs) for name, unit, fs in facts["channels"]]
    columns = [column.astype(np.float64, copy=False) for column in found]
    noted = None
    if facts["markers"]:
        samples, texts = zip(*facts["markers"], strict=True)
        symbols = np.full(len(samples), '"', dtype="<U1")
        noted = Annotations(np.array(samples, dtype=np.int64), symbols, tuple(texts), facts["fs"])
    start = None if facts["start"] is None else datetime.fromisoformat(facts["start"])
    return ArrayFile(signals, columns, start, noted=noted)
