"""The time of the wall clock."""

from __future__ import annotations

import time

__all__ = ["now_us"]


def now_us() -> int:
    """Return the time now, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000
