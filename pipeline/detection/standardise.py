"""Standardised inputs while a network is trained, folded into its weights afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.detection.network import BeatNetwork

__all__ = ["standardised"]


@contextmanager
def standardised(network: BeatNetwork, condition: Tensor) -> Iterator[None]:
    """Let the network read what is known of a beat with mean 0 and deviation 1, as long as the block lasts.

    What it read is then folded into the weights, so that the network afterwards gives the same from raw values and is
    no different from one that was trained on them. The residuals need none of this: their unit is the noise.

    Parameters
    ----------
    network : BeatNetwork
        Each of its LSTMs reads what is known last.
    condition : Tensor, shape (n, steps, conditions)
        What is known of the training beats.
    """
    mean = condition.mean(dim=(0, 1))
    scale = condition.std(dim=(0, 1)).clamp_min(1e-3)
    layers = [module for module in network.modules() if isinstance(module, nn.LSTM)]

    def read(_layer: nn.Module, arguments: tuple[Any, ...]) -> tuple[Tensor]:
        values: Tensor = arguments[0]
        rest = values.shape[-1] - len(mean)
        return (torch.cat([values[..., :rest], (values[..., rest:] - mean) / scale], -1),)

    hooks = [layer.register_forward_pre_hook(read) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    with torch.no_grad():
        for layer in layers:
            parameters = dict(layer.named_parameters())
            weights = parameters["weight_ih_l0"][:, -len(mean) :]
            weights.div_(scale)
            parameters["bias_ih_l0"].sub_(weights @ mean)
