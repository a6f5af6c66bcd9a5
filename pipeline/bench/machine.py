"""What figures of speed depend on: the machine, its load, threads and versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.storage import package_versions

__all__ = ["Machine", "one_thread_each", "pin", "this_machine"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine at the moment of a measurement.

    Attributes
    ----------
    processor : str
        Its model, as the system names it.
    cores : int
        Cores that this process may run on.
    memory_gb : float
        Memory in GB.
    system : str
        Operating system and release.
    load : float
        Processes that ran or waited to run over the last minute: what else was going on. NaN where nobody counts.
    threads : int
        Threads a process.
    versions : dict of str to str
        Python and packages.
    """

    processor: str
    cores: int
    memory_gb: float
    system: str
    load: float
    threads: int
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    def line(self) -> str:
        """Return it as one line of text."""
        named = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        load = "" if self.load != self.load else f", load {self.load:.1f} before the measurement"
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gb:.0f} GB, {self.system}{load}; "
            f"{self.threads} thread a process; {named}"
        )


def this_machine() -> Machine:
    """Return what this machine is."""
    return Machine(
        processor=_processor(),
        cores=len(_cores()),
        memory_gb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        system=f"{platform.system()} {platform.release()}",
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),
        threads=1,
        versions={"Python": platform.python_version()} | package_versions(),
    )


def pin(place: int) -> int | None:
    """Bind this process to one core, so that it does not wander; return its number, or None where that cannot be done.

    Parameters
    ----------
    place : int
        0 for the last core that the process may run on, 1 for the one before, and so on, round and round.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(_cores(), reverse=True)
    core = cores[place % len(cores)]
    os.sched_setaffinity(0, [core])
    return core


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that are started in this block use one thread for their algebra."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def _cores() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
