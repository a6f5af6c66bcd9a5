"""Columns of times: found by name, read in whatever unit they are in."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.sources.foreign.grid import Grid, Uneven, place_rows

__all__ = ["TimeColumn", "find_times", "is_time_name"]

_NAME = re.compile(
    r"(elapsed|relative|rel|sensor|phone|device|sample|host|utc|unix|epoch|local|recording|lsl"
    r"|computer)*(time|times|timestamps?|zeit|tiempo|temps|t|s|sec|secs"
    r"|seconds?|ms|msec|millis(econds)?|us|usec|micros(econds)?|ns|nanoseconds?|clock|date|datetime"
    r"|timems|times|timens|timeus"
    r"|t(s|ms|us|ns)|hhmmss(mmm)?|datumzeit|dateandtime|index)(formatted)?"
)
_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "millis": 1e-3}
_UNITS |= {"milliseconds": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "usec": 1e-6, "micros": 1e-6, "microseconds": 1e-6}
_UNITS |= {"ns": 1e-9, "nanoseconds": 1e-9, "min": 60.0, "minutes": 60.0}
_GUESSES = (1.0, 1e-3, 1e-6, 1e-9)
_ROWS = 20  # fewer tell no usual step
_SUNDAY, _SPRING, _NIGHT = 6, (3, 4, 9, 10), (1, 2, 3, 4)  # months of both hemispheres; hours that clocks go forward to
_LOWEST, _HIGHEST = 40.0, 12_000.0  # Hz: a unit that gives another rate is not meant


@dataclass(frozen=True, slots=True, eq=False)
class TimeColumn:
    """A column of times that tells a rate: its position, where its rows lie, and when the first one was taken.

    ``is_summer`` is True if its clock went forward by an hour on the way.
    """

    index: int
    grid: Grid
    start: datetime | None
    is_summer: bool = False


def is_time_name(name: str) -> bool:
    """Tell whether a column is one of times by its name."""
    bare = re.sub(r"[\s_.\-'\":]+|\[.*?\]|\(.*?\)", "", name).casefold()
    return bool(bare) and _NAME.fullmatch(bare) is not None and bare != "index"


def find_times(
    names: Sequence[str], units: Sequence[str | None], frame: pd.DataFrame, fs: float | None
) -> tuple[TimeColumn | None, list[int], str | None]:
    """Find the column of times that tells best where the rows lie.

    Returns
    -------
    column : TimeColumn or None
        None if there is none that tells a rate.
    others : list of int
        All columns of times.
    reason : str or None
        Why the first column of times tells none.
    """
    found = [i for i, name in enumerate(names) if is_time_name(name) or _is_clock(frame.iloc[:, i])]
    best: TimeColumn | None = None
    reason: str | None = None
    start: datetime | None = None
    for i in found:
        seconds, begin, unit_s = _seconds(names[i], units[i], frame.iloc[:, i])
        start = start or begin
        is_summer = begin is not None and begin.tzinfo is None and _to_summer(seconds, begin)
        if seconds is None:
            reason = reason or f"column {names[i]} is not a time in every row"
            continue
        for scale in (unit_s,) if unit_s is not None else _GUESSES:
            try:
                grid = place_rows(seconds * scale, None)
            except Uneven as error:
                reason = reason or f"its samples are not evenly spaced by column {names[i]} ({error})"
                continue
            if fs is not None and abs(grid.fs - fs) <= 0.01 * fs:
                grid = place_rows(seconds * scale, fs)
            if unit_s is None and scale != 1.0 and abs(grid.fs * scale - 1.0) < 1e-6:
                reason = reason or f"column {names[i]} counts by 1 and does not say in which unit"
                break
            if unit_s is None and not _LOWEST <= grid.fs <= _HIGHEST:
                continue
            if begin is None and 1e8 < seconds[0] * scale < 4e9:  # counted from 1970
                begin = datetime.fromtimestamp(float(seconds[0] * scale), UTC)
                start = start or begin
            if best is None or (grid.holes, grid.late) < (best.grid.holes, best.grid.late):
                best = TimeColumn(i, grid, begin, is_summer)
            break
        else:
            reason = reason or f"column {names[i]} tells no rate of an ECG in s, ms, us or ns"
    if best is not None and best.start is None:
        best = TimeColumn(best.index, best.grid, start, best.is_summer)
    return best, found, reason


def _is_clock(column: pd.Series) -> bool:
    if column.dtype != object and not pd.api.types.is_string_dtype(column):
        return False
    first = str(column.iloc[0]) if len(column) else ""
    return re.search(r"\d{1,2}:\d{2}", first) is not None


def _seconds(
    name: str, unit: str | None, column: pd.Series
) -> tuple[NDArray[np.float64] | None, datetime | None, float | None]:
    """Return the values of a column of times, when the first one was taken, and the unit in s, where they say so."""
    if pd.api.types.is_datetime64_any_dtype(column):
        moments = column.astype("datetime64[ns, UTC]") if column.dt.tz is not None else column.astype("datetime64[ns]")
        return _of_moments(moments, column.iloc[0].to_pydatetime(warn=False))
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    if np.isfinite(values).mean() > 0.5:
        if not np.isfinite(values).all():
            return None, None, None
        return values, None, _unit_of(name, unit)
    text = column.astype(str).str.strip(" '\"[]")
    clock = text.str.extract(r"^(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)$")
    if clock[2].notna().all():
        hours = pd.to_numeric(clock[0], errors="coerce").fillna(0.0)
        seconds = hours * 3600 + pd.to_numeric(clock[1]) * 60 + pd.to_numeric(clock[2].str.replace(",", "."))
        return seconds.to_numpy(dtype=np.float64), None, 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain = text.str.replace(",", ".", regex=False)
            # In a night in which the clocks change there are two zones; pandas takes one.
            zoned = bool(plain.str.contains(r":\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$").all())
            parsed = pd.to_datetime(plain, errors="coerce", format="ISO8601", utc=zoned)
            if parsed.isna().any():
                parsed, zoned = pd.to_datetime(text, errors="coerce", dayfirst=True), False
            first = pd.to_datetime(plain.iloc[0]) if zoned else parsed.iloc[0]
        except (ValueError, TypeError, OverflowError):
            return None, None, None
    if not pd.api.types.is_datetime64_any_dtype(parsed) or parsed.isna().any():
        return None, None, None
    return _of_moments(parsed, first.to_pydatetime(warn=False))


def _of_moments(moments: pd.Series, start: datetime) -> tuple[NDArray[np.float64], datetime, float]:
    nanoseconds = moments.to_numpy(dtype="datetime64[ns]").astype(np.int64)
    return (nanoseconds - nanoseconds[0]) * 1e-9, start, 1.0


def _to_summer(seconds: NDArray[np.float64] | None, start: datetime) -> bool:
    """Take back, in place, the hour by which a local clock goes forward on a Sunday in spring; tell if there was one.

    It shows as a step from the last row before a full hour to the first one of the next but one.
    """
    if seconds is None or len(seconds) < _ROWS:
        return False
    steps = np.diff(seconds)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0  # clocks of whole seconds repeat a time
    for at in (np.flatnonzero(np.abs(steps - 3600.0 - usual) < max(usual, 1e-3)) + 1).tolist():
        after = start + timedelta(seconds=float(seconds[at]))
        on_hour = (after.minute * 60 + after.second + after.microsecond * 1e-6) < 1.5 * max(usual, 1e-3)
        if on_hour and after.weekday() == _SUNDAY and after.month in _SPRING and after.hour in _NIGHT:
            seconds[at:] -= 3600.0
            return True
    return False


def _unit_of(name: str, unit: str | None) -> float | None:
    """Return the unit of a column in s where its name or the line of units says so."""
    inside = re.search(r"[\[(]\s*([a-zµμ]+)\s*[\])]", name.casefold())
    if unit is not None and unit.casefold() in _UNITS:
        return _UNITS[unit.casefold()]
    if inside is not None and inside[1] in _UNITS:
        return _UNITS[inside[1]]
    words = re.split(r"[\s_.\-]+", name.strip().casefold())
    if words[-1] in _UNITS and (len(words) > 1 or words[-1] not in ("s",)):
        return _UNITS[words[-1]]
    return 1.0 if words == ["s"] else None
