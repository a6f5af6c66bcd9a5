"""Inputs of doors in a process of its own, so that whoever waits can end it: run by :mod:`pipeline.fuzzing.run`."""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import Any

from pipeline.fuzzing.door import Door, Enter, TouchedOther
from pipeline.fuzzing.mutate import mutated
from pipeline.fuzzing.registry import door_of

__all__ = ["main"]

MOST_KB = 500 * 1024  # that one input may take


def main() -> None:
    """Enter the inputs of ``DOOR:FIRST:STOP`` and so on; say before each that it begins, and after what came of it."""
    seed, keep, *tasks = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a door prints goes nowhere
    logging.getLogger("pipeline").addHandler(logging.NullHandler())
    logging.getLogger("pipeline").propagate = False
    warnings.simplefilter("ignore")
    for task in tasks:
        name, first, stop = task.split(":")
        with tempfile.TemporaryDirectory(prefix="ecg-fuzz-") as place:
            door = door_of(name)
            seeds, enter = door.seeds(Path(place)), door.open(Path(place))
            for number in range(int(first), int(stop)):
                rng = Random(f"{name}/{seed}/{number}")  # noqa: S311 - the same each time
                data = mutated(rng, seeds, door.words)
                file = Path(keep) / f"{name}-{seed}-{number}" if keep else None
                if file is not None:
                    file.write_bytes(data)
                _say(out, door=name, begins=number)
                came, error = _enter(door, enter, data)
                if file is not None and came in ("taken", "refused"):
                    file.unlink()
                _say(out, door=name, ended=number, came=came, error=error)
    out.flush()
    os._exit(0)  # servers that a door has started end with it


def _say(out: Any, **facts: object) -> None:
    out.write(json.dumps(facts) + "\n")


def _enter(door: Door, enter: Enter, data: bytes) -> tuple[str, str]:
    """Return what came of an input, and what was said."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    came, error = "taken", ""
    try:
        enter(data)
    except door.refusals:
        came = "refused"
    except TouchedOther as touched:
        came, error = "touched", str(touched)
    except Exception as defect:
        last = traceback.extract_tb(defect.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        came, error = "broke", f"{type(defect).__name__} at {where}: {defect!s:.200}"
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before > MOST_KB:
        came, error = "grew", f"over {MOST_KB // 1024} MB"
    return came, error


if __name__ == "__main__":
    main()
