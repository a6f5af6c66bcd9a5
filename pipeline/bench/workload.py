"""What is measured: real records where they can be had, else synthetic ones as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.settings import Settings
from pipeline.sources import WfdbRecord, list_records, open_record
from pipeline.sources.foreign.record import ForeignRecord
from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb

__all__ = ["USUAL", "Workload", "choose", "write_synthetic"]

USUAL = ("mitdb",)
FEW = 4  # records that are named one by one
WAIT_S = 4.0  # nobody waits long for a network that is not there


@dataclass(frozen=True, slots=True)
class Workload:
    """Records to measure on.

    Attributes
    ----------
    names : tuple of str
        As :func:`pipeline.sources.open_record` takes them.
    data_dir : Path or None
        Their folder; None means PhysioNet.
    settings : Settings
        Where records come from.
    what : str
        What they are, in words.
    """

    names: tuple[str, ...]
    data_dir: Path | None
    settings: Settings
    what: str

    def open(self, name: str) -> WfdbRecord | ForeignRecord:
        """Open one of them."""
        return open_record(name, data_dir=self.data_dir, settings=self.settings)


def choose(
    patterns: Sequence[str],
    folder: Path,
    *,
    data_dir: Path | None = None,
    settings: Settings,
    first: int | None = None,
    minutes: float = 30.0,
    seed: int = 0,
    usual: Sequence[str] = USUAL,
) -> Workload:
    """Find the records, and bring to this machine what is not here yet.

    Parameters
    ----------
    patterns : sequence of str
        Names, globs or databases. None means the usual ones, or synthetic patients where they cannot be had.
    folder : Path
        Where synthetic records are written.
    data_dir : Path, optional
        A folder of WFDB records to read instead of PhysioNet.
    settings : Settings
        Where records come from.
    first : int, optional
        Take no more than so many.
    minutes : float
        Length of a synthetic record.
    seed : int
        Makes the synthetic patients.
    usual : sequence of str
        What is taken if nothing is named.

    Raises
    ------
    SourceError
        If records were named and cannot be had.
    """
    if patterns or data_dir is not None:
        names = list_records(*patterns, data_dir=data_dir, settings=settings)[:first]
        work = Workload(tuple(names), data_dir, settings, _said(names, patterns or ["a folder"]))
    else:
        work = _usual(usual, folder, settings, first, minutes, seed)
    for name in work.names:
        work.open(name)
    return work


def write_synthetic(folder: Path, *, first: int | None = None, minutes: float, seed: int = 0) -> list[str]:
    """Write synthetic patients as WFDB records of two leads at 360 Hz, and return their names."""
    seconds = 60.0 * minutes
    names = []
    for name, scenario in list(demo_ward(seconds).items())[:first]:
        write_wfdb(synthesise(scenario, name=name, seconds=seconds, seed=seed), folder)
        names.append(name.rpartition("/")[2])
    return names


def _usual(
    patterns: Sequence[str], folder: Path, settings: Settings, first: int | None, minutes: float, seed: int
) -> Workload:
    impatient = settings.fetch.model_copy(update={"timeout_s": WAIT_S, "retries": 0})
    try:
        names = list_records(*patterns, settings=settings.model_copy(update={"fetch": impatient}))[:first]
        work = Workload(tuple(names), None, settings, _said(names, patterns))
        work.open(names[0])
    except SourceError:
        least = first if first is not None else len(patterns) if len(patterns) > 1 else None
        names = write_synthetic(folder, first=least, minutes=minutes, seed=seed)
        what = f"{_counted(names)}, synthetic, {minutes:g} min each; {' '.join(patterns)} not in reach"
        return Workload(tuple(names), folder, settings, what)
    return work


def _said(names: Sequence[str], patterns: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= FEW else f"{_counted(names)} of {' '.join(patterns)}"


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} record{'' if len(names) == 1 else 's'}"
