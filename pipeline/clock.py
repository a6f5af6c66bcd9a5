"""The time of the wall clock, and how it is written for people: in a time zone that the settings name."""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

__all__ = ["moment", "now_us", "time_zone"]


def now_us() -> int:
    """Return the time now, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


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
