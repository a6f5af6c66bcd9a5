"""What becomes of one patient's frames: counts of them, and stays that begin and end."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pipeline.records import Chunk, Gap

__all__ = ["Counts", "Ended", "Stay", "Step"]


@dataclass(slots=True)
class Counts:
    """What became of frames.

    Attributes
    ----------
    frames : int
        Frames that arrived.
    doubled : int
        Frames that had arrived before.
    late : int
        Frames that arrived after they had been given up, or that nothing fits to: of a session that had ended, or of
        another device under the patient's name.
    reordered : int
        Frames that waited for one before them.
    lost : int
        Frames that never arrived, or not in time.
    lost_s : float
        Signal that is missing for that or any other reason, in s.
    jumps : int
        Numbers or times that did not continue those before: a hole, a clock that was set, or numbers counted anew.
    sessions : int
        Starts of the device.
    """

    frames: int = 0
    doubled: int = 0
    late: int = 0
    reordered: int = 0
    lost: int = 0
    lost_s: float = 0.0
    jumps: int = 0
    sessions: int = 0

    def add(self, other: Counts) -> None:
        """Add another's counts to these."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def since(self, before: Counts) -> Counts:
        """Return what has been added to an earlier state of these counts."""
        return Counts(**{name: value - getattr(before, name) for name, value in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class Stay:
    """A patient's time under one monitor, from the first frame until it is discharged or another device takes over.

    Attributes
    ----------
    session : str
        The session that it began with.
    began_us : int
        When its first sample was taken, in microseconds since 1970 UTC.
    fs : float
        Nominal rate in Hz.
    leads : tuple of str
        The leads that are scored, most preferred first.
    """

    session: str
    began_us: int
    fs: float
    leads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The stay is over: what comes next is another one."""


Step = Stay | Chunk | Gap | Ended
"""What a frame brings about: a stay that begins, signal, a loss, a stay that is over."""
