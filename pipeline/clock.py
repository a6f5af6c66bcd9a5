"""The time of the wall clock, and one for waits, which does not care when that is set."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Steady", "now_us"]

STEP_US = 1_000_000  # by which a clock must go back before it was set: threads may read it out of order


def now_us() -> int:
    """Return the time now, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class Steady:
    """A clock that goes on when another one is set back, for what is due after a while: nothing waits for an hour anew.

    Where the other is set forward it goes with it: then everything is due at once, and once.

    Parameters
    ----------
    clock : callable
        Returns the time, in microseconds.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._ahead_us = 0
        self._last_us = clock()

    def __call__(self) -> int:
        """Return a time in microseconds, never before the one that was returned last."""
        now = self._clock() + self._ahead_us
        if now < self._last_us - STEP_US:
            self._ahead_us += self._last_us - now
            return self._last_us
        self._last_us = max(self._last_us, now)
        return self._last_us
