"""All parts, each in a fresh process with one thread, bound to a core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.bench.alone import alone
from pipeline.bench.kernels.long_records import memory_rows
from pipeline.bench.kernels.model_side import network_rows, state_rows, threshold_rows
from pipeline.bench.kernels.row import Row
from pipeline.bench.kernels.signal_side import filter_rows, r_peak_rows, rival_r_peak_rows
from pipeline.bench.kernels.starts import start_rows
from pipeline.bench.workload import Workload

__all__ = ["SECTIONS", "bench_kernels"]

SECTIONS = ("rpeaks", "filters", "network", "thresholds", "state", "start", "memory")
DAYS = (1.0, 7.0)


def bench_kernels(
    work: Workload,
    sections: Sequence[str] = SECTIONS,
    *,
    model: Path | None = None,
    device: str = "cpu",
    days: tuple[float, ...] = DAYS,
    cold: bool = False,
    progress: Callable[[str, float], object] = lambda _what, _share: None,
) -> list[Row]:
    """Measure parts of the pipeline.

    Parameters
    ----------
    work : Workload
        Its first record is what they work on.
    sections : sequence of str
        Which parts.
    model : Path, optional
        Model file; by default the one that ships.
    device : str
        Where the network runs: ``cpu`` or ``cuda``.
    days : tuple of float
        Lengths of the long records.
    cold : bool
        Also measure the first start of a version.
    progress : callable
        Told what is under way and the share that is done.

    Raises
    ------
    ModelError
        If there is no such device.
    """
    measures: dict[str, Callable[[], list[Row]]] = {
        "rpeaks": lambda: [*alone(r_peak_rows, work), *rival_r_peak_rows(work)],
        "filters": lambda: alone(filter_rows, work),
        "network": lambda: alone(network_rows, model, device),
        "thresholds": lambda: alone(threshold_rows, work, model),
        "state": lambda: alone(state_rows, work, model),
        "start": lambda: start_rows(work, cold=cold),
        "memory": lambda: memory_rows(days, work.settings),
    }
    rows: list[Row] = []
    for number, section in enumerate(sections):
        progress(section, number / len(sections))
        rows += measures[section]()
    return rows
