"""Memory of long records, from file to Parquet."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from pipeline.bench.alone import alone
from pipeline.bench.kernels.row import Row
from pipeline.bench.memory import peak_mb, reset_peak, resident_mb
from pipeline.bench.repeated import block_of_signal, write_repeated
from pipeline.scoring import Job, model_at, run_job
from pipeline.settings import Settings

__all__ = ["memory_rows"]

FS = 360.0


def memory_rows(days: tuple[float, ...], settings: Settings) -> list[Row]:
    """Return the most memory that a process holds over its imports while it scores a record of so many days."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="ecg-bench-") as temporary:
        folder = Path(temporary)
        block = block_of_signal(fs=FS)
        for number, each in enumerate(days):
            name = f"long{number}"
            path = write_repeated(block, folder / "records", name, fs=FS, hours=24.0 * each)
            job = Job(name, folder / "out", settings, path.parent, force=True, report=False)
            over_mb, import_mb, seconds = alone(_memory_of, job)
            path.with_suffix(".dat").unlink()
            note = f"over the {import_mb:.0f} MB of its imports; {86400 * each / seconds:,.0f} times real time"
            rows.append(Row("memory", f"a record of {24 * each:g} h", over_mb, "MB", note))
    return rows


def _memory_of(job: Job) -> tuple[float, float, float]:
    model_at(job.model)
    held = resident_mb()
    reset_peak()
    began = time.perf_counter()
    run_job(job)
    return peak_mb() - held, held, time.perf_counter() - began
