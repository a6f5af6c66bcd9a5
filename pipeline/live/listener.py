"""Who watches a running monitor: the page, the terminal, a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pipeline.records import Chunk, Findings, Gap

__all__ = ["Intake", "Listener", "Status"]


@dataclass(frozen=True, slots=True)
class Status:
    """How a patient's stream does.

    Attributes
    ----------
    patient : str
        Name of the patient's record, such as ``ward/bed-1``.
    state : str
        ``live``; ``late`` (nothing has come for a while); ``ended`` (discharged, or the record is over).
    signal_until_s : float
        End of the signal that has been taken in, in s from the record's start.
    began_us : int
        Wall-clock time of the record's first sample, in microseconds since 1970 UTC; 0 where nobody told.
    lag_s : float
        How far the signal lies behind the wall clock, in s; NaN where that has no meaning, as in a fast replay.
    """

    patient: str
    state: str
    signal_until_s: float
    began_us: int
    lag_s: float


@dataclass(frozen=True, slots=True)
class Intake:
    """How frames come in from the broker.

    Attributes
    ----------
    behind_s : float
        Age of the frame that was last taken in, by the stream's clock, in s; 0 where none waits.
    waiting : int
        Frames in the stream that wait, of all patients.
    is_behind : bool
        True where that is so much that drawing is to be shed, so that scoring catches up.
    refused : int
        Messages so far that were no frame of their subject.
    dropped : int
        Messages so far that the stream's limits had dropped before they were read.
    """

    behind_s: float = 0.0
    waiting: int = 0
    is_behind: bool = False
    refused: int = 0
    dropped: int = 0


class Listener(Protocol):
    """Hears all that happens, in order for each patient, from the thread that scores.

    It must return at once: whoever needs time puts what it heard aside, and drops what it cannot keep.
    """

    def signal(self, chunk: Chunk) -> None:
        """Take signal that was just taken in, NaN where samples are missing."""

    def findings(self, findings: Findings) -> None:
        """Take beats just scored, with alarms, drifts and gaps."""

    def gap(self, gap: Gap) -> None:
        """Take signal that was lost before it reached the monitor."""

    def status(self, status: Status) -> None:
        """Take a patient's new status."""
