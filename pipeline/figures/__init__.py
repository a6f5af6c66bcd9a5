"""Figures for notebooks, cards and files: functions that return a figure of matplotlib.

The report's own figures, which are SVG inside its page, lie in :mod:`pipeline.report.figures`. A notebook shows a
figure as the last value of a cell; :func:`save_figure` writes one.
"""

from __future__ import annotations

from pipeline.figures.canvas import check_format, save_figure
from pipeline.figures.cost import draw_cost
from pipeline.figures.explanation import draw_explanation
from pipeline.figures.loss import draw_losses

__all__ = ["check_format", "draw_cost", "draw_explanation", "draw_losses", "save_figure"]
