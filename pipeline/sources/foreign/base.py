"""What every reader of a format gives: signals with names, units and rates, and their samples block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations

__all__ = ["ArrayFile", "ReadOptions", "Signal", "SignalFile"]

BLOCK = 2**16  # samples of a block


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a person says about a file where it does not say so itself.

    Attributes
    ----------
    fs : float or None
        Rate in Hz.
    units : str or None
        ``mV``, ``uV`` or ``V``.
    """

    fs: float | None = None
    units: str | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of a file.

    Attributes
    ----------
    name : str
        As the file has it.
    units : str or None
        Its physical unit; None where the file does not say.
    fs : float
        Its rate in Hz.
    flaw : str
        Why its values are no voltage although they may look like one, such as limits of 0 and 0; empty if they are.
    """

    name: str
    units: str | None
    fs: float
    flaw: str = ""


class SignalFile(Protocol):
    """An open file of signals."""

    @property
    def signals(self) -> Sequence[Signal]:
        """Its signals, in the file's order; those that are no signal, such as a column of times, are left out."""

    @property
    def start(self) -> datetime | None:
        """When its first sample was taken, as the file has it; None if it does not say."""

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know of how it was read, a line each; more may come while it is read."""

    @property
    def facts(self) -> dict[str, str]:
        """What else the file says that results should keep, such as ``device``; nothing about who the patient is."""

    def annotations(self) -> Annotations | None:
        """Return what somebody has noted in the file, or None."""

    def length(self, index: int) -> int:
        """Return the number of samples of a signal, those that are missing in holes included."""

    def blocks(self, chosen: Sequence[int]) -> Iterator[NDArray[np.float64]]:
        """Yield signals of one rate in the units of the file, shape (samples, signals), NaN where missing.

        Memory is bounded where the file's format allows it.
        """


@dataclass(slots=True)
class ArrayFile:
    """A file that has been read whole.

    Attributes
    ----------
    signals : list of Signal
        What it holds.
    columns : list of ndarray
        The samples of each in its units.
    start, notes, facts
        See :class:`SignalFile`.
    noted : Annotations or None
        What somebody has noted in the file.
    """

    signals: list[Signal]
    columns: list[NDArray[np.float64]]
    start: datetime | None = None
    notes: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    noted: Annotations | None = None

    def annotations(self) -> Annotations | None:
        """Return what somebody has noted in the file, or None."""
        return self.noted

    def length(self, index: int) -> int:
        """Return the number of samples of a signal."""
        return len(self.columns[index])

    def blocks(self, chosen: Sequence[int]) -> Iterator[NDArray[np.float64]]:
        """Yield signals of one rate in the units of the file, shape (samples, signals)."""
        longest = max((len(self.columns[i]) for i in chosen), default=0)
        for first in range(0, longest, BLOCK):
            block = np.full((min(BLOCK, longest - first), len(chosen)), np.nan)
            for k, i in enumerate(chosen):
                part = self.columns[i][first : first + BLOCK]
                block[: len(part), k] = part
            yield block
