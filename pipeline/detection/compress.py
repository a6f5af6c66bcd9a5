"""Smaller networks from trained ones: weights in 8 bits, weights left out; and what a network costs."""

from __future__ import annotations

import warnings
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from pipeline.detection.network import BeatNetwork

__all__ = ["bytes_of", "nonzero_of", "operations_of", "pruned", "quantised"]


def quantised(network: BeatNetwork) -> BeatNetwork:
    """Return a network whose layers have weights of 8 bits and choose the scale of their inputs as they run.

    That scale is common to all beats of a block, so a beat's score comes to depend on its neighbours: a measure of what
    8 bits cost and gain, and not what a monitor runs.
    """
    with warnings.catch_warnings():
        # torch means to move this to torchao, whose own way does not cover LSTMs.
        warnings.simplefilter("ignore")
        smaller: BeatNetwork = torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]  # it has no types
            deepcopy(network), {nn.LSTM, nn.Linear}, dtype=torch.qint8
        )
    return smaller.eval()


def pruned(network: BeatNetwork, share: float) -> BeatNetwork:
    """Return a network without the smallest weights of its matrices: so large a share of them is 0.

    Raises
    ------
    ValueError
        If the share does not lie between 0 and 1.
    """
    if not 0.0 < share < 1.0:
        raise ValueError(f"a share of {share} of the weights cannot be left out: it lies between 0 and 1")
    smaller = deepcopy(network)
    matrices = [
        (module, name)
        for module in smaller.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if parameter.ndim == 2
    ]
    prune.global_unstructured(matrices, pruning_method=prune.L1Unstructured, amount=share)
    for module, name in matrices:
        prune.remove(module, name)  # type: ignore[no-untyped-call]  # it has no types
        if isinstance(module, nn.LSTM):  # it holds its weights in a list of its own as well
            module._flat_weights = [getattr(module, weight) for weight in module._flat_weights_names]
    return smaller.eval()


def operations_of(network: BeatNetwork) -> int:
    """Return the multiplications and additions for one beat, as pairs; a weight that is 0 needs none."""
    steps = network.shape.steps
    once = {"bottleneck"}  # runs at the last step alone
    return sum(
        int(torch.count_nonzero(parameter)) * (1 if name.split(".")[0] in once else steps)
        for name, parameter in network.named_parameters()
        if parameter.ndim == 2
    )


def nonzero_of(network: BeatNetwork) -> int:
    """Return how many of the parameters are not 0."""
    return sum(int(torch.count_nonzero(parameter)) for parameter in network.parameters())


def bytes_of(network: BeatNetwork) -> int:
    """Return the bytes of the weights: 4 a weight, 1 in 8 bits, 6 with its place where at least a third is 0."""
    total = 0
    for value in _tensors(network.state_dict()):
        if value.is_quantized or value.dtype == torch.qint8:
            total += value.numel()
        else:
            left = int(torch.count_nonzero(value))
            total += min(4 * value.numel(), 6 * left if value.ndim == 2 else 4 * value.numel())
    return total


def _tensors(state: object) -> list[Tensor]:
    """Return all tensors of a state, however its layers have packed them."""
    if isinstance(state, Tensor):
        return [state]
    if isinstance(state, dict):
        return [tensor for value in state.values() for tensor in _tensors(value)]
    if isinstance(state, tuple | list):
        return [tensor for value in state for tensor in _tensors(value)]
    if isinstance(state, torch.ScriptObject):  # packed weights
        return _tensors(state.__getstate__())
    return []
