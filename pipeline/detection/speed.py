"""How fast a network runs against how fast this machine multiplies matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn

from pipeline.detection.network import BeatNetwork, one_thread

__all__ = ["largest_difference", "matrix_rate", "own_matrix_rate", "usable_device", "windows_per_s"]

LARGE = (256, 512, 1024)  # sizes of square matrices of which the fastest counts
ENOUGH_S = 0.3  # each is measured for so long


def usable_device(name: str) -> torch.device:
    """Return a device of torch that is there.

    Raises
    ------
    ValueError
        If there is no such device in this machine, or this build of torch cannot use it.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"{name!r} is no device of torch: say cpu or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"torch {torch.__version__} finds no CUDA device here")
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"{name!r} is not measured: say cpu or cuda")
    return device


@one_thread()
@torch.inference_mode()
def matrix_rate(clock: Callable[[], float], device: torch.device | None = None) -> float:
    """Return how many operations a second large products of float32 matrices do, on one thread of a CPU."""
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


@torch.inference_mode()
def windows_per_s(network: BeatNetwork, batch: int, clock: Callable[[], float], device: str = "cpu") -> float:
    """Return how many beats a second a network rebuilds when so many come at once.

    On a CPU it is what a monitor runs (:meth:`BeatNetwork.run`, from array to array); elsewhere the network itself,
    from the device's memory to the device's memory.
    """
    at = usable_device(device)
    residual, condition = _examples(network, batch)
    if at.type == "cpu":
        r, c = residual.numpy(), condition.numpy()
        return batch / _seconds(lambda: network.run(r, c), clock)
    moved, there = deepcopy(network).to(at), (residual.to(at), condition.to(at))
    return batch / _seconds(lambda: moved(*there), clock, at)


@torch.inference_mode()
def largest_difference(network: BeatNetwork, batch: int, device: str) -> float:
    """Return by how much at most a device's results differ from the CPU's, in units of the patient's noise."""
    at = usable_device(device)
    residual, condition = _examples(network, batch)
    here = network.run(residual.numpy(), condition.numpy())
    there = deepcopy(network).to(at)(residual.to(at), condition.to(at)).cpu()
    return float((there - torch.from_numpy(here)).abs().max())


def _products(network: BeatNetwork, batch: int) -> Iterator[tuple[Tensor, int, int]]:
    """Yield each matrix of weights, how many inputs it is multiplied with at once, and how often."""
    steps = network.shape.steps
    for name, module in network.named_modules():
        if isinstance(module, nn.LSTM):
            yield cast(Tensor, module.weight_ih_l0), batch * steps, 1
            yield cast(Tensor, module.weight_hh_l0), batch, steps
        elif isinstance(module, nn.Linear):
            yield module.weight, batch * (1 if name == "bottleneck" else steps), 1


def _examples(network: BeatNetwork, batch: int) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(0)
    s = network.shape
    sizes = ((batch, s.steps, s.channels), (batch, s.steps, s.conditions))
    return torch.randn(sizes[0], generator=chance), torch.randn(sizes[1], generator=chance)


def _seconds(work: Callable[[], object], clock: Callable[[], float], device: torch.device | None = None) -> float:
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


def _wait_for(device: torch.device | None) -> None:
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
