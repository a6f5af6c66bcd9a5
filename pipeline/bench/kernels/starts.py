"""How long a person waits: for help, and for the first scored beat of a record."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping

from pipeline.bench.kernels.row import Row
from pipeline.bench.workload import Workload

__all__ = ["start_rows"]

REPEATS = 5
MAIN = "from pipeline.cli import main; main()"
# What a person would write, and no module of the benches, whose imports would count.
FIRST = """
import sys
from pathlib import Path
from pipeline import Monitor
from pipeline.sources import WfdbRecord

record = WfdbRecord(Path(sys.argv[1]), "first")
if not any(beat.score == beat.score for beat in Monitor.pretrained().run(record)):
    raise SystemExit("no beat has a score")
"""


def start_rows(work: Workload, *, cold: bool, repeats: int = REPEATS) -> list[Row]:
    """Return how long fresh processes take.

    Parameters
    ----------
    work : Workload
        Its first record is scored.
    cold : bool
        Also measure a process that has to compile the machine code, as the first one of a version does.
    repeats : int
        Of how many tries the median is given.
    """
    record = str(work.open(work.names[0]).path)
    helped = statistics.median(_took(MAIN, "--help") for _ in range(repeats))
    first = statistics.median(_took(FIRST, record) for _ in range(repeats))
    rows = [
        Row("start", "ecg-anomaly --help", helped, "s", "median, fresh processes"),
        Row("start", "first scored beat of a record", first, "s", "the same, from the start of the process"),
    ]
    if cold:
        with tempfile.TemporaryDirectory(prefix="ecg-bench-") as folder:
            compiled = _took(FIRST, record, environment={"NUMBA_CACHE_DIR": folder})
        rows.append(Row("start", "the same, first run of a version", compiled, "s", "machine code is compiled"))
    return rows


def _took(code: str, *arguments: str, environment: Mapping[str, str] | None = None) -> float:
    began = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    return time.perf_counter() - began
