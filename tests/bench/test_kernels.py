from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from pipeline.bench.kernels import Row, bench_kernels
from pipeline.bench.kernels.model_side import network_rows, state_rows, threshold_rows
from pipeline.bench.kernels.signal_side import filter_rows
from pipeline.bench.kernels.starts import start_rows
from pipeline.bench.workload import Workload
from pipeline.detection.compress import operations_of
from pipeline.detection.model import BeatModel
from pipeline.detection.speed import _products, largest_difference, matrix_rate
from pipeline.detection.torch_forward import TorchForward
from pipeline.errors import ModelError

pytestmark = pytest.mark.slow


def named(rows: list[Row]) -> dict[str, float]:
    assert all(np.isfinite(row.value) and row.value > 0.0 for row in rows)
    return {row.name: row.value for row in rows}


def test_the_products_of_a_network_are_all_its_operations(model: BeatModel) -> None:
    products = list(_products(model.network, 5))
    assert sum(weight.numel() * rows * times for weight, rows, times in products) == 5 * operations_of(model.network)


def test_the_network_is_set_against_matrix_products() -> None:
    rows = named(network_rows(None, "cpu"))
    assert rows["forward, batch 256"] > 0.5 * rows["forward, batch 1"]
    assert rows["its own products, batch 256"] > rows["its own products, batch 1"]
    # Nothing does better than products of the same sizes alone would, by more than a noisy machine errs.
    reached = rows["forward, batch 256"] * rows["operations"] * 1e3 / 1e9
    assert reached < 2.0 * rows["its own products, batch 256"]


def test_a_rate_of_products_is_that_of_this_century() -> None:
    assert 1e8 < matrix_rate(time.perf_counter) < 1e14


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match="cuda"):
        network_rows(None, "cuda")


def test_two_ways_of_running_a_network_agree(model: BeatModel) -> None:
    shape = model.shape
    assert largest_difference(model.forward, TorchForward(model.network), shape, 40) < 1e-4
    assert largest_difference(model.forward, model.forward, shape, 40) == 0.0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")
def test_a_gpu_gives_the_same_within_tolerance() -> None:
    rows = named(network_rows(None, "cuda"))
    assert rows["largest difference from the CPU"] < 1e-2
    assert rows["forward on cuda, batch 16384"] > 0.0


def test_parts_are_measured_alone(work: Workload) -> None:
    told: list[str] = []
    sections = ("rpeaks", "memory")
    rows = bench_kernels(work, sections, days=(0.01,), progress=lambda what, _share: told.append(what))
    assert tuple(told) == sections
    found = named([*rows, *filter_rows(work), *threshold_rows(work, None), *state_rows(work, None)])
    assert found["chunks of 0.25 s"] > found["the whole record at once"]
    assert found["band-pass 0.5-40 Hz"] < found["the whole record at once"]
    assert 0.1 < found["judge and learn"] < 1000.0
    assert found["snapshot"] <= 64.0
    assert found["a record of 0.24 h"] < 400.0


def test_starts_are_measured_in_fresh_processes(work: Workload) -> None:
    rows = named(start_rows(work, cold=False, repeats=1))
    assert rows["ecg-anomaly --help"] < rows["first scored beat of a record"]
