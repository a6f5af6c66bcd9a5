"""The report's figures: functions that return SVG as text.

In a notebook, ``IPython.display.SVG(score_svg(report))`` shows one.
"""

from __future__ import annotations

from pipeline.report.figures.beat import beat_svg
from pipeline.report.figures.overview import overview_svg
from pipeline.report.figures.strip import ecg_strip_svg
from pipeline.report.figures.trend import heart_rate_svg, score_svg

__all__ = ["beat_svg", "ecg_strip_svg", "heart_rate_svg", "overview_svg", "score_svg"]
