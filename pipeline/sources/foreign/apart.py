"""Files whose libraries are read in a process of their own, with limits of time and memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RecordCorrupt

__all__ = ["read_apart"]

CPU_S = 3  # s of the processor that a small file may take; half a second is usual, with its imports
BYTES_A_CPU_S = 4_000_000  # of the file, for each s more
LEAST_MEMORY = 2**30  # bytes, beside some for each of the file
# Each thread of numpy's libraries takes address space of its own: on a large machine more than the limit.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_LIMITS = (-signal.SIGKILL, -signal.SIGXCPU)
PATIENCE = 40  # times the processor's time, on a machine that has other things to do


def read_apart(
    reader: str, path: Path, size: int, memory: int, more_s: int = 0
) -> tuple[dict[str, Any], list[NDArray[np.floating]]]:
    """Read a file in a process of its own.

    Parameters
    ----------
    reader : str
        Name of the module beside this one that reads it, such as ``acq_child``; it imports nothing of the project.
    path : Path
        The file.
    size : int
        Bytes that it holds, unpacked.
    memory : int
        Bytes of memory for each of them.
    more_s : int
        More s of the processor, where a library takes long to import.

    Returns
    -------
    facts : dict
        What the reader says of it.
    columns : list of ndarray
        Its arrays.

    Raises
    ------
    RecordCorrupt
        If it is damaged, or its reader comes to no end within its limits.
    """
    seconds = CPU_S + more_s + size // BYTES_A_CPU_S
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory(prefix="ecg-anomaly-") as folder:
        child = [sys.executable, "-P", str(here / "apart_child.py"), str(here / f"{reader}.py")]
        limits = [str(seconds), str(LEAST_MEMORY + memory * size)]
        try:
            done = subprocess.run(  # noqa: S603 - our own
                [*child, str(path.resolve()), folder, *limits],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                timeout=PATIENCE * seconds, check=False, env=os.environ | ONE_THREAD,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise _no_end(path) from error
        if done.returncode in _LIMITS:
            raise _no_end(path)
        if done.returncode < 0:
            raise RecordCorrupt(f"{path.name}: it is damaged (its reader broke down, signal {-done.returncode})")
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
            raise RecordCorrupt(f"{path.name}: it is damaged ({said[-1]:.300})")
        facts: dict[str, Any] = json.loads((Path(folder) / "facts.json").read_text())
        columns = [np.load(Path(folder) / f"{i}.npy", allow_pickle=False) for i in range(facts.pop("columns"))]
    return facts, columns


def _no_end(path: Path) -> RecordCorrupt:
    return RecordCorrupt(f"{path.name}: it is damaged (its reader came to no end within its limits)")
