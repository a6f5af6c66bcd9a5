"""One measured figure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure.

    Attributes
    ----------
    section : str
        Part of the pipeline.
    name : str
        What was measured.
    value : float
        How much of it.
    unit : str
        In which unit.
    note : str
        What it is to be set against.
    """

    section: str
    name: str
    value: float
    unit: str
    note: str = ""
