"""Figures for notebooks, cards and files: functions that return a figure of matplotlib.

The report's own figures, which are SVG inside its page, lie in :mod:`pipeline.report.figures`. A notebook shows a
figure as the last value of a cell; :func:`save_figure` writes one.
"""

from __future__ import annotations

from pipeline.figures.alarms import draw_alarms, draw_miss
from pipeline.figures.calibration import draw_calibration
from pipeline.figures.canvas import check_format, save_figure
from pipeline.figures.cost import draw_cost
from pipeline.figures.evaluation import draw_ranking, draw_records
from pipeline.figures.explanation import draw_explanation
from pipeline.figures.growth import draw_growth
from pipeline.figures.loss import draw_losses
from pipeline.figures.lstm import draw_cell_steps, draw_gates, draw_memory
from pipeline.figures.record import draw_beats, draw_residuals, draw_scores, draw_signal, draw_stages, draw_template
from pipeline.figures.thresholds import draw_thresholds

__all__ = [
    "check_format",
    "draw_alarms",
    "draw_beats",
    "draw_calibration",
    "draw_cell_steps",
    "draw_cost",
    "draw_explanation",
    "draw_gates",
    "draw_growth",
    "draw_losses",
    "draw_memory",
    "draw_miss",
    "draw_ranking",
    "draw_records",
    "draw_residuals",
    "draw_scores",
    "draw_signal",
    "draw_stages",
    "draw_template",
    "draw_thresholds",
    "save_figure",
]
