"""How cost grows with patients, hours, leads and rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.figures.canvas import SERIES, new_figure, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from pipeline.bench.growth import Series

__all__ = ["draw_growth"]

SIZES = {
    "patients": "patients",
    "hours": "hours of one record",
    "leads": "leads in a file, two scored",
    "rates": "sampling rate (Hz)",
}
TITLES = {
    "patients": "1 s of all patients",
    "hours": "the record so far",
    "leads": "1 h of the file",
    "rates": "1 h of two leads",
}
WIDE = 100.0  # a scale that spans more has a mark per decade, else 1-2-5


def draw_growth(series: Sequence[Series]) -> Figure:
    """Draw processor time above and memory below, a column for each axis of growth, both on logarithmic scales.

    Parameters
    ----------
    series : sequence of Series
        What :func:`pipeline.bench.growth.bench_growth` returns.
    """
    figure = new_figure(11.0, 5.6)
    rows = figure.subplots(2, len(series), squeeze=False, sharex="col")
    for column, one in enumerate(series):
        sizes = [point.size for point in one.points]
        time, memory = rows[0, column], rows[1, column]
        _curve(time, sizes, [point.cpu_s for point in one.points], SERIES[0], one.time_exponent)
        _curve(memory, sizes, [point.memory_mb for point in one.points], SERIES[1], one.memory_exponent)
        plain_axes(time, y="" if column else "processor time (s)", title=TITLES[one.axis])
        plain_axes(memory, x=SIZES[one.axis], y="" if column else "memory (MB)")
        time.tick_params("x", labelbottom=False)
    lines, names = rows[0, 0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _curve(axes: Axes, sizes: Sequence[float], cost: Sequence[float], colour: str, power: float) -> None:
    measured = np.maximum(cost, 1e-9)
    straight = measured[-1] * np.array(sizes) / sizes[-1]
    axes.loglog(sizes, measured, "o-", color=colour, markersize=4, label="measured")
    axes.loglog(sizes, straight, ":", color="#777777", label="linear, through the largest size")
    # At least a decade, so that what does not grow looks flat.
    middle = float(np.sqrt(measured.max() * measured.min()))
    least, most = min(measured.min(), middle / 4.0) / 1.5, max(measured.max(), middle * 4.0) * 2.5
    axes.set_ylim(least, most)
    _plain_numbers(axes.xaxis, max(sizes) / min(sizes))
    _plain_numbers(axes.yaxis, most / least)
    if power == power:
        axes.annotate(f"grows as size$^{{{power:.2f}}}$", (0.04, 0.9), xycoords="axes fraction", fontsize=9)


def _plain_numbers(axis: Axis, span: float) -> None:
    """Mark a logarithmic scale with numbers as people write them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0,) if span > WIDE else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())
