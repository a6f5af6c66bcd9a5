"""The network, the thresholds and a patient's state."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from pipeline.bench.kernels.row import Row
from pipeline.bench.kernels.signal_side import least_s
from pipeline.bench.workload import Workload
from pipeline.detection.compress import nonzero_of, operations_of
from pipeline.detection.forward import Forward
from pipeline.detection.speed import largest_difference, matrix_rate, own_matrix_rate, windows_per_s
from pipeline.detection.torch_forward import TorchForward
from pipeline.evaluation.threshold_rules import adaptive
from pipeline.monitor import Monitor
from pipeline.records import Findings
from pipeline.scoring import model_at

__all__ = ["network_rows", "state_rows", "threshold_rows"]

BATCHES = (1, 32, 256)
BATCHES_ON_GPU = (256, 4096, 16384)
ALPHA = 0.01


def network_rows(path: Path | None, device: str) -> list[Row]:
    """Return how many beats a second the network rebuilds, against what the machine's matrix products would give.

    Raises
    ------
    ModelError
        If there is no such device.
    """
    model = model_at(path)
    network, shape, forward = model.network, model.shape, model.forward
    if device != "cpu":
        forward = model.on(device).forward
    operations = 2.0 * operations_of(network)
    large = matrix_rate(time.perf_counter, device)
    rows = [
        Row("network", "weights", nonzero_of(network), "parameters"),
        Row("network", "operations", operations / 1e3, "thousand a beat"),
        Row("network", f"large matrix products, {device}", large / 1e9, "GFLOP/s", "float32, torch.mm"),
    ]

    def row(name: str, forward: Forward, batch: int) -> Row:
        rate = windows_per_s(forward, shape, batch, time.perf_counter)
        note = f"{1e6 / rate:.1f} us each, {100 * rate * operations / large:.0f} % of large products"
        return Row("network", f"{name}, batch {batch}", rate, "windows/s", note)

    if device == "cpu":
        for batch in BATCHES:
            own = own_matrix_rate(network, batch, time.perf_counter)
            note = f"{own / operations:,.0f} windows/s if nothing else were done"
            rows.append(Row("network", f"its own products, batch {batch}", own / 1e9, "GFLOP/s", note))
        rows += [row("forward", forward, batch) for batch in BATCHES]
        rows.append(row("forward by torch", TorchForward(network), BATCHES[-1]))
        return rows
    rows += [row(f"forward on {device}", forward, batch) for batch in BATCHES_ON_GPU]
    off = largest_difference(model.forward, forward, shape, BATCHES_ON_GPU[0])
    return [*rows, Row("network", "largest difference from the CPU", off, "units of noise")]


def threshold_rows(work: Workload, model: Path | None) -> list[Row]:
    """Return what a beat's threshold and what is learnt from its score take."""
    findings, _ = _scored(work, model)
    guesses = model_at(model).guesses
    took = least_s(partial(adaptive, findings, guesses, ALPHA), repeats=3)
    return [
        Row("thresholds", "judge and learn", 1e6 * took / max(len(findings), 1), "us a beat", "alone, beat by beat")
    ]


def state_rows(work: Workload, model: Path | None) -> list[Row]:
    """Return how large a patient's state is as a snapshot, and what it takes to make and to restore one."""
    _, monitor = _scored(work, model)
    state = monitor.snapshot()
    again = Monitor(model_at(model))
    return [
        Row("state", "snapshot", len(state) / 1024, "KB", "after a whole record"),
        Row("state", "make one", 1e3 * least_s(monitor.snapshot), "ms"),
        Row("state", "restore one", 1e3 * least_s(lambda: again.restore(state)), "ms"),
    ]


def _scored(work: Workload, model: Path | None) -> tuple[Findings, Monitor]:
    monitor = Monitor(model_at(model))
    found = [monitor.process(chunk) for chunk in work.open(work.names[0]).chunks()]
    return Findings.concatenate(found), monitor
