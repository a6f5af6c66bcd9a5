"""Movesense sensors: logs as JSON, and what the Showcase app exports as a table.

Layouts as the maker's converters and apps write them. Logs: a list ``Samples`` whose entries are named after what was
measured (``MeasECG``, ``MeasECGmV``), or ``Meas`` with a list each (``ECG``); each entry holds some samples and the
time of the first one in ms of the sensor's clock. ``TimeDetailed`` ties that clock to UTC. Tables: ``Timestamp,Count``
(Android) and ``timestamp,sample`` (iOS), times in ms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import RecordCorrupt, RecordUnsupported
from pipeline.sources.foreign.base import ArrayFile, ReadOptions, Signal
from pipeline.sources.foreign.blocks import place_blocks
from pipeline.sources.foreign.grid import Uneven

__all__ = ["knows_log", "knows_table", "open_log", "open_table"]

UV_PER_COUNT = 1e6 / 20 / 2**17  # the maker's: a gain of 20, and 17 bits for 1 V
RATES = (125.0, 128.0, 200.0, 250.0, 256.0, 500.0, 512.0)  # Hz, those that the sensor has
_NEAR = 0.02  # share by which times in ms may miss the rate
_LOG = re.compile(r'\s*\{\s*"(Samples"\s*:\s*\[\s*\{|Meas"\s*:\s*\{|(Meas|TimeDetailed)\w*"\s*:\s*\{\s*"\w+"\s*:)')
_TABLE = re.compile(r"\ufeff?timestamp[,;](count|sample)\s*[\r\n]+\s*\d+[,;]-?\d+\s*[\r\n]", re.IGNORECASE)
_ECG = re.compile(r"(meas)?ecg(?P<mv>mv)?", re.IGNORECASE)


def knows_log(head: bytes) -> bool:
    """Tell a log by its first names."""
    return _LOG.match(head.decode("utf-8", "replace").lstrip("\ufeff")) is not None


def knows_table(head: bytes) -> bool:
    """Tell a table by its two columns, and whole numbers in them."""
    return _TABLE.match(head.decode("utf-8", "replace")) is not None


def open_log(path: Path, options: ReadOptions) -> ArrayFile:
    """Open a log; packets that are missing in it are holes.

    Raises
    ------
    RecordCorrupt
        If it is no JSON, or its packets hold something else.
    RecordUnsupported
        If it holds no ECG.
    """
    packets: dict[bool, list[tuple[float, Any]]] = {True: [], False: []}  # in mV or in counts
    held: dict[str, None] = {}
    began: tuple[float, float] | None = None
    for name, entry in _entries(path):
        ecg = _ECG.fullmatch(name)
        if ecg is not None:
            packets[ecg["mv"] is not None].append((float(entry["Timestamp"]) / 1e3, entry["Samples"]))
        elif name == "TimeDetailed" and began is None:
            began = float(entry["relativeTime"]) / 1e3, float(entry["utcTime"]) / 1e6
        held[name] = None
    has_mv = bool(packets[True])
    chosen = [(time_s, samples) for time_s, samples in packets[has_mv] if samples]
    if not chosen:
        raise RecordUnsupported(f"{path.name}: a Movesense log without ECG ({', '.join(held) or 'it is empty'})")
    onset_s = np.array([time_s for time_s, _ in chosen])
    blocks = [np.array(samples, dtype=np.float64) for _, samples in chosen]
    counts = np.array([block.size for block in blocks], dtype=np.int64)
    if any(block.ndim != 1 for block in blocks):
        raise RecordCorrupt(f"{path.name}: its packets of ECG hold something else than samples")
    try:
        placed = place_blocks(onset_s, counts, options.fs or _rate(onset_s, counts))
    except Uneven as error:
        raise RecordUnsupported(f"{path.name}: its packets tell no line of time ({error}): give --fs") from error
    values = placed.fill(blocks)
    signal = Signal("ECG", "mV" if has_mv else "uV", placed.fs)
    start = None if began is None else _moment(began[1] + placed.start_s - began[0])
    return ArrayFile([signal], [values if has_mv else values * UV_PER_COUNT], start, placed.notes())


def open_table(path: Path, options: ReadOptions) -> ArrayFile:
    """Open a table of times in ms and counts, as the Showcase app writes it.

    Raises
    ------
    RecordCorrupt, RecordUnsupported
        If it is no such table.
    """
    import pandas as pd  # here: the list of formats is read before any file is

    from pipeline.sources.foreign.table import Table, signals_of
    from pipeline.sources.foreign.text_table import read_text_table

    text = read_text_table(path)
    frame = pd.DataFrame({0: text.frame.iloc[:, 0], 1: text.frame.iloc[:, 1]})
    table = Table(path.name, ["timestamp", "ECG"], ["ms", None], frame, options.fs, text.first_line)
    file = signals_of(table, options)
    if options.units is not None or not file.signals:
        return file
    fs = file.signals[0].fs
    if min(abs(fs / rate - 1.0) for rate in RATES) > _NEAR:
        flaw = "its values are counts, and its rate is none of a Movesense sensor's"
        file.signals = [Signal("ECG", None, fs, flaw)]
        return file
    file.signals = [Signal("ECG", "uV", fs)]
    file.columns = [column * UV_PER_COUNT for column in file.columns]
    file.notes.append(f"taken for a Movesense sensor's counts, of {UV_PER_COUNT:.3f} uV each")
    return file


def _entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what was measured, in the file's order: a document, or a line for each."""
    text = path.read_text("utf-8-sig", "replace")
    try:
        document: Any = json.loads(text)
    except ValueError:
        try:
            document = {"Samples": [json.loads(line) for line in text.splitlines() if line.strip()]}
        except ValueError as error:
            raise RecordCorrupt(f"{path.name}: it is no JSON ({error})") from error
    if "Meas" in document:
        for name, entries in document["Meas"].items():
            for entry in entries:
                yield name, entry
        return
    for entries in document.get("Samples", [document]):
        yield from entries.items()


def _rate(onset_s: np.ndarray, counts: np.ndarray) -> float:
    """Return the sensor's rate that is next to what its packets tell."""
    steps = np.diff(onset_s)
    told = counts[:-1][steps > 0] / steps[steps > 0]
    if not len(told):
        raise Uneven("there is one packet")
    rate = float(np.median(told))
    near = min(RATES, key=lambda known: abs(known - rate))
    if abs(near - rate) <= _NEAR * near:
        return near
    # Packets of few samples at times in ms: the mean over many tells what a single one does not.
    usual = np.median(steps[steps > 0])
    even = (steps > 0) & (steps < 1.5 * usual)
    rate = float(counts[:-1][even].sum() / steps[even].sum())
    near = min(RATES, key=lambda known: abs(known - rate))
    if abs(near - rate) > _NEAR * near:
        raise Uneven(f"they tell {rate:.4g} Hz, which is none of its rates")
    return near


def _moment(seconds: float) -> datetime | None:
    if not 0 < seconds < 2**33:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=round(seconds * 1e6))
