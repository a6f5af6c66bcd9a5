"""Signals in columns of text."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import RecordCorrupt, RecordUnsupported
from pipeline.sources.leads import MAX_LEADS, choose_leads, millivolts_per_unit, unique_names

__all__ = ["read_csv"]

# Names of a column of times, and its unit in s.
_TIMES = {"time": 1.0, "times": 1.0, "t": 1.0, "s": 1.0, "sec": 1.0, "seconds": 1.0, "time_s": 1.0, "time [s]": 1.0}
_TIMES |= {"time (s)": 1.0, "ms": 1e-3, "time_ms": 1e-3, "time [ms]": 1e-3, "time (ms)": 1e-3}
_UNEVEN = 0.5  # share of a sample by which a time may be off
_NEAR = 0.01  # share by which a rate that is given may differ from that of the times, which are rounded


def read_csv(
    path: Path, *, fs: float | None = None, units: str | None = None, leads: Sequence[str] | None = None
) -> tuple[float, list[str], NDArray[np.float64]]:
    """Read a file with a head of names and a row a sample.

    Parameters
    ----------
    path : Path
        The file; commas, semicolons, tabs or blanks stand between its values, and an empty one is missing.
    fs, units, leads
        As :func:`pipeline.sources.foreign.read_recording` takes them.

    Returns
    -------
    fs : float
        Rate in Hz: the one given, or from the column of times.
    leads : list of str
        Names.
    signal : ndarray, shape (samples, leads)
        In mV.

    Raises
    ------
    RecordCorrupt, RecordUnsupported
        As :func:`read_recording`.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            head = file.readline()
        dialect = csv.Sniffer().sniff(head, delimiters=",;\t ") if any(c in head for c in ",;\t ") else csv.excel
        table = pd.read_csv(path, sep=dialect.delimiter, encoding="utf-8-sig", skipinitialspace=True)
    except (csv.Error, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise RecordCorrupt(f"{path.name}: it is not a table of columns ({error})") from error
    table.columns = pd.Index([str(column).strip().strip("'\"") for column in table.columns])
    if all(_is_number(column) for column in table.columns):
        raise RecordUnsupported(f"{path.name}: its first line is no head: name the columns there, such as time,MLII,V1")
    if table.empty:
        raise RecordUnsupported(f"{path.name}: it holds no samples, only names")
    times = [column for column in table.columns if column.lower() in _TIMES]
    rate = _agreed_rate(path.name, table[times[0]], _TIMES[times[0].lower()], fs) if times else fs
    if rate is None:
        raise RecordUnsupported(f"{path.name}: no column says the time: give the rate with --fs")
    rest = [column for column in table.columns if column not in times]
    names = unique_names(rest)
    chosen = choose_leads(path.name, names, [True] * len(rest), leads, MAX_LEADS)
    per_unit = millivolts_per_unit(units or "mV")
    if per_unit is None:
        raise RecordUnsupported(f"{path.name}: units {units!r} are no voltage: mV, uV or V")
    columns = []
    for i in chosen:
        column = table[rest[i]]
        values = pd.to_numeric(column, errors="coerce")
        wrong = values.isna() & column.notna() & ~column.astype(str).str.strip().isin(["", "-", "NaN", "nan"])
        if wrong.any():
            row = int(np.flatnonzero(wrong.to_numpy())[0])
            raise RecordCorrupt(f"{path.name}: column {names[i]}, row {row + 2}: {column.iloc[row]!r} is no number")
        columns.append(values.to_numpy(dtype=np.float64) * per_unit)
    return rate, [names[i] for i in chosen], np.column_stack(columns)


def _agreed_rate(name: str, column: pd.Series, unit_s: float, given: float | None) -> float:
    """Return the rate that is given, unless the times tell another; times that tell none are not asked."""
    try:
        told = _rate(name, column, unit_s)
    except RecordUnsupported:
        if given is None:
            raise
        return given
    if given is None:
        return told
    if abs(told - given) > _NEAR * given:
        raise RecordUnsupported(
            f"{name}: its column {column.name} says {told:g} Hz, --fs says {given:g} Hz: leave out one of them"
        )
    return given


def _rate(name: str, column: pd.Series, unit_s: float) -> float:
    time_s = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64) * unit_s
    if len(time_s) < 2 or np.isnan(time_s).any():
        raise RecordUnsupported(f"{name}: its column {column.name} is not a number in every row: give --fs instead")
    step_s = (time_s[-1] - time_s[0]) / (len(time_s) - 1)
    even_s = time_s[0] + step_s * np.arange(len(time_s))
    if not step_s > 0 or np.abs(time_s - even_s).max() > _UNEVEN * step_s:
        raise RecordUnsupported(
            f"{name}: its samples are not evenly spaced by column {column.name}: fill the gaps, or give --fs"
        )
    rate = 1.0 / step_s
    # Times are rounded as they are written: a rate within a thousandth of a whole one is that.
    return float(round(rate)) if abs(rate - round(rate)) < 1e-3 * rate else rate


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
