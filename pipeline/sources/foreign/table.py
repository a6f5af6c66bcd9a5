"""From the columns of a table, wherever it comes from, to signals on an even line of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import RecordCorrupt, RecordUnsupported
from pipeline.sources.foreign.base import ArrayFile, ReadOptions, Signal
from pipeline.sources.foreign.clock_columns import find_times
from pipeline.sources.foreign.columns import not_a_signal
from pipeline.sources.leads import unique_names

__all__ = ["Table", "signals_of"]

_SENTINELS = (-32768.0, 32767.0, -2147483648.0, 2147483647.0, -8388608.0, 8388607.0)  # what integers have for none
_NEAR = 0.01  # share by which a rate that is given may differ from that of the times


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns with their names.

    Attributes
    ----------
    file : str
        The file's name, for messages.
    names, units : list
        Of the columns.
    frame : DataFrame
        The columns, by position.
    fs : float or None
        Rate in Hz where file or person says it.
    first_line : int or None
        The line of the file that holds the first row; None where it has no lines.
    """

    file: str
    names: list[str]
    units: list[str | None]
    frame: pd.DataFrame
    fs: float | None = None
    first_line: int | None = None


def signals_of(table: Table, options: ReadOptions) -> ArrayFile:
    """Take a table apart into a line of time and signals.

    Raises
    ------
    RecordUnsupported
        If it tells no rate, or contradicts the one that is given.
    RecordCorrupt
        If a column of numbers holds something else.
    """
    if not len(table.frame):
        raise RecordUnsupported(f"{table.file}: it holds no samples, only names")
    times, clocks, reason = find_times(table.names, table.units, table.frame, table.fs)
    notes: list[str] = []
    rate = table.fs
    if times is not None:
        if rate is not None and abs(times.grid.fs - rate) > _NEAR * rate:
            said = "--fs" if options.fs else "the file's head"
            raise RecordUnsupported(
                f"{table.file}: its column {table.names[times.index]} says {times.grid.fs:g} Hz, "
                f"{said} says {rate:g} Hz: leave out one of them"
            )
        rate = rate or times.grid.fs
        notes += times.grid.notes()
        if times.is_summer:
            notes.append("its clock went forward by an hour, as clocks do in spring: no hole")
    elif rate is None:
        if reason is not None:
            raise RecordUnsupported(f"{table.file}: {reason}: give --fs, and the rows count as evenly spaced")
        raise RecordUnsupported(f"{table.file}: no column says the time: give the rate with --fs")
    elif reason is not None:
        notes.append(f"{reason}: its rows count as evenly spaced, at {rate:g} Hz")
    names, left_out = unique_names(table.names), []
    signals: list[Signal] = []
    columns = []
    for i, name in enumerate(names):
        if i in clocks:
            continue
        values = _numbers(table, i, name)
        if values is None:
            left_out.append(f"{name} (is text)")
            continue
        why = not_a_signal(name, values)
        if why is not None:
            if why != "holds nothing" or table.names[i].strip():
                left_out.append(f"{name} ({why})")
            continue
        sentinels = _without_sentinels(values)
        if sentinels:
            notes.append(f"{name}: {sentinels} values stand for none (such as -32768): missing")
        columns.append(values if times is None else times.grid.fill(values))
        signals.append(Signal(name, table.units[i], rate))
    if left_out:
        notes.append(f"left out: {', '.join(left_out)}")
    start: datetime | None = None if times is None else times.start
    return ArrayFile(signals, columns, start, notes)


def _numbers(table: Table, i: int, name: str) -> NDArray[np.float64] | None:
    """Return a column's values, NaN where missing; None if it holds no numbers."""
    column = table.frame.iloc[:, i]
    if pd.api.types.is_bool_dtype(column):
        return column.to_numpy(dtype=np.float64)
    values = pd.to_numeric(column, errors="coerce")
    wrong = values.isna() & column.notna()
    if wrong.any() and not pd.api.types.is_numeric_dtype(column):
        text = column.astype(str).str.strip().str.replace("−", "-", regex=False).str.replace(",", ".", regex=False)
        values = pd.to_numeric(text, errors="coerce")
        wrong = (
            values.isna() & column.notna() & ~text.str.casefold().isin(["", "-", "nan", "na", "n/a", "null", "none"])
        )
        if wrong.mean() > 0.5:
            return None
        if wrong.any():
            row = int(np.flatnonzero(wrong.to_numpy())[0])
            where = f"row {row + 1}" if table.first_line is None else f"line {row + table.first_line}"
            raise RecordCorrupt(f"{table.file}: column {name}, {where}: {column.iloc[row]!r} is no number")
    return values.to_numpy(dtype=np.float64).copy()


def _without_sentinels(values: NDArray[np.float64]) -> int:
    """Turn what integers have for no value into NaN, where all else is far from it; return how many there were."""
    found = np.isin(values, _SENTINELS)
    if not found.any() or found.all():
        return 0
    rest = values[~found & np.isfinite(values)]
    if not len(rest) or np.abs(values[found]).min() < 4 * np.abs(rest).max():
        return 0
    values[found] = np.nan
    return int(found.sum())
