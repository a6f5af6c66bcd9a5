"""What a door is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError

__all__ = ["Door", "TouchedOther"]


class TouchedOther(Exception):
    """What came for one patient has changed another."""


Enter = Callable[[bytes], None]
"""Takes one input; what it raises of the door's refusals is as it should be, and nothing else is."""


@dataclass(frozen=True, slots=True)
class Door:
    """One way into the pipeline.

    Attributes
    ----------
    seeds : callable
        Returns inputs that are as they should be, made here; a folder to work in is given.
    open : callable
        Returns what takes an input; a folder to work in is given. It may start servers of its own on loopback, which
        end with the process.
    words : sequence of bytes
        What means something there, and is put into inputs.
    refusals : tuple of exception types
        How it refuses.
    """

    seeds: Callable[[Path], Sequence[bytes]]
    open: Callable[[Path], Enter]
    words: Sequence[bytes] = ()
    refusals: tuple[type[Exception], ...] = (PipelineError,)
