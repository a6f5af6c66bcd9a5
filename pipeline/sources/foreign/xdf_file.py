"""Extensible Data Format of the Lab Streaming Layer."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import RecordUnsupported
from pipeline.sources.foreign.base import ArrayFile, ReadOptions, Signal
from pipeline.sources.foreign.grid import Uneven, place_rows

__all__ = ["open_xdf"]

_LOWEST_HZ = 40.0


def open_xdf(path: Path, options: ReadOptions) -> ArrayFile:
    """Open an XDF file: the channels of all regular streams, each with the holes that its times tell.

    Raises
    ------
    RecordUnsupported
        If it holds no stream of regular samples.
    """
    del options
    import pyxdf

    with warnings.catch_warnings(), _quiet("pyxdf"):
        warnings.simplefilter("ignore")
        # Its own dejittering spreads holes of up to a second over the whole stream.
        streams, head = pyxdf.load_xdf(str(path), synchronize_clocks=True, dejitter_timestamps=False)
    file = ArrayFile([], [], _start(head))
    for stream in streams:
        _add(file, stream)
    if not file.signals:
        raise RecordUnsupported(f"{path.name}: it holds no stream of regular samples")
    return file


def _add(file: ArrayFile, stream: dict[str, Any]) -> None:
    info = stream["info"]
    nominal = float(info["nominal_srate"][0])
    values = np.asarray(stream["time_series"])
    if nominal < _LOWEST_HZ or values.ndim != 2 or values.dtype.kind not in "iuf" or len(values) < 2:
        return
    times = np.asarray(stream["time_stamps"], dtype=np.float64)
    try:
        grid = place_rows(times - times[0])
        if abs(grid.fs - nominal) < 0.01 * nominal:
            grid = place_rows(times - times[0], nominal)
        file.notes += grid.notes()
    except Uneven:
        file.notes.append(f"stream {info['name'][0]}: its times tell no rate: taken as even, at {nominal:g} Hz")
        grid = None
    for i, (label, unit) in enumerate(_channels(info, values.shape[1])):
        column = values[:, i].astype(np.float64)
        file.columns.append(column if grid is None else grid.fill(column))
        file.signals.append(Signal(label, unit, nominal if grid is None else grid.fs))


def _channels(info: dict[str, Any], count: int) -> Iterator[tuple[str, str | None]]:
    found: list[Any] = []
    with contextlib.suppress(KeyError, TypeError, IndexError):
        found = info["desc"][0]["channels"][0]["channel"]
    name = str(info["name"][0])
    for i in range(count):
        label, unit = f"{name} {i + 1}" if count > 1 else name, None
        with contextlib.suppress(KeyError, TypeError, IndexError):
            label = str(found[i]["label"][0])
        with contextlib.suppress(KeyError, TypeError, IndexError):
            unit = str(found[i]["unit"][0]) or None
        yield label, unit


def _start(head: dict[str, Any]) -> datetime | None:
    with contextlib.suppress(KeyError, TypeError, IndexError, ValueError):
        return datetime.fromisoformat(str(head["info"]["datetime"][0]).replace("Z", "+00:00"))
    return None


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
