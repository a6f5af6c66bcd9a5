"""The machine code of a version, made before it is needed and in a process of its own.

The first run of a version compiles for a minute or so. Done here it can be told and shown, no record is charged with
it, and a monitor that runs for weeks does not carry what the compiler took: hundreds of megabytes.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from pipeline.jit import cache_folder

__all__ = ["compile_all", "is_compiled"]

COMPILATIONS = 118  # of functions, those inside numba among them; counted, and only as good as a bar has to be
SECONDS = 60.0  # s of a synthetic record: a heart that does everything once


def is_compiled(kind: str = "autoencoder") -> bool:
    """Tell whether the machine code for a kind of network lies in the cache; True where none can be kept there."""
    marker = _marker(kind)
    return marker is None or marker.exists()


def compile_all(kind: str = "autoencoder", progress: Callable[[float], None] = lambda share: None) -> None:
    """Compile what scoring with a kind of network needs, unless it is there; what fails here is left to the first run.

    Parameters
    ----------
    kind : str
        Kind of the network.
    progress : callable
        Called with the share that is done, 0 to 1.
    """
    marker = _marker(kind)
    if marker is None or marker.exists():
        return
    command = [sys.executable, "-m", __name__, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:  # noqa: S603 - our own program
        assert running.stdout is not None  # noqa: S101 - it is a pipe
        try:
            for n, _ in enumerate(running.stdout, 1):
                progress(min(0.99, n / COMPILATIONS))
        except BaseException:
            running.terminate()
            raise
    if running.returncode == 0:
        marker.touch()
    progress(1.0)


def _marker(kind: str) -> Path | None:
    """Return the file that says so: code of another numba, Python or processor is no code."""
    folder = cache_folder()
    versions = f"{numba.__version__}-{platform.python_version()}-{platform.machine()}"
    return None if folder is None else folder / f"compiled-{kind}-{versions}"


def _compile(kind: str) -> None:
    """Score a short synthetic record; a line on standard output for each function that had to be compiled."""
    from numba.core import event

    class Teller(event.Listener):
        def on_start(self, event: Any) -> None:
            pass

        def on_end(self, event: Any) -> None:
            sys.stdout.write("compiled\n")
            sys.stdout.flush()

    event.register("numba:compile", Teller())  # type: ignore[no-untyped-call]  # numba has few types
    from pipeline.detection.model import BeatModel
    from pipeline.detection.shipped import SHIPPED
    from pipeline.monitor import Monitor
    from pipeline.sources.synthetic import demo_ward, synthesise

    name = "synth/ventricular"
    record = synthesise(demo_ward(SECONDS)[name], name=name, seconds=SECONDS, seed=1)
    for _ in Monitor(BeatModel.load(SHIPPED[kind])).stream(record):
        pass


if __name__ == "__main__":
    _compile(sys.argv[1])
