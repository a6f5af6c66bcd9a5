"""How much memory this process holds, and held at most."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from pathlib import Path

__all__ = ["held_mb", "peak_mb", "reset_peak", "resident_mb", "resident_of"]

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


def resident_mb() -> float:
    """Return the memory that this process holds now, in MB; NaN where the system does not tell."""
    return _status("VmRSS")


def resident_of(process: Path) -> float:
    """Return the memory that another process holds now, by its folder in ``/proc``, in MB; NaN where nobody tells."""
    return _status("VmRSS", process / "status")


def held_mb() -> float:
    """Return the memory that this process needs to go on, in MB: what it has freed first goes back to the system."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
        if trim is not None:
            trim(0)
    return resident_mb()


def peak_mb() -> float:
    """Return the most that this process has held since :func:`reset_peak`, or since it began, in MB."""
    most = _status("VmHWM")
    if most == most:
        return most
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def reset_peak() -> None:
    """Let :func:`peak_mb` count from now on, where the system can."""
    try:
        CLEAR.write_text("5")
    except OSError:
        return  # then the peak counts from the process's beginning, which is never too little


def _status(name: str, status: Path = STATUS) -> float:
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
    return float("nan")
