"""The time of the wall clock: now, for waits that do not care when it is set, and as it is written for people."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

__all__ = ["Steady", "moment", "now_us", "time_zone"]

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
        raw, last_us = self._clock(), self._last_us
        now = raw + self._ahead_us
        if now < last_us - STEP_US:
            self._ahead_us = last_us - raw  # the same, should two threads find it at once
            return last_us
        self._last_us = max(last_us, now)
        return self._last_us


def time_zone(name: str) -> tzinfo:
    """Return a time zone by its name in the IANA database, such as ``Europe/Berlin``.

    Raises
    ------
    ValueError
        If there is none of that name, or the database is not here.
    """
    if name == "UTC":
        return UTC  # it needs no database
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, such as ../UTC, such as the folder Europe
        known = available_timezones()
        if not known:
            raise ValueError(f"time zone {name!r}: there is no database of time zones here; install tzdata") from None
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "write one such as Europe/Berlin, or UTC"
        raise ValueError(f"there is no time zone {name!r}; {hint}") from None


def moment(at_us: int, zone: str = "UTC", *, form: str = "%Y-%m-%d %H:%M %Z") -> str:
    """Write a point in time for people.

    Parameters
    ----------
    at_us : int
        Microseconds since 1970 UTC.
    zone : str
        Name of the time zone.
    form : str
        As :meth:`datetime.datetime.strftime` takes it. With the zone's abbreviation in it, the hour that comes twice in
        autumn is told apart.

    Raises
    ------
    ValueError
        If there is no such time zone.

    Examples
    --------
    >>> moment(1_795_531_736_000_000)
    '2026-11-24 14:48 UTC'
    >>> moment(1_795_531_736_000_000, "Asia/Tokyo")
    '2026-11-24 23:48 JST'
    """
    return datetime.fromtimestamp(at_us / 1e6, UTC).astimezone(time_zone(zone)).strftime(form)
