"""How weights move: optimisers and learning-rate schedules by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

if TYPE_CHECKING:
    from pipeline.detection.training import TrainingSettings

__all__ = ["OPTIMIZERS", "SCHEDULES", "optimizer_of", "schedule_of"]

OPTIMIZERS: dict[str, type[torch.optim.AdamW | torch.optim.Adam | torch.optim.RMSprop]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
}
SCHEDULES = ("onecycle", "cosine", "constant")


def optimizer_of(parameters: Iterable[Parameter], settings: TrainingSettings) -> Optimizer:
    """Return the optimiser that the settings name.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if settings.optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer {settings.optimizer!r}: it is one of {', '.join(OPTIMIZERS)}")
    chosen = OPTIMIZERS[settings.optimizer]
    return chosen(parameters, settings.learning_rate, weight_decay=settings.weight_decay)


def schedule_of(optimizer: Optimizer, settings: TrainingSettings, steps: int) -> LRScheduler:
    """Return the course of the learning rate over so many steps.

    ``onecycle`` rises from a 25th to the full rate and falls to nearly nothing (Smith and Topin 2018,
    arXiv:1708.07120), ``cosine`` falls from the full rate to nothing, ``constant`` stays.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if settings.schedule == "onecycle":
        has_betas = "betas" in optimizer.param_groups[0]  # RMSprop has no momentum to cycle
        return OneCycleLR(optimizer, settings.learning_rate, total_steps=steps + 1, cycle_momentum=has_betas)
    if settings.schedule == "cosine":
        return CosineAnnealingLR(optimizer, steps)
    if settings.schedule == "constant":
        return ConstantLR(optimizer, factor=1.0)
    raise ValueError(f"schedule {settings.schedule!r}: it is one of {', '.join(SCHEDULES)}")
