"""All doors, by name: one list, of recordings of every format, of what comes by network, and of what is stored."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from pipeline.fuzzing import doors as folder
from pipeline.fuzzing.door import Door
from pipeline.fuzzing.formats import FILES, file_door

__all__ = ["door_of", "names", "shares"]

# Of the inputs, beside other doors': more where one costs little, less where one costs much.
_SHARES = {
    "frames": 8.0,
    "subjects": 4.0,
    "headers": 2.0,
    "models": 0.3,
    "results": 0.3,
    "ward": 0.5,
    "states": 0.5,
    "topics": 4.0,
    "acq": 0.1,  # a process of its own for each input
    "mat": 0.1,
    "vital": 0.1,
}


def names() -> list[str]:
    """Return the names of all doors: a module of its own each, or a small recording of one format."""
    return sorted([*(module.name for module in iter_modules(folder.__path__)), *FILES])


def door_of(name: str) -> Door:
    """Return a door by name."""
    if name in FILES:
        return file_door(name)
    door: Door = import_module(f"{folder.__name__}.{name}").DOOR
    return door


def shares(wanted: list[str], inputs: int) -> dict[str, int]:
    """Return how many of the inputs each door gets, one at the least."""
    parts = {name: _SHARES.get(name, 1.0) for name in wanted}
    return {name: max(1, round(inputs * part / sum(parts.values()))) for name, part in parts.items()}
