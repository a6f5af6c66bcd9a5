"""Signals in columns of text."""

from __future__ import annotations

import re
import warnings
from datetime import datetime
from pathlib import Path

import pandas as pd

from pipeline.errors import RecordUnsupported
from pipeline.sources.foreign.base import ArrayFile, ReadOptions
from pipeline.sources.foreign.table import Table, signals_of
from pipeline.sources.foreign.text_table import read_text_table
from pipeline.sources.units import name_and_unit

__all__ = ["open_csv"]


def open_csv(path: Path, options: ReadOptions) -> ArrayFile:
    """Open a table of text: a row a sample, with a head of names.

    Commas, semicolons, tabs or blanks stand between its values; decimals have a point or a comma. What watches, belts
    and laboratory programs put before the head (rate, lead, unit, device) is read where its name says what it is.

    Raises
    ------
    RecordCorrupt, RecordUnsupported
        If it is no table, or says neither rate nor names; the message says what to pass.
    """
    text = read_text_table(path)
    preamble = text.preamble
    rate = options.fs or _rate_in(preamble)
    names = list(text.names)
    if not text.has_head:
        said = _value(preamble, r"(lead|ableitung|dérivation|derivación|channel)( name)?")
        if len(names) == 1 and said:
            names = [said]
        elif rate is None:
            raise RecordUnsupported(
                f"{path.name}: its first line is no head: name the columns there, such as time,MLII,V1, "
                "or give the rate with --fs"
            )
        else:
            names = [f"column {i + 1}" for i in range(len(names))]
    unit = _value(preamble, r"(unit|units|einheit|unité|unidad)s?")
    units: list[str | None] = []
    for i, head in enumerate(names):
        names[i], own = name_and_unit(head)
        units.append(own or text.units[i] or (unit if len(names) == 1 else None))
    file = signals_of(Table(path.name, names, units, text.frame, rate, text.first_line), options)
    file.start = file.start or _start_in(preamble)
    device = _value(preamble, r"(device|gerät|appareil|dispositivo|recorder)( name)?")
    if device:
        file.facts["device"] = device
    return file


def _value(preamble: dict[str, str], pattern: str) -> str | None:
    return next((value for key, value in preamble.items() if re.fullmatch(pattern, key)), None)


def _rate_in(preamble: dict[str, str]) -> float | None:
    """Return the rate in Hz that the lines before a table say."""
    for key, value in preamble.items():
        if re.search(
            r"(sampl\w*|abtast\w*|échantillon\w*|muestreo|acquisition)[ _-]*(rate|freq\w*|rate.*)?"
            r"|^fs$|^hz$|frequenz|fréquence|frecuencia",
            key,
        ):
            number = re.search(r"\d+(?:[.,]\d+)?", value)
            if number and float(number.group().replace(",", ".")) > 0:
                per = float(number.group().replace(",", "."))
                if re.search(r"msec|ms\b", value) and re.search(r"/sample|interval|period", f"{key} {value}"):
                    return 1000.0 / per
                return per
    return None


def _start_in(preamble: dict[str, str]) -> datetime | None:
    """Return the date and time of the recording that the lines before a table say."""
    key = r".*(record|start|aufz|aufgez|enregistr|grab|datum|date).*"
    for name, value in preamble.items():
        if re.fullmatch(key, name) and not re.search(r"birth|geb|naiss|nacim", name):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                moment = pd.to_datetime(value, errors="coerce")
            if not pd.isna(moment):
                return moment.to_pydatetime(warn=False)
    return None
