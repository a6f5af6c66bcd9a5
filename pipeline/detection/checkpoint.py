"""Where a training stands, in one safetensors file, so that a stopped one goes on as if it had not been stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pipeline.errors import ModelError
from pipeline.whole_file import write_whole

__all__ = ["optimizer_tensors", "read_checkpoint", "restore_optimizer", "write_checkpoint"]


def write_checkpoint(path: Path, about: str, tensors: dict[str, dict[str, Tensor]], facts: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all.

    Parameters
    ----------
    path : Path
        The file; its folder is made if it is not there.
    about : str
        Checksum of what is trained on what and how.
    tensors : dict of str to dict of str to Tensor
        Tensors by group and name.
    facts : dict
        Plain values, kept as JSON.

    Raises
    ------
    ModelError
        If the file cannot be written.
    """
    flat = {f"{group}/{name}": t.detach().contiguous() for group, part in tensors.items() for name, t in part.items()}
    # A tensor may stand in two groups (the best weights are the last ones): each is written for itself.
    flat = {name: tensor.clone() for name, tensor in flat.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save(flat, metadata={"about": about, "facts": json.dumps(facts)}))
    except OSError as error:
        raise ModelError(f"cannot write {path} ({error.strerror}): choose another --out") from error


def read_checkpoint(path: Path, about: str) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]] | None:
    """Return the tensors by group and the facts of a checkpoint; None if there is none of just this training."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("about") != about:
                return None
            tensors: dict[str, dict[str, Tensor]] = {}
            for key in file.keys():  # noqa: SIM118 - not a mapping
                group, _, name = key.partition("/")
                tensors.setdefault(group, {})[name] = file.get_tensor(key)
            return tensors, json.loads(metadata["facts"])
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RecursionError):
        return None  # a damaged one costs time, no result


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Return an optimiser's state as tensors by name, and the plain values of its groups."""
    state = optimizer.state_dict()
    tensors = {f"{i}.{name}": value for i, values in state["state"].items() for name, value in values.items()}
    return tensors, state["param_groups"]


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], groups: list[dict[str, Any]]
) -> None:
    """Continue with what :func:`optimizer_tensors` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        i, _, name = key.partition(".")
        state.setdefault(int(i), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": groups})
