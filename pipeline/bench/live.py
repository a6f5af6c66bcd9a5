"""How many patients one core monitors live, and how long a verdict takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.bench.stages import StageSampler
from pipeline.detection.model import BeatModel
from pipeline.live.engine import Engine
from pipeline.live.frames import Frame, decode, encode
from pipeline.live.replay import synthetic_ward

__all__ = ["LiveBench", "bench_live"]

BATCH = 512  # frames taken at a time, as a worker does
ALONE = 30.0  # s of signal after which a single patient's verdict time is known
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
        The longest that any frame had waited when its turn came, in s, gathering included.
    alone_ms : float
        What one patient's frame takes where it is the only one: median, nothing gathered.
    state_bytes : int
        The largest state of any patient.
    stages : dict of str to float
        Processor time by stage, in s, of a second stretch that was sampled; empty where that was not asked for.
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
    alone_ms: float
    state_bytes: int
    stages: dict[str, float]


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
    gather_s: float = 0.0,
    sampled_s: float = 0.0,
    seed: int = 0,
) -> LiveBench:
    """Monitor patients in real time, whose frames come each at a phase of its own, by chance.

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
    gather_s : float
        How long frames are gathered before they are taken together, as a worker does.
    sampled_s : float
        How long to go on after that, to tell the stages apart. Only in the main thread of a process.
    seed : int
        Makes the patients and their phases.
    """
    warm, plain, more = (math.ceil(part / frame_s) for part in (WARM_UP_S, seconds, sampled_s))
    coming = _messages(patients, fs, warm + plain + more, frame_s, seed)
    phase = np.sort(np.random.default_rng(seed).uniform(0.0, frame_s, patients))
    engine = Engine(model, clock=lambda: round(clock() * 1e6), is_live=False)
    for messages in coming[:warm]:
        engine.take(map(decode, messages))

    def play(first: int, stop: int) -> tuple[NDArray[np.float64], float]:
        due = (np.arange(stop - first)[:, None] * frame_s + phase).ravel()
        return _play(engine, [message for one in coming[first:stop] for message in one], due, gather_s, clock, wait)

    before, cpu, started = engine.totals.beats, cpu_clock(), clock()
    late_s, backlog_s = play(warm, warm + plain)
    elapsed, cpu = clock() - started, cpu_clock() - cpu
    beats = engine.totals.beats - before
    sampler = StageSampler()
    if more:
        with sampler:
            play(warm + plain, warm + plain + more)
    p50, p99 = np.quantile(late_s, [0.5, 0.99])
    return LiveBench(
        patients=patients,
        fs=fs,
        seconds=elapsed,
        beats=beats,
        p50_ms=float(p50) * 1e3,
        p99_ms=float(p99) * 1e3,
        max_ms=float(late_s.max()) * 1e3,
        cpu_share=cpu / elapsed,
        backlog_s=backlog_s,
        alone_ms=_alone(model, fs, frame_s, clock, seed) * 1e3,
        state_bytes=max(len(engine.snapshot(patient)) for patient in engine.patients),
        stages=dict(sampler.seconds),
    )


def _play(
    engine: Engine,
    queue: Sequence[bytes],
    due: NDArray[np.float64],
    gather_s: float,
    clock: Callable[[], float],
    wait: Callable[[float], object],
) -> tuple[NDArray[np.float64], float]:
    """Give an engine frames as they come due; return how late each was done with, and the longest wait for a turn."""
    waits: list[NDArray[np.float64]] = []
    longest_s, at, started = 0.0, 0, clock()
    while at < len(queue):
        now = clock() - started
        if now < due[at] + gather_s and at < len(queue) - BATCH:
            wait(due[at] + gather_s - now)
            continue
        there = min(int(np.searchsorted(due, now, side="right")), at + BATCH)
        if there <= at:
            wait(due[at] - now)
            continue
        longest_s = max(longest_s, now - due[at])
        engine.take(map(decode, queue[at:there]))
        waits.append(clock() - started - due[at:there])
        at = there
    return np.concatenate(waits), longest_s


def _alone(model: BeatModel, fs: float, frame_s: float, clock: Callable[[], float], seed: int) -> float:
    """Return what a frame of the only patient takes, in s: the median of those that bring a verdict."""
    warm = math.ceil(WARM_UP_S / frame_s)
    coming = _messages(1, fs, warm + math.ceil(ALONE / frame_s), frame_s, seed)
    engine = Engine(model, clock=lambda: round(clock() * 1e6), is_live=False)
    taken = []
    for number, (message,) in enumerate(coming):
        started = clock()
        results = engine.take([decode(message)])
        if number >= warm and any(result.findings for result in results):
            taken.append(clock() - started)
    return float(np.median(taken)) if taken else math.nan


def _messages(patients: int, fs: float, rounds: int, frame_s: float, seed: int) -> list[list[bytes]]:
    """Return the frames of all patients, round by round, as they come over a wire."""
    coming: list[list[bytes]] = []
    kinds = synthetic_ward(min(patients, KINDS), seconds=rounds * frame_s, fs=fs, seed=seed)
    began_us = 1_750_000_000_000_000
    for number, chunks in enumerate(zip(*(record.chunks(frame_s) for record in kinds), strict=True)):
        sent = []
        for chunk in chunks:
            time_us = began_us + round(chunk.start / fs * 1e6)
            sent.append(Frame.of(chunk.record, "s", number, time_us, fs, chunk.leads, chunk.signal))
        coming.append([encode(replace(sent[i % len(sent)], patient=f"bench/{i}")) for i in range(patients)])
    return coming
