"""Enter mutated inputs through doors, and count what came of them."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

__all__ = ["HANG_S", "Outcome", "fuzz"]

HANG_S = 20.0  # s after which an input hangs
START_S = 300.0  # s that a door may take to open: machine code may have to be compiled


@dataclass(slots=True)
class Outcome:
    """What came of a door's inputs.

    Attributes
    ----------
    door : str
        Its name.
    inputs, taken, refused : int
        How many there were; how many were taken, and refused as the door refuses.
    broke : int
        Inputs that ended in an error of another kind, or the process.
    hung, grew, touched : int
        Inputs that took over 20 s, that took over 500 MB, and by which others were touched.
    errors : dict of str to int
        By what was said, the number of the first input that it was said of.
    """

    door: str
    inputs: int = 0
    taken: int = 0
    refused: int = 0
    broke: int = 0
    hung: int = 0
    grew: int = 0
    touched: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """True if all inputs were taken or refused, and nothing else happened."""
        return not (self.broke or self.hung or self.grew or self.touched)


def fuzz(
    wanted: Mapping[str, int],
    *,
    seed: int = 0,
    keep: Path | None = None,
    progress: Callable[[str, int], None] = lambda _name, _inputs: None,
) -> list[Outcome]:
    """Enter mutated inputs through doors, in a process of its own that is begun anew where one hangs or kills it.

    Parameters
    ----------
    wanted : mapping of str to int
        Doors, and how many inputs each gets; input number so and so of a seed is always the same.
    seed : int
        Makes the inputs.
    keep : Path, optional
        Folder in which inputs are kept that were neither taken nor refused.
    progress : callable, optional
        Told of the door and of how many inputs there were.
    """
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    outcomes = {name: Outcome(name) for name in wanted}
    left = {name: (0, inputs) for name, inputs in wanted.items()}

    def note(name: str, number: int, came: str, error: str) -> None:
        _note(outcomes[name], number, came, error)
        left[name] = number + 1, wanted[name]
        progress(name, sum(outcome.inputs for outcome in outcomes.values()))

    while tasks := [f"{name}:{first}:{stop}" for name, (first, stop) in left.items() if first < stop]:
        _run(tasks, seed, keep, note)
    return list(outcomes.values())


def _run(tasks: Sequence[str], seed: int, keep: Path | None, note: Callable[[str, int, str, str], None]) -> None:
    """Run a process until it is done, or one of its inputs hangs or kills it."""
    words = [sys.executable, "-m", "pipeline.fuzzing.child", str(seed), str(keep or ""), *tasks]
    name, first, _ = tasks[0].split(":")
    number, is_under_way = int(first), False
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors)  # noqa: S603 - our own
        assert child.stdout is not None  # noqa: S101 - asked for
        lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        listener = threading.Thread(target=_listen, args=(child.stdout, lines), daemon=True)
        listener.start()
        try:
            while True:
                try:
                    line = lines.get(timeout=HANG_S if is_under_way else START_S)
                except queue.Empty:
                    note(name, number, "hung", f"over {HANG_S:g} s")
                    return
                if line is None:
                    if code := child.wait():
                        errors.seek(0)
                        last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
                        if not is_under_way:
                            raise RuntimeError(f"a door does not open: {' '.join(last)}")
                        note(name, number, "broke", f"the process ended with {code}: {' '.join(last):.200}")
                    return
                said: dict[str, Any] = json.loads(line)
                name, is_under_way = said["door"], "begins" in said
                if is_under_way:
                    number = said["begins"]
                else:
                    number = said["ended"] + 1
                    note(name, said["ended"], said["came"], said["error"])
        finally:
            child.kill()
            child.wait()
            listener.join()
            child.stdout.close()


def _note(outcome: Outcome, number: int, came: str, error: str) -> None:
    outcome.inputs += 1
    setattr(outcome, came, getattr(outcome, came) + 1)
    if error:
        outcome.errors.setdefault(error, number)


def _listen(out: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    try:
        for line in out:
            lines.put(line)
    except ValueError:  # closed meanwhile
        pass
    lines.put(None)
