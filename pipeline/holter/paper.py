"""A summary on A4 paper, its strips true to scale."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from pipeline.figures.canvas import INK
from pipeline.figures.paper import HEAD_MM, HEIGHT_MM, LEAD_MM, MARGIN_MM, WIDTH_MM, draw_strip, new_page
from pipeline.holter.summary import DEFINITIONS
from pipeline.holter.table import clock, rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.holter.record import Holter
    from pipeline.report.record import Event

__all__ = ["draw"]

LINE = 120  # characters


def draw(path: Path, holter: Holter, events: list[Event]) -> None:
    """Write the pages."""
    from matplotlib.backends.backend_pdf import PdfPages

    # Without a date in it the same record gives the same file.
    with PdfPages(path, metadata={"Title": f"Holter summary of {holter.record}", "CreationDate": None}) as pdf:
        pdf.savefig(_figures(holter))
        pdf.savefig(_definitions())
        for page in _strips(holter, events):
            pdf.savefig(page)


def _figures(holter: Holter) -> Figure:
    page = new_page()

    def write(x_mm: float, y_mm: float, text: str, size: float = 8.5, weight: str = "normal") -> None:
        page.text(x_mm / WIDTH_MM, 1 - y_mm / HEIGHT_MM, text, fontsize=size, color=INK, weight=weight, va="top")

    write(MARGIN_MM, 12.0, f"Holter summary of {holter.record}", 15, "bold")
    write(MARGIN_MM, 21.0, f"leads {', '.join(holter.leads)}; model {holter.model[:12]}")
    columns = (MARGIN_MM, 72.0, 138.0)
    for x, text in zip(columns, ("", "found", "annotated" if holter.reference else ""), strict=True):
        write(x, 29.0, text, weight="bold")
    for i, row in enumerate(rows(holter.found, holter.reference, holter.st)):
        for x, text in zip(columns, row, strict=True):
            write(x, 34.0 + 4.6 * i, text)
    return page


def _definitions() -> Figure:
    page = new_page()
    y_mm = MARGIN_MM
    x = MARGIN_MM / WIDTH_MM
    page.text(x, 1 - y_mm / HEIGHT_MM, "Definitions", fontsize=12, color=INK, weight="bold", va="top")
    for name, text in DEFINITIONS.items():
        y_mm += 7.0
        for line in wrap(f"{name}: {text}", LINE):
            page.text(x, 1 - y_mm / HEIGHT_MM, line, fontsize=8.0, color=INK, va="top")
            y_mm += 4.0
        y_mm -= 4.0
    return page


def _strips(holter: Holter, events: list[Event]) -> list[Figure]:
    pages: list[Figure] = []
    y_mm = HEIGHT_MM
    height_mm = HEAD_MM + LEAD_MM * len(holter.report.leads)
    for event in events:
        if y_mm + height_mm > HEIGHT_MM - MARGIN_MM:
            pages.append(new_page())
            y_mm = MARGIN_MM
        strip = event.strip
        title = f"{clock(event.time_s)}  {event.title}    25 mm/s, 10 mm/mV"
        signal = np.array(strip.signal, dtype=np.float64)
        end_mm = draw_strip(
            pages[-1],
            signal,
            strip.fs,
            holter.report.leads,
            title=title,
            top_mm=y_mm,
            start_s=strip.start_s,
            beats=strip.beats,
        )
        y_mm = end_mm + 6.0
    return pages
