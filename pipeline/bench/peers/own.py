"""What this project takes for the same records, measured in the process that calls."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline.bench.workload import Workload
from pipeline.detection.compress import nonzero_of
from pipeline.scoring import model_at
from pipeline.signals.beats import BeatFinder

__all__ = ["find_r_peaks", "network_sizes"]

CHUNK_S = 60.0
FLUSH_S = 0.6


def find_r_peaks(work: Workload, name: str, leads: int, chunk_s: float = CHUNK_S) -> tuple[float, list[int]]:
    """Return the processor time in s that the R peaks of a record take, causally and chunk by chunk, and the peaks."""
    record = work.open(name)
    signal = np.concatenate([chunk.signal for chunk in record.chunks()])[:, :leads]
    size = round(chunk_s * record.fs)
    find = partial(_find, record.fs, signal, size)
    find()
    cpu = time.process_time()
    peaks = find()
    return time.process_time() - cpu, peaks


def network_sizes() -> dict[str, int]:
    """Return the sizes of the network that ships: steps, samples a step, units, latent values and weights."""
    network = model_at(None).network
    shape = network.shape
    return {
        "steps": shape.steps,
        "step": shape.step,
        "hidden": shape.hidden,
        "latent": shape.latent,
        "channels": shape.channels,
        "weights": nonzero_of(network),
    }


def _find(fs: float, signal: NDArray[np.float32], size: int) -> list[int]:
    finder = BeatFinder(fs, signal.shape[1])
    peaks: list[int] = []
    for start in range(0, len(signal), size):
        peaks += finder.process(signal[start : start + size]).r_peak.tolist()
    nothing = np.full((round(FLUSH_S * fs), signal.shape[1]), np.nan, dtype=np.float32)
    peaks += finder.process(nothing).r_peak.tolist()
    return peaks
