"""BIOPAC AcqKnowledge files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.annotations import Annotations
from pipeline.errors import RecordCorrupt
from pipeline.sources.foreign.base import ArrayFile, ReadOptions, Signal

__all__ = ["open_acq"]

CPU_S = 3  # s of the processor that a small file may take; half a second is usual, with its imports
BYTES_A_CPU_S = 4_000_000  # of the file, for each s more
LEAST_MEMORY = 2**30  # bytes, beside 30 for each of the file
# Each thread of numpy's libraries takes address space of its own: on a large machine more than the limit.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
PATIENCE = 40  # times the processor's time, on a machine that has other things to do


def open_acq(path: Path, options: ReadOptions) -> ArrayFile:
    """Open an AcqKnowledge file; its event markers become notes.

    bioread goes on for ever on some damaged files, so it works in a process of its own with limits of time and memory.

    Raises
    ------
    RecordCorrupt
        If it is damaged, or its reader comes to no end.
    """
    del options
    size = path.stat().st_size
    seconds = CPU_S + size // BYTES_A_CPU_S
    with tempfile.TemporaryDirectory(prefix="ecg-anomaly-") as folder:
        child = [sys.executable, "-P", str(Path(__file__).with_name("acq_child.py"))]
        limits = [str(seconds), str(LEAST_MEMORY + 30 * size)]
        try:
            done = subprocess.run(  # noqa: S603 - our own
                [*child, str(path.resolve()), folder, *limits],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                timeout=PATIENCE * seconds, check=False, env=os.environ | ONE_THREAD,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise _no_end(path) from error
        if done.returncode < 0:
            raise _no_end(path)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
            raise RecordCorrupt(f"{path.name}: it is damaged ({said[-1]:.300})")
        facts: dict[str, Any] = json.loads((Path(folder) / "facts.json").read_text())
        signals = [Signal(name, unit or None, fs) for name, unit, fs in facts["channels"]]
        columns = [np.load(Path(folder) / f"{i}.npy", allow_pickle=False) for i in range(len(signals))]
    noted = None
    if facts["markers"]:
        samples, texts = zip(*facts["markers"], strict=True)
        symbols = np.full(len(samples), '"', dtype="<U1")
        noted = Annotations(np.array(samples, dtype=np.int64), symbols, tuple(texts), facts["fs"])
    start = None if facts["start"] is None else datetime.fromisoformat(facts["start"])
    return ArrayFile(signals, columns, start, noted=noted)


def _no_end(path: Path) -> RecordCorrupt:
    return RecordCorrupt(f"{path.name}: it is damaged (its reader came to no end within its limits)")
