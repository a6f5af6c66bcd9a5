"""Filters and R peaks of a record that lies in memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline.bench.kernels.row import Row
from pipeline.bench.peers.environment import environment_at_hand
from pipeline.bench.peers.running import run_rivals
from pipeline.bench.workload import Workload
from pipeline.signals.beats import BeatFinder
from pipeline.signals.envelopes import QRS_ENVELOPE, SHARP_ENVELOPE
from pipeline.signals.filters import BandPass
from pipeline.signals.quality import Conditioner
from pipeline.signals.resample import Resampler

__all__ = ["filter_rows", "least_s", "r_peak_rows", "rival_r_peak_rows"]

REPEATS = 5
HALF_HOUR_S = 1800.0
CHUNKS_S = (60.0, 1.0, 0.25)
RIVALS = ("wfdb XQRS", "wfdb gqrs", "sleepecg")

Signal = NDArray[np.float32]


def r_peak_rows(work: Workload) -> list[Row]:
    """Return what it takes to find R peaks and cut windows, causally, by length of the chunks."""
    signal, fs, share = _half_hour(work)
    whole = share * least_s(partial(_find, signal, fs, len(signal)))
    rows = [Row("R peaks", "the whole record at once", whole, "s a 30-min record", "two leads, with windows")]
    for seconds in CHUNKS_S:
        took = share * least_s(partial(_find, signal, fs, round(seconds * fs)))
        rows.append(
            Row("R peaks", f"chunks of {seconds:g} s", took, "s a 30-min record", f"{took / whole:.2f} x the whole")
        )
    return rows


def rival_r_peak_rows(work: Workload) -> list[Row]:
    """Return the same of rivals, if :func:`pipeline.bench.peers.environment` has made their environment."""
    python = environment_at_hand(work.settings.cache_dir)
    if python is None:
        return []
    signal, fs, share = _half_hour(work)
    found = run_rivals(python, {"rivals": RIVALS, "place": 0}, signal, fs)["found"]
    return [
        Row("R peaks", name, share * found[name]["cpu_s"], "s a 30-min record", "one lead, the whole record at once")
        for name in RIVALS
    ]


def filter_rows(work: Workload) -> list[Row]:
    """Return what each filter takes over a whole record."""
    signal, fs, share = _half_hour(work)
    leads = signal.shape[1]
    slow = Resampler(fs, leads).process(signal)
    steady, _ = Conditioner(leads).process(slow)
    stages: dict[str, Callable[[], object]] = {
        f"resampling {fs:g} to 180 Hz": lambda: Resampler(fs, leads).process(signal),
        "lead state": lambda: Conditioner(leads).process(slow),
        "band-pass 0.5-40 Hz": lambda: BandPass(leads).process(steady),
        "envelope at 10 Hz": lambda: QRS_ENVELOPE.envelope(steady),
        "envelope at 20 Hz": lambda: SHARP_ENVELOPE.envelope(steady),
    }
    return [
        Row("filters", name, share * least_s(stage), "s a 30-min record", "two leads") for name, stage in stages.items()
    ]


def least_s(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the least time of some tries in s, after one that does not count."""
    work()
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def _half_hour(work: Workload) -> tuple[Signal, float, float]:
    """Return up to half an hour of the first record, its rate, and half an hour over its length."""
    record = work.open(work.names[0])
    signal = np.concatenate([chunk.signal for chunk in record.chunks()])[: round(HALF_HOUR_S * record.fs)]
    return signal, record.fs, HALF_HOUR_S * record.fs / len(signal)


def _find(signal: Signal, fs: float, size: int) -> None:
    finder = BeatFinder(fs, signal.shape[1])
    for start in range(0, len(signal), size):
        finder.process(signal[start : start + size])
