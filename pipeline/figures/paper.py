"""ECG on A4 paper, by matplotlib: axes whose size in mm is that of the signal at 25 mm/s and 10 mm/mV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from pipeline.figures.canvas import INK
from pipeline.report.marks import COLOURS, LETTERS, anomaly_kind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "HEAD_MM",
    "HEIGHT_MM",
    "LEAD_MM",
    "LONGEST_S",
    "MARGIN_MM",
    "MM_PER_MV",
    "MM_PER_S",
    "WIDTH_MM",
    "draw_strip",
    "new_page",
]

WIDTH_MM, HEIGHT_MM = 210.0, 297.0
MARGIN_MM = 14.0
MM_PER_S, MM_PER_MV = 25.0, 10.0
LEAD_MM = 34.0  # of a strip's height for each lead
HEAD_MM = 12.0  # above a strip, for what it is and the beats' letters
LONGEST_S = (WIDTH_MM - 2 * MARGIN_MM) / MM_PER_S
NOTE = "Not a medical device. For research only."


def new_page() -> Figure:
    """Return an empty A4 page, which no window and no global state holds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    page = Figure(figsize=(WIDTH_MM / 25.4, HEIGHT_MM / 25.4))
    FigureCanvasAgg(page)
    page.text(0.5, 8.0 / HEIGHT_MM, NOTE, ha="center", fontsize=8, color=INK)
    return page


def draw_strip(
    page: Figure,
    signal: ArrayLike,
    fs: float,
    leads: Sequence[str],
    *,
    title: str,
    top_mm: float,
    start_s: float = 0.0,
    beats: Sequence[tuple[float, str, bool]] = (),
) -> float:
    """Draw a strip below a line of words, true to scale.

    Parameters
    ----------
    page : Figure
        Of :func:`new_page`.
    signal : array_like, shape (leads, samples)
        In mV; NaN where a sample is missing. What does not fit the width is left out.
    fs : float
        Rate in Hz.
    leads : sequence of str
        Names of the leads.
    title : str
        The line above.
    top_mm : float
        Where it begins, in mm from the paper's upper edge.
    start_s : float
        Time of the first sample in s, as the beats' times count.
    beats : sequence of (time_s, kind, is_anomaly)
        Beats, with a letter above.

    Returns
    -------
    float
        Where the strip ends, in mm from the paper's upper edge.
    """
    page.text(MARGIN_MM / WIDTH_MM, 1 - top_mm / HEIGHT_MM, title, fontsize=8.5, color=INK, va="top")
    top_mm += HEAD_MM
    height_mm = LEAD_MM * len(leads)
    signal = np.asarray(signal, dtype=np.float64)[:, : round(LONGEST_S * fs)]
    seconds = signal.shape[1] / fs
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
    x = np.arange(signal.shape[1]) / fs * MM_PER_S
    for i, (name, lead) in enumerate(zip(leads, signal, strict=True)):
        middle = height_mm - LEAD_MM * (i + 0.5)
        # In the middle of its lane, so that no peak leaves it; one larger than the lane is cut off.
        zero = float(np.nanmax(lead) + np.nanmin(lead)) / 2 if np.isfinite(lead).any() else 0.0
        axes.plot(x, middle + (lead - zero) * MM_PER_MV, color=INK, linewidth=0.6, clip_on=True)
        axes.text(1.0, middle + LEAD_MM / 2 - 1.0, name, fontsize=7, va="top", weight="bold", color=INK)
    for time_s, kind, is_anomaly in beats:
        at = (time_s - start_s) * MM_PER_S
        if 0 <= at <= seconds * MM_PER_S:
            colour = COLOURS[anomaly_kind(kind)] if is_anomaly else INK
            letter = LETTERS[anomaly_kind(kind)] if is_anomaly else "·"
            axes.text(at, height_mm + 1.0, letter, fontsize=8, ha="center", color=colour, weight="bold")
    axes.axis("off")
    return top_mm + height_mm
