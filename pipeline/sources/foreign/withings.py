"""Withings watches and blood pressure monitors: the data export's ``signal.csv``, and answers of the public API.

The export has a row for each recording; its own description says that the values are uV if a watch recorded them and
mV if a blood pressure monitor did, and where the device was worn: 0 and 1 are wrists, 2 and 3 arms. The API gives uV.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RecordCorrupt, RecordUnsupported
from pipeline.sources.foreign.base import ArrayFile, ReadOptions, Signal

__all__ = ["knows_answer", "knows_table", "open_answer", "open_table"]

_WRISTS, _ARMS = ("0", "1"), ("2", "3")
_ANSWER = re.compile(r'\s*\{.*"signal"\s*:\s*\[\s*-?\d', re.DOTALL)


def knows_table(head: bytes) -> bool:
    """Tell the export's table by its first line."""
    names = head.decode("utf-8", "replace").lstrip("\ufeff").partition("\n")[0].casefold().split(",")
    return {"frequency", "wearposition", "signal"} <= {name.strip().strip('"') for name in names}


def knows_answer(head: bytes) -> bool:
    """Tell an answer of the API by the samples in it."""
    return _ANSWER.match(head.decode("utf-8", "replace").lstrip("\ufeff")) is not None


def open_table(path: Path, options: ReadOptions) -> ArrayFile:
    """Open ``signal.csv``: the latest of its recordings.

    Raises
    ------
    RecordCorrupt
        If it is no such table.
    RecordUnsupported
        If it holds no recording.
    """
    import pandas as pd  # here: the list of formats is read before any file is

    try:
        frame = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise RecordCorrupt(f"{path.name}: it is not a table ({' '.join(str(error).split())})") from error
    frame.columns = pd.Index([str(name).strip().casefold() for name in frame.columns])
    rows = [row for row in frame.to_dict("records") if re.search(r"\d", row["signal"])]
    if not rows:
        raise RecordUnsupported(f"{path.name}: it holds no recordings, only names")
    dates = [_moment(row.get("date", "")) for row in rows]
    when_s = [-math.inf if date is None else date.timestamp() for date in dates]
    latest = max(range(len(rows)), key=lambda i: (when_s[i], i))
    row, date = rows[latest], dates[latest]
    where = row["wearposition"].strip()
    units = "uV" if where in _WRISTS else "mV" if where in _ARMS else None
    flaw = "" if units else "it does not say whether a watch (uV) or a blood pressure monitor (mV) recorded it"
    values = _samples(row["signal"], path.name)
    file = _recording(path.name, values, options.fs or float(row["frequency"]), units, flaw, date)
    if len(rows) > 1:
        when = "" if date is None else f" ({date:%Y-%m-%d %H:%M})"
        file.notes.append(
            f"it holds {len(rows)} recordings, and this is the latest{when}: leave another one's row alone to read that"
        )
    return file


def open_answer(path: Path, options: ReadOptions) -> ArrayFile:
    """Open an answer of the API about one recording (``heart``, ``get``).

    Raises
    ------
    RecordCorrupt
        If it is damaged.
    RecordUnsupported
        If it says no rate.
    """
    document: Any = json.loads(path.read_text("utf-8-sig", "replace"))
    body: dict[str, Any] = document.get("body", document)
    values = np.array(body["signal"], dtype=np.float64)
    if values.ndim != 1:
        raise RecordCorrupt(f"{path.name}: its signal is no row of samples")
    fs = options.fs or body.get("sampling_frequency")
    if fs is None:
        raise RecordUnsupported(f"{path.name}: it says no sampling_frequency: give the rate with --fs")
    stamp = body.get("timestamp", document.get("timestamp"))
    date = datetime.fromtimestamp(int(stamp), UTC) if isinstance(stamp, int) and 0 < stamp < 2**33 else None
    return _recording(path.name, values, float(fs), "uV", "", date)


def _samples(cell: str, name: str) -> NDArray[np.float64]:
    """Return the samples of a table's cell, a list in brackets; what is empty there is missing."""
    try:
        values = json.loads(cell)
        return np.array([math.nan if value is None else float(value) for value in values])
    except (ValueError, TypeError) as error:
        raise RecordCorrupt(
            f"{name}: a signal is no list of numbers, or cut, as spreadsheets cut long cells: export it anew"
        ) from error


def _recording(
    name: str, values: NDArray[np.float64], fs: float, units: str | None, flaw: str, date: datetime | None
) -> ArrayFile:
    if not 0 < fs < math.inf:
        raise RecordCorrupt(f"{name}: a rate of {fs:g} Hz is none")
    return ArrayFile([Signal("ECG", units, fs, flaw)], [values], date, facts={"device": "Withings"})


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None
