"""Figures of matplotlib, drawn without a display: one look for all of them."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import OutputError
from pipeline.report.marks import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["INK", "SERIES", "check_format", "new_figure", "plain_axes", "save_figure"]

FORMATS = (".png", ".svg", ".pdf")
INK = "#1f2933"
# In the order in which lines of one figure take them: the palette of the reports.
SERIES = (COLOURS["supraventricular"], COLOURS["ventricular"], COLOURS["threshold"], COLOURS["other"], COLOURS["drift"])


def new_figure(width: float = 10.0, height: float = 4.0) -> Figure:
    """Return an empty figure of so many inches, which no window and no global state holds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _page()(figsize=(width, height), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    return figure


@cache
def _page() -> type[Figure]:
    from matplotlib.figure import Figure

    class Page(Figure):
        """A figure that a notebook shows by itself, without a backend chosen for all of them."""

        def _repr_png_(self) -> bytes:
            buffer = BytesIO()
            self.savefig(buffer, format="png", dpi=110)
            return buffer.getvalue()

    return Page


def plain_axes(axes: Axes, *, x: str = "", y: str = "", title: str = "", legend: bool = False) -> None:
    """Name the axes with their units, draw a faint grid, and take away what says nothing."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if title:
        axes.set_title(title, fontsize=11, loc="left")
    axes.grid(True, color=COLOURS["line"], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if legend:
        axes.legend(frameon=False, fontsize=9)


def check_format(path: Path) -> None:
    """Make sure that a figure can be written to a file of this name.

    Raises
    ------
    ValueError
        If it does not end in a format's name.
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path.name!r}: a figure is written as {', '.join(FORMATS)}")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; the file's ending (``.png``, ``.svg``, ``.pdf``) tells the format.

    Raises
    ------
    ValueError
        If there is no such format.
    OutputError
        If the file cannot be written.
    """
    check_format(path)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror or error}") from error
