"""Starting other processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.resource_tracker import ensure_running

__all__ = ["without_ctrl_c"]


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Start processes that never see Ctrl-C, not even while they import: it reaches the group, the parent decides."""
    ensure_running()  # starting the tracker later would let the signal through again
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
