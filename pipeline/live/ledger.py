"""What a worker has done and not yet stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from pipeline.live.results import Result
from pipeline.storage.database import StayResults

__all__ = ["Ledger"]


@dataclass(slots=True)
class _Open:
    """What is open for a patient."""

    first: int  # position of the first of its frames that is not stored
    last: int
    since_us: int
    frames: int = 0
    stays: dict[int, StayResults] = field(default_factory=dict)
    is_urgent: bool = False  # a person is to be told


class Ledger:
    """Frames taken and results found, by patient, until a transaction has stored them."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    @property
    def frames(self) -> int:
        """Frames that are not stored."""
        return sum(entry.frames for entry in self._open.values())

    def took(self, patient: str, position: int, now_us: int) -> None:
        """Note that a patient's frame was taken in."""
        entry = self._open.setdefault(patient, _Open(position, position, now_us))
        entry.last = position
        entry.frames += 1

    def found(self, results: Iterable[Result], position: int = 0, now_us: int = 0) -> None:
        """Note what came out of frames that were taken in, up to a position."""
        for result in results:
            about = result.findings if result.findings is not None else result.lost
            assert about is not None  # noqa: S101 - a result is one or the other
            # What is told of a patient may come when all its frames are stored.
            entry = self._open.setdefault(about.record, _Open(position + 1, position, now_us))
            stay = result.stay
            results_of = entry.stays.get(stay.began_us)
            if results_of is None:
                results_of = StayResults(about.record, stay.session, stay.began_us, stay.fs, stay.leads)
                entry.stays[stay.began_us] = results_of
            if result.lost is not None:
                results_of.gaps.append(result.lost)
            if result.findings is not None:
                results_of.findings.append(result.findings)
                entry.is_urgent = entry.is_urgent or bool(result.findings.alarms or result.findings.updates)

    def due(self, before_us: int) -> list[str]:
        """Return the patients that are open since so long, and those with an alarm."""
        return [name for name, entry in self._open.items() if entry.is_urgent or entry.since_us <= before_us]

    def patients(self) -> list[str]:
        """Return all patients that are open."""
        return list(self._open)

    def last(self, patient: str) -> int:
        """Return the position of the last frame that was taken in of a patient."""
        return self._open[patient].last

    def results(self, patients: Iterable[str]) -> list[StayResults]:
        """Return what came out for patients."""
        return [stay for name in patients for stay in self._open[name].stays.values()]

    def floor(self, stored: Collection[str]) -> dict[str, int]:
        """Return the patients that are still open when some are stored, and the first position that each waits with."""
        return {name: entry.first for name, entry in self._open.items() if name not in stored}

    def close(self, patients: Iterable[str]) -> None:
        """Note that patients are stored."""
        for name in patients:
            del self._open[name]

    def drop(self, patient: str) -> None:
        """Forget what came out for a patient, and keep that its frames were taken in."""
        self._open[patient].stays.clear()

    def rebase(self) -> None:
        """Note that positions are counted anew, in another log."""
        for entry in self._open.values():
            entry.first, entry.last = 1, 0

    def clear(self) -> None:
        """Forget everything."""
        self._open.clear()
