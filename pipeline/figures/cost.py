"""What networks cost against what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.figures.canvas import INK, new_figure, plain_axes
from pipeline.report.marks import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.learning.cost import CostRow

__all__ = ["draw_cost"]


def draw_cost(rows: Sequence[CostRow]) -> Figure:
    """Draw the macro and pooled AUPRC of each variant beside its operations and bytes, a row a variant.

    Parameters
    ----------
    rows : sequence of CostRow
        What :func:`pipeline.learning.cost.measure_cost` returns.
    """
    figure = new_figure(11.0, 1.4 + 0.36 * len(rows))
    quality, operations, size = figure.subplots(1, 3, sharey=True, width_ratios=[2.2, 1.2, 1.2])
    places = range(len(rows))
    for name, label, marker, colour in (
        ("macro.auprc", "macro", "o", COLOURS["supraventricular"]),
        ("pooled.auprc", "pooled", "s", COLOURS["ventricular"]),
    ):
        quality.plot([row.figures[name] for row in rows], places, marker, color=colour, label=label)
        quality.axvline(rows[0].figures[name], color=colour, linestyle=":", linewidth=1)
    operations.barh(places, [row.operations / 1000 for row in rows], color=COLOURS["normal"], height=0.6)
    size.barh(places, [row.bytes / 1000 for row in rows], color=COLOURS["normal"], height=0.6)
    quality.set_yticks(places, [row.name for row in rows])
    quality.set_ylim(len(rows) - 0.5, -0.5)
    plain_axes(quality, x="AUPRC on records not seen", title="Quality (dotted: no network)", legend=True)
    plain_axes(operations, x="thousand multiply-adds a beat", title="Operations")
    plain_axes(size, x="kB of weights", title="Size")
    quality.locator_params("x", nbins=6)
    quality.tick_params("y", colors=INK)
    return figure
