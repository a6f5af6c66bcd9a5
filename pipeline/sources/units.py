"""Physical units: how many millivolts one of them is."""

from __future__ import annotations

import re

__all__ = ["millivolts_per_unit", "name_and_unit"]

# Prefixes of the volt. The micro sign, the Greek letter and what is left of either in a wrong encoding stand for micro.
_MICRO = "uµμ\u00b5\u03bc\ufffd"
_VOLTS = {"": 1e3, "m": 1.0, "n": 1e-6, "k": 1e6} | dict.fromkeys(_MICRO, 1e-3)
_UNIT = re.compile(rf"(?P<prefix>[mnk{_MICRO}]|milli|micro|nano)?[ _-]?(?:v|volts?)\.?", re.IGNORECASE)
_WORDS = {"milli": "m", "micro": "u", "nano": "n"}
_IN_NAME = re.compile(r"^(?P<name>.*?)[\s_]*[\[({](?P<unit>[^\[\](){}]{1,12})[\])}]\s*$")
_AFTER_NAME = re.compile(rf"^(?P<name>.+?)[\s_.](?P<unit>(?:[mn{_MICRO}]|milli|micro)(?:v|volts?))$", re.IGNORECASE)


def millivolts_per_unit(units: str) -> float | None:
    """Return how many mV one physical unit is, or None if it is no voltage. An empty unit is mV by WFDB convention.

    A number before the unit counts: ``0.1 uV`` or ``2.5uV`` is the size of a step.

    >>> [millivolts_per_unit(unit) for unit in ("uV", "µV", "mVolt", "V", "", "0.5uV", "mmHg")]
    [0.001, 0.001, 1.0, 1000.0, 1.0, 0.0005, None]
    """
    text = units.strip().strip("\x00\"'").strip()
    if not text:
        return 1.0
    number = re.match(r"\d+(?:[.,]\d+)?\s*(?=\D)", text)
    factor = 1.0
    if number is not None:
        factor = float(number.group().strip().replace(",", "."))
        text = text[number.end() :].lstrip("*x ")
    match = _UNIT.fullmatch(text)
    if match is None:
        return None
    prefix = (match["prefix"] or "").casefold()
    scale = _VOLTS[_WORDS.get(prefix, prefix)]
    return scale if factor == 1.0 else factor * scale


def name_and_unit(head: str) -> tuple[str, str | None]:
    """Return a column's name and the unit that stands behind it, if one does.

    >>> name_and_unit("ECG (uV)"), name_and_unit("ii_mv"), name_and_unit("EEG (C4-A1)"), name_and_unit("V1")
    (('ECG', 'uV'), ('ii', 'mv'), ('EEG (C4-A1)', None), ('V1', None))
    """
    text = head.strip()
    inside = _IN_NAME.match(text)
    if inside is not None and inside["name"]:
        unit = inside["unit"].strip()
        if millivolts_per_unit(unit) is not None or (re.fullmatch(r"[a-zA-Z%°/µμ²^0-9]{1,6}", unit) and unit.islower()):
            return inside["name"].strip(), unit
    after = _AFTER_NAME.match(text)
    if after is not None:
        return after["name"].strip(), after["unit"]
    return text, None
