"""Realised against declared false-alarm rate, record by record, for each rule: one figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.figures.canvas import SERIES, new_figure
from pipeline.report.marks import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.evaluation.threshold_study import RuleFigures

__all__ = ["draw_calibration"]

LEAST = 2e-4  # rates below are drawn here


def draw_calibration(figures: Sequence[RuleFigures]) -> Figure:
    """Draw one panel a declared rate: a row a rule, a dot a record, a bar for all normal beats pooled.

    Parameters
    ----------
    figures : sequence of RuleFigures
        Of the same rules at each declared rate.
    """
    rates = list(dict.fromkeys(f.declared for f in figures))
    rules = list(dict.fromkeys(f.rule for f in figures))
    figure = new_figure(10.0, 1.4 + 0.42 * len(rules))
    blue, orange = SERIES[:2]
    panels = figure.subplots(1, len(rates), sharey=True, squeeze=False)[0]
    for panel, rate in zip(panels, rates, strict=True):
        panel.axvspan(rate / 2, rate * 2, color=blue, alpha=0.12, linewidth=0, label="within a factor of 2")
        panel.axvline(rate, color=blue, linewidth=1, label="declared")
        for row, rule in enumerate(rules):
            (found,) = (f for f in figures if f.rule == rule and f.declared == rate)
            own = np.array([record.fpr for record in found.operation.records if record.normal])
            jitter = 0.22 * np.linspace(-1, 1, len(own))
            label = None if row else "a record"
            panel.plot(np.maximum(own, LEAST), row + jitter, "o", color=COLOURS["normal"], markersize=3, label=label)
            pooled = max(found.operation.fpr, LEAST)
            panel.plot([pooled] * 2, [row - 0.35, row + 0.35], color=orange, lw=2.5, label=None if row else "pooled")
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
        panel.set_xlim(LEAST * 0.8, 1.0)
        panel.set_title(f"declared {100 * rate:g} %", fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(rules)), rules)
    panels[0].set_ylim(len(rules) - 0.5, -0.5)
    figure.supxlabel(f"false alarms (% of normal beats; {100 * LEAST:g} % and less at the left edge)", fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return figure
