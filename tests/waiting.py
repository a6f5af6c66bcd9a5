"""Waiting for what another thread or process does: for the event, not for a time that a busy machine would miss."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["PATIENCE_S", "wait_for"]

PATIENCE_S = 600.0  # no measure of speed: what has not come by then never comes, and pytest's own limit is 1500 s

T = TypeVar("T")


def wait_for(what: Callable[[], T], name: str, *, pause_s: float = 0.02) -> T:
    """Return what a function finds, once it finds something; its name is told where it never does.

    Parameters
    ----------
    what : callable
        Asked again and again.
    name : str
        What is waited for, for the message.
    pause_s : float
        Time between two questions, s.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < deadline, f"{name}: not within {PATIENCE_S:g} s"
        time.sleep(pause_s)
    return found
