"""A summary on A4 paper, by matplotlib: axes whose size in mm is that of the signal at 25 mm/s and 10 mm/mV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.figures.canvas import INK
from pipeline.holter.summary import DEFINITIONS
from pipeline.holter.table import clock, rows
from pipeline.report.marks import COLOURS, LETTERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.holter.record import Holter
    from pipeline.report.record import Event

__all__ = ["MM_PER_MV", "MM_PER_S", "draw"]

WIDTH_MM, HEIGHT_MM = 210.0, 297.0
MARGIN_MM = 14.0
MM_PER_S, MM_PER_MV = 25.0, 10.0
LEAD_MM = 34.0  # of a strip's height for each lead
HEAD_MM = 12.0  # above a strip, for what it is and the beats' letters
NOTE = "Not a medical device. For research only."


def draw(path: Path, holter: Holter, events: list[Event]) -> None:
    """Write the pages."""
    from matplotlib.backends.backend_pdf import PdfPages

    # Without a date in it the same record gives the same file.
    with PdfPages(path, metadata={"Title": f"Holter summary of {holter.record}", "CreationDate": None}) as pdf:
        pdf.savefig(_figures(holter))
        for page in _strips(holter, events):
            pdf.savefig(page)


def _page() -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    page = Figure(figsize=(WIDTH_MM / 25.4, HEIGHT_MM / 25.4))
    FigureCanvasAgg(page)
    page.text(0.5, 8.0 / HEIGHT_MM, NOTE, ha="center", fontsize=8, color=INK)
    return page


def _figures(holter: Holter) -> Figure:
    page = _page()

    def write(x_mm: float, y_mm: float, text: str, size: float = 8.5, weight: str = "normal") -> None:
        page.text(x_mm / WIDTH_MM, 1 - y_mm / HEIGHT_MM, text, fontsize=size, color=INK, weight=weight, va="top")

    write(MARGIN_MM, 12.0, f"Holter summary of {holter.record}", 15, "bold")
    write(MARGIN_MM, 21.0, f"leads {', '.join(holter.leads)}; model {holter.model[:12]}")
    columns = (MARGIN_MM, 72.0, 138.0)
    for x, text in zip(columns, ("", "found", "annotated" if holter.reference else ""), strict=True):
        write(x, 29.0, text, weight="bold")
    for i, row in enumerate(rows(holter.found, holter.reference)):
        for x, text in zip(columns, row, strict=True):
            write(x, 34.0 + 4.6 * i, text)
    y = 34.0 + 4.6 * (len(rows(holter.found, holter.reference)) + 1)
    write(MARGIN_MM, y, "Definitions", weight="bold")
    for name, text in DEFINITIONS.items():
        y += 4.2
        write(MARGIN_MM, y, f"{name}: {text}", 6.0)
    return page


def _strips(holter: Holter, events: list[Event]) -> list[Figure]:
    pages: list[Figure] = []
    y_mm = HEIGHT_MM
    height_mm = LEAD_MM * len(holter.report.leads)
    for event in events:
        if y_mm + HEAD_MM + height_mm > HEIGHT_MM - MARGIN_MM:
            pages.append(_page())
            y_mm = MARGIN_MM
        text = f"{clock(event.time_s)}  {event.title}    25 mm/s, 10 mm/mV"
        pages[-1].text(MARGIN_MM / WIDTH_MM, 1 - y_mm / HEIGHT_MM, text, fontsize=8.5, color=INK, va="top")
        _strip(pages[-1], event, holter.report.leads, y_mm + HEAD_MM, height_mm)
        y_mm += HEAD_MM + height_mm + 6.0
    return pages


def _strip(page: Figure, event: Event, leads: tuple[str, ...], top_mm: float, height_mm: float) -> None:
    strip = event.strip
    longest_s = (WIDTH_MM - 2 * MARGIN_MM) / MM_PER_S
    signal = np.array(strip.signal, dtype=np.float64)[:, : round(longest_s * strip.fs)]
    seconds = signal.shape[1] / strip.fs
    axes = page.add_axes(
        (
            MARGIN_MM / WIDTH_MM,
            1 - (top_mm + height_mm) / HEIGHT_MM,
            seconds * MM_PER_S / WIDTH_MM,
            height_mm / HEIGHT_MM,
        )
    )
    # The axes count in mm: nothing is scaled twice.
    axes.set_xlim(0, seconds * MM_PER_S)
    axes.set_ylim(0, height_mm)
    for every, width, colour in ((1.0, 0.25, "#f3d5d2"), (5.0, 0.5, "#e2a8a2")):
        axes.hlines(np.arange(0, height_mm + 0.01, every), 0, seconds * MM_PER_S, color=colour, linewidth=width)
        axes.vlines(np.arange(0, seconds * MM_PER_S + 0.01, every), 0, height_mm, color=colour, linewidth=width)
    x = np.arange(signal.shape[1]) / strip.fs * MM_PER_S
    for i, (name, lead) in enumerate(zip(leads, signal, strict=True)):
        middle = height_mm - LEAD_MM * (i + 0.5)
        # In the middle of its lane, so that no peak leaves it; one larger than the lane is cut off.
        zero = float(np.nanmax(lead) + np.nanmin(lead)) / 2 if np.isfinite(lead).any() else 0.0
        axes.plot(x, middle + (lead - zero) * MM_PER_MV, color=INK, linewidth=0.6, clip_on=True)
        axes.text(1.0, middle + LEAD_MM / 2 - 1.0, name, fontsize=7, va="top", weight="bold", color=INK)
    for time_s, kind, is_anomaly in strip.beats:
        at = (time_s - strip.start_s) * MM_PER_S
        if 0 <= at <= seconds * MM_PER_S:
            colour = COLOURS[kind] if is_anomaly else INK
            letter = LETTERS[kind] if is_anomaly else "·"
            axes.text(at, height_mm + 1.0, letter, fontsize=8, ha="center", color=colour, weight="bold")
    axes.axis("off")
