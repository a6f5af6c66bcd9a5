"""How fast a network runs against how fast this machine multiplies matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.detection.forward import Forward
from pipeline.detection.network import BeatNetwork
from pipeline.detection.reading import Shape
from pipeline.detection.torch_forward import one_thread

__all__ = ["largest_difference", "matrix_rate", "own_matrix_rate", "windows_per_s"]

LARGE = (256, 512, 1024)  # sizes of square matrices of which the fastest counts
ENOUGH_S = 0.3  # each is measured for so long


@one_thread()
@torch.inference_mode()
def matrix_rate(clock: Callable[[], float], device: str = "cpu") -> float:
    """Return how many operations a second large products of float32 matrices do, on one thread of a CPU or on a GPU."""
    best = 0.0
    for n in LARGE:
        a, b = torch.rand(n, n, device=device), torch.rand(n, n, device=device)
        best = max(best, 2.0 * n**3 / _seconds(lambda a=a, b=b: torch.mm(a, b), clock, device))  # type: ignore[misc]  # a lambda's default has no type
    return best


@one_thread()
@torch.inference_mode()
def own_matrix_rate(network: BeatNetwork, batch: int, clock: Callable[[], float]) -> float:
    """Return how many operations a second the products of a network's own sizes do, on one thread of a CPU.

    Each layer's weights are multiplied with as many inputs as stand ready at once: those of a whole beat for what an
    LSTM reads, those of one step for what it carries.
    """
    operations = seconds = 0.0
    for weight, rows, times in _products(network, batch):
        a, b = torch.rand(rows, weight.shape[1]), weight.t().contiguous()
        once = _seconds(lambda a=a, b=b: torch.mm(a, b), clock)  # type: ignore[misc]  # a lambda's default has no type
        seconds += times * once
        operations += times * 2.0 * rows * weight.numel()
    return operations / seconds


def windows_per_s(forward: Forward, shape: Shape, batch: int, clock: Callable[[], float]) -> float:
    """Return how many beats a second a network rebuilds when so many come at once, from array to array."""
    residual, condition = _examples(shape, batch)
    return batch / _seconds(lambda: forward.run(residual, condition), clock)


def largest_difference(one: Forward, other: Forward, shape: Shape, batch: int) -> float:
    """Return by how much at most two ways of running a network differ, in units of the patient's noise."""
    examples = _examples(shape, batch)
    return float(np.abs(one.run(*examples) - other.run(*examples)).max())


def _products(network: BeatNetwork, batch: int) -> Iterator[tuple[Tensor, int, int]]:
    """Yield each matrix of weights, how many inputs it is multiplied with at once, and how often."""
    steps = network.shape.steps
    for name, module in network.named_modules():
        if isinstance(module, nn.LSTM):
            yield cast(Tensor, module.weight_ih_l0), batch * steps, 1
            yield cast(Tensor, module.weight_hh_l0), batch, steps
        elif isinstance(module, nn.Linear):
            yield module.weight, batch * (1 if name == "bottleneck" else steps), 1


def _examples(shape: Shape, batch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    chance = np.random.default_rng(0)
    sizes = ((batch, shape.steps, shape.channels), (batch, shape.steps, shape.conditions))
    residual, condition = (chance.standard_normal(size, dtype=np.float32) for size in sizes)
    return residual, condition


def _seconds(work: Callable[[], object], clock: Callable[[], float], device: str = "cpu") -> float:
    """Return how long a piece of work takes: the least of means over groups of calls."""

    def timed(calls: int) -> float:
        _wait_for(device)
        began = clock()
        for _ in range(calls):
            work()
        _wait_for(device)
        return (clock() - began) / calls

    timed(2)  # what is made on first use
    calls = max(1, int(ENOUGH_S / 5 / max(timed(1), 1e-9)))
    return min(timed(min(calls, 10_000)) for _ in range(5))


def _wait_for(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)
