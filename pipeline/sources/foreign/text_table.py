"""A table as text: its encoding, separator, decimal sign, head, units and what stands before them."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.errors import RecordCorrupt, RecordUnsupported

__all__ = ["TextTable", "read_text_table"]

_SAMPLE = 2**16  # bytes that are looked at
_COMMENT = re.compile(r"\s*(#|%|//|;;)")
_NUMBER = re.compile(r"[-+−]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?|[-+]?(nan|inf)|-", re.IGNORECASE)
_QUOTE = "['\"\\[]?"
_TIME = re.compile(
    _QUOTE
    + r"(\d{4}-\d\d-\d\d[T ])?(\d{1,3}:)?\d{1,2}:\d{1,2}([.,]\d+)?(Z|[+-]\d\d:?\d\d)?"
    + r"['\"\]]?( ?\d{1,2}/\d{1,2}/\d{4}\]?)?"
)
_UNIT_WORD = re.compile(
    r"['\"]?[\[(]?(m|u|µ|μ|n|milli|micro|nano)?"
    r"(v|volts?|s|sec|seconds?|hz|g|bpm|%|mmhg|counts?|au|a\.u\.|nu|-)[\])]?['\"]?"
    r"|h+:mm?:ss.*|['\"]hh:mm.*|",
    re.IGNORECASE,
)
_SEPARATORS = ("\t", ";", ",", "|", " ")


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table.

    Attributes
    ----------
    frame : DataFrame
        Its columns, numbers where all of a column are, by their position.
    names : tuple of str
        Names of the columns; empty ones if there is no head.
    units : tuple of str or None
        What a second line of the head says; None for each column where there is none.
    preamble : dict of str to str
        What stands before the table, as ``name, value`` or ``name: value``; names in small letters.
    first_line : int
        The line of the file that holds the first row, from 1.
    """

    frame: pd.DataFrame
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    preamble: dict[str, str]
    first_line: int

    @property
    def has_head(self) -> bool:
        """False if no column has a name."""
        return any(self.names)


def read_text_table(path: Path) -> TextTable:
    """Read a table; compressed files are opened as they are.

    Raises
    ------
    RecordCorrupt
        If it is no table.
    RecordUnsupported
        If it holds a head and no rows.
    """
    with path.open("rb") as file:
        raw = file.read(_SAMPLE)
    encoding = _encoding(raw)
    lines = codecs.getincrementaldecoder(encoding)("replace").decode(raw, final=False).splitlines()
    if len(raw) == _SAMPLE and len(lines) > 1:
        lines.pop()  # it may be cut
    if not any(line.strip() for line in lines):
        raise RecordCorrupt(f"{path.name}: it is not a table of columns (it is empty)")
    declared = re.fullmatch(r"\"?sep=(.)\"?\s*", lines[0].lstrip("\ufeff"))
    separator = declared[1] if declared else _separator(lines)
    decimal = _decimal(lines, separator)
    first = _first_row(lines, separator)
    if first is None:
        if len(lines) < 3 and all(_cells(line, separator) for line in lines):
            raise RecordUnsupported(f"{path.name}: it holds no samples, only names")
        raise RecordCorrupt(f"{path.name}: it is not a table of columns (no row of numbers in it)")
    width = len(_cells(lines[first], separator))
    names, units, preamble = _head(lines[:first], separator, width)
    try:
        frame = pd.read_csv(
            path,
            sep=r"\s+" if separator == " " else separator,
            header=None,
            names=list(range(width)),
            index_col=False,
            usecols=list(range(width)),
            skiprows=first,
            decimal=decimal,
            encoding=encoding,
            encoding_errors="replace",
            skipinitialspace=True,
            comment="#",
            na_values=["-", "--", "NULL", "null", "None"],
            low_memory=False,
            on_bad_lines="error",
        )
    except (
        csv.Error,
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
        UnicodeError,
        ValueError,
        OverflowError,
    ) as error:
        raise RecordCorrupt(f"{path.name}: it is not a table of columns ({' '.join(str(error).split())})") from error
    return TextTable(frame, names, units, preamble, first + 1)


def _encoding(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if raw[1::2].count(0) > 0.3 * max(1, len(raw) // 2):
        return "utf-16-le"
    if raw[0::2].count(0) > 0.3 * max(1, len(raw) // 2):
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8-sig")().decode(raw, final=False)
    except UnicodeDecodeError:
        return "cp1252" if not any(byte in raw for byte in b"\x81\x8d\x8f\x90\x9d") else "latin-1"
    return "utf-8-sig"


def _cells(line: str, separator: str) -> list[str]:
    """Return the fields of a line, trimmed."""
    text = line.strip("\r\n")
    if separator == " ":
        return text.split()
    try:
        cells = next(csv.reader([text], delimiter=separator, skipinitialspace=True))
    except (csv.Error, StopIteration):
        cells = text.split(separator)
    return [cell.strip() for cell in cells]


def _is_row(line: str, separator: str) -> bool:
    cells = [cell for cell in _cells(line, separator) if cell]
    like = [cell for cell in cells if _NUMBER.fullmatch(cell) or _TIME.fullmatch(cell)]
    return bool(like) and len(like) >= 0.5 * len(cells) and any(_NUMBER.fullmatch(cell) for cell in cells)


def _separator(lines: list[str]) -> str:
    """Return what stands between the values: what cuts most lines into equally many, all of them numbers."""
    tail = [line for line in lines[len(lines) // 3 :] if line.strip() and not _COMMENT.match(line)][-50:] or lines[-1:]
    best, most = ",", 0.0
    for separator in _SEPARATORS:
        counts = Counter(len(_cells(line, separator)) for line in tail)
        width, often = counts.most_common(1)[0]
        rows = sum(_is_row(line, separator) and len(_cells(line, separator)) == width for line in tail)
        points = (rows + 0.01 * often) * (1.0 if width > 1 else 0.5)
        if points > most * 1.001:
            best, most = separator, points
    return best


def _decimal(lines: list[str], separator: str) -> str:
    if separator == ",":
        quoted = sum(bool(re.search(r'"[-−]?\d+,\d+"', line)) for line in lines)
        return "," if quoted > 0.5 * len(lines) else "."
    tail = [cell for line in lines[-50:] for cell in _cells(line, separator)]
    commas = sum(bool(re.fullmatch(r"[-+−]?\d*,\d+([eE][-+]?\d+)?", cell)) for cell in tail)
    points = sum(bool(re.fullmatch(r"[-+−]?\d*\.\d+([eE][-+]?\d+)?", cell)) for cell in tail)
    return "," if commas > points else "."


def _first_row(lines: list[str], separator: str) -> int | None:
    """Return the first of the lines from which on there are rows only."""
    first = None
    width = 0
    for i, line in enumerate(lines):
        if not line.strip() or _COMMENT.match(line):
            continue
        cells = len(_cells(line, separator))
        if _is_row(line, separator):
            if first is None or cells > width:
                first, width = (i if first is None or cells > width else first), cells
        elif (
            first is not None and i < first + 3 and len(lines) > i + 3
        ):  # a line of what stands before looked like a row
            first = None
    return first


def _head(
    lines: list[str], separator: str, width: int
) -> tuple[tuple[str, ...], tuple[str | None, ...], dict[str, str]]:
    """Return names, units and what stands before them, of the lines before the first row."""
    said = [line.lstrip("\ufeff") for line in lines if line.strip() and not re.fullmatch(r"\"?sep=.\"?\s*", line)]
    none: tuple[str | None, ...] = (None,) * width
    units, names = none, ("",) * width
    if said:
        cells = _cells(_bare(said[-1]), separator)
        if len(said) > 1 and len(cells) > 1 and len(cells) == width and all(_UNIT_WORD.fullmatch(c) for c in cells):
            units = tuple(cell.strip("'\"[]()") or None for cell in cells)
            said.pop()
            cells = _cells(_bare(said[-1]), separator)
        fits = len(cells) in (width, width + 1, width - 1) if width > 1 else _pair(said[-1]) is None
        if fits and not (width > 1 and len(cells) == 1):
            said.pop()
            cells = [cell.strip("'\"") for cell in cells][:width]
            names = tuple(cells + [""] * (width - len(cells)))
    preamble: dict[str, str] = {}
    for line in said:
        pair = _pair(line)
        if pair is not None:
            preamble[pair[0]] = pair[1]
    return names, units, preamble


def _pair(line: str) -> tuple[str, str] | None:
    """Return what a line such as ``Unit,µV`` or ``rate: 250`` says, its name in small letters."""
    parts = re.split(r"\s*[:=,;\t]\s*", _bare(line).strip(), maxsplit=1)
    if len(parts) != 2 or not parts[0].strip("'\" ") or not parts[1].strip("'\" ,;\t"):
        return None
    return parts[0].strip("'\" ").casefold(), parts[1].strip("'\" ,;\t")


def _bare(line: str) -> str:
    return re.sub(r"^\s*(#+|%+|//|;;)\s*", "", line)
