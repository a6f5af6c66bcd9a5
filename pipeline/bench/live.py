"""How many patients one core monitors live, and how long a verdict takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.detection.model import BeatModel
from pipeline.live.engine import Engine
from pipeline.live.frames import Frame, decode, encode
from pipeline.live.replay import synthetic_ward

__all__ = ["LiveBench", "bench_live"]

BATCH = 512  # frames taken at a time, as a worker does
WARM_UP_S = 45.0  # until most patients have their first template: only then is every beat scored
KINDS = 10  # of patients; the others have their signals under other names


@dataclass(frozen=True, slots=True)
class LiveBench:
    """What was measured.

    Attributes
    ----------
    patients : int
        How many there were.
    fs : float
        Their rate in Hz, two leads each.
    seconds : float
        How long it was measured, in real time.
    beats : int
        Beats that were scored in that time.
    p50_ms, p99_ms, max_ms : float
        From the moment a frame is there to the verdicts that it brought: what is added to a beat's own delay.
    cpu_share : float
        Seconds of processor time per second.
    backlog_s : float
        The longest that any frame had waited when its turn came, in s.
    """

    patients: int
    fs: float
    seconds: float
    beats: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_share: float
    backlog_s: float


def bench_live(
    model: BeatModel,
    *,
    patients: int,
    fs: float,
    seconds: float,
    frame_s: float,
    clock: Callable[[], float],
    cpu_clock: Callable[[], float],
    wait: Callable[[float], object],
    seed: int = 0,
) -> LiveBench:
    """Monitor patients in real time, whose frames come evenly spread over time.

    Parameters
    ----------
    model : BeatModel
        What scores.
    patients : int
        How many.
    fs : float
        Their rate in Hz.
    seconds : float
        How long to measure.
    frame_s : float
        Length of a frame in s.
    clock, cpu_clock, wait : callable
        Such as :func:`time.perf_counter`, :func:`time.process_time` and :func:`time.sleep`.
    seed : int
        Makes the patients.
    """
    rounds = math.ceil((WARM_UP_S + seconds) / frame_s)
    warm = math.ceil(WARM_UP_S / frame_s)
    coming = _messages(patients, fs, rounds, frame_s, seed)
    engine = Engine(model, clock=lambda: round(clock() * 1e6), is_live=False)
    for number in range(warm):
        engine.take(map(decode, coming[number]))
    waits: list[float] = []
    taken_after: list[float] = []
    before, cpu, started = engine.totals.beats, cpu_clock(), clock()
    queue = [message for number in range(warm, rounds) for message in coming[number]]
    at = 0
    while at < len(queue):
        now = clock() - started
        there = min(math.floor(now * patients / frame_s) + 1, len(queue))
        if there <= at:
            wait(at * frame_s / patients - now)
            continue
        there = min(there, at + BATCH)
        due = np.arange(at, there) * frame_s / patients
        taken_after.append(now - due[0])
        engine.take(map(decode, queue[at:there]))
        waits += (clock() - started - due).tolist()
        at = there
    elapsed = clock() - started
    p50, p99 = np.quantile(waits, [0.5, 0.99])
    return LiveBench(
        patients=patients,
        fs=fs,
        seconds=elapsed,
        beats=engine.totals.beats - before,
        p50_ms=float(p50) * 1e3,
        p99_ms=float(p99) * 1e3,
        max_ms=max(waits) * 1e3,
        cpu_share=(cpu_clock() - cpu) / elapsed,
        backlog_s=max(taken_after),
    )


def _messages(patients: int, fs: float, rounds: int, frame_s: float, seed: int) -> list[list[bytes]]:
    """Return the frames of all patients, round by round, as they come over a wire."""
    coming: list[list[bytes]] = [[] for _ in range(rounds)]
    kinds = synthetic_ward(min(patients, KINDS), seconds=rounds * frame_s, fs=fs, seed=seed)
    streams = [list(record.chunks(frame_s)) for record in kinds]
    began_us = 1_750_000_000_000_000
    for number in range(rounds):
        for patient in range(patients):
            chunk = streams[patient % len(streams)][number]
            time_us = began_us + round(chunk.start / fs * 1e6)
            name = f"bench/{patient}"
            coming[number].append(encode(Frame.of(name, "s", number, time_us, fs, chunk.leads, chunk.signal)))
    return coming
