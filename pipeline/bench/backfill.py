"""Backfill: records from file to Parquet, learning as they go, and where the time goes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.bench.alone import Alone, shared_out
from pipeline.bench.memory import peak_mb, reset_peak, resident_mb
from pipeline.bench.stages import StageSampler
from pipeline.bench.workload import Workload
from pipeline.scoring import Job, model_at, run_job

__all__ = ["Backfill", "RecordCost", "bench_backfill"]


@dataclass(frozen=True, slots=True)
class RecordCost:
    """What one record cost.

    Attributes
    ----------
    record : str
        Its name.
    hours : float
        Its length.
    beats : int
        Beats that were found.
    wall_s, cpu_s : float
        Time on the clock, and processor time.
    peak_mb : float
        Most memory of its process since that began to score, over what its imports and the model take.
    stages : dict of str to float
        Processor time by stage in s, where it was sampled.
    looks : int
        How often was looked for that.
    looking_s : float
        Processor time that the sampling itself took in s.
    """

    record: str
    hours: float
    beats: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    stages: dict[str, float]
    looks: int
    looking_s: float

    @property
    def times_real_time(self) -> float:
        """Length of the record over the time that it took."""
        return 3600.0 * self.hours / self.wall_s


@dataclass(frozen=True, slots=True)
class Backfill:
    """What all records cost.

    Attributes
    ----------
    what : str
        What the records are.
    workers : int
        Processes, each bound to a core of its own as far as there are so many.
    records : tuple of RecordCost
        Each record.
    wall_s : float
        From the moment when all processes had started and scored one record until the last record was done.
    start_s : float
        What it took them to get there.
    import_mb : float
        Memory of a process after its imports, with the model.
    stages : dict of str to float
        Processor time by stage in s, from a second run over the records; empty if there was none.
    looks : int
        How often was looked for that.
    looking_s : float
        Processor time that the sampling itself took in that run in s.
    """

    what: str
    workers: int
    records: tuple[RecordCost, ...]
    wall_s: float
    start_s: float
    import_mb: float
    stages: dict[str, float]
    looks: int
    looking_s: float

    @property
    def hours(self) -> float:
        """Length of all records."""
        return sum(record.hours for record in self.records)

    @property
    def beats(self) -> int:
        """Beats in all records."""
        return sum(record.beats for record in self.records)

    @property
    def cpu_s(self) -> float:
        """Processor time over all processes in s."""
        return sum(record.cpu_s for record in self.records)

    @property
    def times_real_time(self) -> float:
        """Length of all records over the time that they took together."""
        return 3600.0 * self.hours / self.wall_s

    @property
    def peak_mb(self) -> float:
        """Most memory of any process over what its imports take."""
        return max(record.peak_mb for record in self.records)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain values."""
        names = ("hours", "beats", "cpu_s", "times_real_time", "peak_mb")
        records = [asdict(record) | {"times_real_time": record.times_real_time} for record in self.records]
        return asdict(self) | {name: getattr(self, name) for name in names} | {"records": records}


def bench_backfill(
    work: Workload,
    out: Path,
    *,
    workers: int = 1,
    model: Path | None = None,
    stages: bool = True,
    progress: Callable[[str, float], object] = lambda _what, _share: None,
) -> Backfill:
    """Score records into a folder, without the page, and measure it.

    Each process scores the first record once before the clock starts, so that machine code is there.

    Parameters
    ----------
    work : Workload
        The records.
    out : Path
        Where the results go; what lies there is overwritten.
    workers : int
        Processes.
    model : Path, optional
        Model file; by default the one that ships.
    stages : bool
        Also tell the stages apart, in a second run.
    progress : callable
        Told what is under way and the share that is done.
    """
    jobs = [Job(name, out, work.settings, work.data_dir, model=model, force=True, report=False) for name in work.names]
    with ExitStack() as stack:
        started = time.perf_counter()
        processes = [stack.enter_context(Alone(place)) for place in range(workers)]
        ready = [process.start(_begin, jobs[0]) for process in processes]
        import_mb = max(future.result() for future in ready)
        start_s = time.perf_counter() - started
        runs = 2 if stages else 1
        plain, wall_s = _run(processes, [(job, import_mb, False) for job in jobs], progress, 0, runs)
        sampled = _run(processes, [(job, import_mb, True) for job in jobs], progress, 1, runs)[0] if stages else []
    by_stage: dict[str, float] = defaultdict(float)
    for cost in sampled:
        for stage, seconds in cost.stages.items():
            by_stage[stage] += seconds
    return Backfill(
        what=work.what,
        workers=workers,
        records=tuple(plain),
        wall_s=wall_s,
        start_s=start_s,
        import_mb=import_mb,
        stages=dict(by_stage),
        looks=sum(cost.looks for cost in sampled),
        looking_s=sum(cost.looking_s for cost in sampled),
    )


def _run(
    processes: Sequence[Alone],
    calls: list[tuple[Job, float, bool]],
    progress: Callable[[str, float], object],
    number: int,
    runs: int,
) -> tuple[list[RecordCost], float]:
    costs: dict[int, RecordCost] = {}
    began = time.perf_counter()
    for i, cost in shared_out(processes, _cost, calls):
        costs[i] = cost
        progress(cost.record, (number + len(costs) / len(calls)) / runs)
    wall_s = time.perf_counter() - began
    return [costs[i] for i in range(len(calls))], wall_s


def _begin(job: Job) -> float:
    """Import all that scoring needs, measure that, and score a record, so that machine code is there."""
    model_at(job.model)
    held = resident_mb()
    run_job(job)
    reset_peak()
    return held


def _cost(job: Job, import_mb: float, is_sampled: bool) -> RecordCost:
    sampler = StageSampler()
    wall, cpu = time.perf_counter(), time.process_time()
    if is_sampled:
        with sampler:
            done = run_job(job)
    else:
        done = run_job(job)
    wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    entry = done.summary
    return RecordCost(
        record=job.record,
        hours=entry.minutes / 60.0,
        beats=entry.beats,
        wall_s=wall_s,
        cpu_s=cpu_s,
        peak_mb=peak_mb() - import_mb,
        stages=dict(sampler.seconds),
        looks=sampler.looks,
        looking_s=sampler.own_s,
    )
