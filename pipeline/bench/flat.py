"""What programs hold from hour to hour, and whether it stays the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.bench.memory import resident_of
from pipeline.bench.programs import Programs

__all__ = ["QUANTITIES", "Quantity", "Sample", "growing", "slope"]

MOST_STATE = 64 * 1024  # bytes
WARM = 0.2  # share of the time in which things may still grow: machine code, caches, the hours that results are kept
EARLY, LATE = 0.5, 0.7  # what came before the one is held against what came after the other


@dataclass(frozen=True, slots=True)
class Sample:
    """What the programs held at a moment.

    Attributes
    ----------
    hours : float
        Signal of each patient so far, in h.
    elapsed_s : float
        Time so far, in s.
    memory_mb, broker_mb : float
        Resident memory of the worker and of the broker, in MB.
    handles, broker_handles : int
        Open files and sockets of both.
    threads : int
        Of the worker.
    rows : mapping of str to int
        Rows of each table that should not grow.
    alarms : int
        Rows of the alarms, which are kept for ever.
    state_bytes : int
        The largest state of a patient.
    database_mb : float
        The database's file with its log, in MB.
    """

    hours: float
    elapsed_s: float
    memory_mb: float
    broker_mb: float
    handles: int
    broker_handles: int
    threads: int
    rows: Mapping[str, int]
    alarms: int
    state_bytes: int
    database_mb: float

    @classmethod
    def of(
        cls,
        hours: float,
        elapsed_s: float,
        programs: Programs,
        rows: Mapping[str, int],
        alarms: int,
        state_bytes: int,
        file: Path,
    ) -> Sample:
        """Look at the programs now."""
        worker, broker = (Path(f"/proc/{programs.pid(name)}") for name in ("worker 1", "broker"))
        files = (file, file.with_name(f"{file.name}-wal"))
        return cls(
            hours=hours,
            elapsed_s=elapsed_s,
            memory_mb=resident_of(worker),
            broker_mb=resident_of(broker),
            handles=len(list((worker / "fd").iterdir())),
            broker_handles=len(list((broker / "fd").iterdir())),
            threads=len(list((worker / "task").iterdir())),
            rows=dict(rows),
            alarms=alarms,
            state_bytes=state_bytes,
            database_mb=sum(one.stat().st_size for one in files if one.exists()) / 1e6,
        )


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that should stay the same: its name, how it is read, and how far it may sway.

    Attributes
    ----------
    name : str
        For persons.
    read : callable
        Takes it from a sample.
    share, slack : float
        It may be more by this share, and by so much.
    """

    name: str
    read: Callable[[Sample], float]
    share: float = 0.0
    slack: float = 0.0

    def of(self, samples: Sequence[Sample]) -> list[float]:
        """Return it of each sample."""
        return [self.read(sample) for sample in samples]


def _rows(name: str) -> Callable[[Sample], float]:
    return lambda sample: float(sample.rows[name])


QUANTITIES = (
    Quantity("worker, MB", lambda s: s.memory_mb, 0.03, 4.0),
    Quantity("worker, handles", lambda s: float(s.handles), 0.0, 2.0),
    Quantity("worker, threads", lambda s: float(s.threads), 0.0, 1.0),
    Quantity("broker, MB", lambda s: s.broker_mb, 0.1, 16.0),  # its collector lets memory sway
    Quantity("broker, handles", lambda s: float(s.broker_handles), 0.0, 4.0),
    Quantity("largest state, bytes", lambda s: float(s.state_bytes), 0.1, 1024.0),
    Quantity("rows of beats", _rows("beats"), 0.15, 2000.0),
    Quantity("rows of stays", _rows("stays"), 0.5, 50.0),  # chance: some starts of devices an hour
    Quantity("rows of gaps", _rows("gaps"), 0.3, 50.0),
    Quantity("rows of drifts", _rows("drifts"), 0.5, 50.0),
    Quantity("rows of states", _rows("states")),
    Quantity("rows of undelivered", _rows("undelivered"), 0.0, 100.0),
)


def growing(samples: Sequence[Sample]) -> list[str]:
    """Return the names of what has grown: its most at the end is above its most before the middle.

    What comes in the first fifth is left out. A state above 64 KB counts too.
    """
    hours = samples[-1].hours
    early = [one for one in samples if WARM * hours < one.hours <= EARLY * hours]
    late = [one for one in samples if one.hours > LATE * hours]
    if not early or not late:
        raise ValueError(f"{len(samples)} samples are too few to see whether anything grows")
    found = [one.name for one in QUANTITIES if max(one.of(late)) > (1.0 + one.share) * max(one.of(early)) + one.slack]
    if max(one.state_bytes for one in samples) > MOST_STATE:
        found.append("a state above 64 KB")
    return found


def slope(quantity: Quantity, samples: Sequence[Sample]) -> float:
    """Return by how much something grows in 100 h, after the first fifth: a line by least squares."""
    warm = [one for one in samples if one.hours > WARM * samples[-1].hours]
    if len(warm) < 2:
        return float("nan")
    return float(100.0 * np.polyfit([one.hours for one in warm], quantity.of(warm), 1)[0])
