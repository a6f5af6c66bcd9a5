"""What one size costs, measured in the process that calls."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.bench.growth.series import Point
from pipeline.bench.memory import held_mb, peak_mb, reset_peak, resident_mb
from pipeline.bench.repeated import RepeatedRecord, block_of_signal, write_repeated
from pipeline.live.replay import synthetic_ward
from pipeline.records import Chunk, Record
from pipeline.scoring import model_at, score_record
from pipeline.settings import Settings
from pipeline.sources import WfdbRecord
from pipeline.ward import Ward

__all__ = ["cost_of_hours", "cost_of_leads", "cost_of_patients", "cost_of_rates"]

WARM_UP_S = 45.0  # until most patients have their first template: only then is every beat scored
KINDS = 10  # of patients; the others have their signals under other names
BATCH = 512  # chunks that a ward takes at a time, as a worker does
REPEATS = 3


def cost_of_patients(n: int, rounds: int) -> Point:
    """Return what a second of signal of so many patients costs a ward, two leads at 360 Hz, and what they hold."""
    model = model_at(None)
    kinds = synthetic_ward(min(n, KINDS), seconds=WARM_UP_S + rounds)
    streams = [np.concatenate([chunk.signal for chunk in record.chunks()]) for record in kinds]
    fs, leads = kinds[0].fs, kinds[0].leads
    ward = Ward(model)
    ward.process([Chunk("nobody", 0, fs, leads, streams[0][: round(WARM_UP_S * fs)])])  # machine code
    ward.discharge("nobody")
    before = held_mb()

    def give(start_s: float, stop_s: float) -> None:
        start, stop = round(start_s * fs), round(stop_s * fs)
        for first in range(0, n, BATCH):
            ward.process(
                Chunk(f"patient/{i}", start, fs, leads, streams[i % len(streams)][start:stop])
                for i in range(first, min(first + BATCH, n))
            )

    give(0.0, WARM_UP_S)
    cpu = time.process_time()
    for k in range(rounds):
        give(WARM_UP_S + k, WARM_UP_S + k + 1)
    spent = (time.process_time() - cpu) / rounds
    return Point(n, spent, held_mb() - before)


def cost_of_hours(marks: tuple[float, ...]) -> list[Point]:
    """Return what a record costs to score into a folder up to each mark, in hours, and the most that it held."""
    block = block_of_signal()
    record = RepeatedRecord.of(block, name="bench/long", fs=360.0, hours=max(marks))
    held = _prepare()
    waiting = sorted(marks)
    points: list[Point] = []

    def follow(share: float) -> None:
        if share * max(marks) >= waiting[0] - 1e-6:
            points.append(Point(waiting.pop(0), time.process_time() - began, peak_mb() - held))

    with tempfile.TemporaryDirectory(prefix="ecg-bench-") as out:
        began = time.process_time()
        score_record(record, model_at(None), Path(out), settings=Settings(), report=False, progress=follow)
    return points


def cost_of_leads(numbers: tuple[int, ...], minutes: float) -> list[Point]:
    """Return what an hour of a WFDB file with so many leads costs, of which two are scored."""
    with tempfile.TemporaryDirectory(prefix="ecg-bench-") as folder:
        return _each(numbers, minutes / 60.0, lambda n: _of_leads(n, Path(folder), minutes / 60.0))


def cost_of_rates(rates: tuple[float, ...], minutes: float) -> list[Point]:
    """Return what an hour of two leads at each rate in Hz costs."""
    return _each(rates, minutes / 60.0, lambda fs: _of_rate(fs, minutes / 60.0))


def _of_leads(n: float, folder: Path, hours: float) -> Record:
    block = block_of_signal(seconds=_block_s(hours), leads=int(n))
    return WfdbRecord(write_repeated(block, folder, f"leads{n:g}", fs=360.0, hours=hours), f"bench/leads{n:g}")


def _of_rate(fs: float, hours: float) -> Record:
    block = block_of_signal(seconds=_block_s(hours), fs=fs)
    return RepeatedRecord.of(block, name=f"bench/rate{fs:g}", fs=fs, hours=hours)


def _block_s(hours: float) -> float:
    return min(600.0, max(60.0, 3600.0 * hours))


def _each(sizes: tuple[float, ...], hours: float, make: Callable[[float], Record]) -> list[Point]:
    records = [(size, make(size)) for size in sizes]
    held = _prepare()
    return [Point(size, *_least(record, hours, held)) for size, record in records]


def _least(record: Record, hours: float, held: float) -> tuple[float, float]:
    """Return the least processor time of some tries for an hour of signal, and the most memory of the first one."""
    spent = [_score(record) for _ in range(REPEATS)]
    return min(cpu for cpu, _ in spent) / hours, spent[0][1] - held


def _score(record: Record) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="ecg-bench-") as out:
        reset_peak()
        cpu = time.process_time()
        score_record(record, model_at(None), Path(out), settings=Settings(), report=False)
        return time.process_time() - cpu, peak_mb()


def _prepare() -> float:
    """Score a minute, so that machine code is there; return what this process holds after its imports, in MB."""
    model_at(None)
    held = resident_mb()
    _score(RepeatedRecord.of(block_of_signal(seconds=60.0), name="bench/minute", fs=360.0, hours=1 / 60))
    reset_peak()
    return held
