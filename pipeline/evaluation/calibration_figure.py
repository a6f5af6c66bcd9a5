"""Realised against declared false-alarm rate, record by record, for each rule: one figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.evaluation.threshold_study import RuleFigures

__all__ = ["draw_calibration"]

LEAST = 2e-4  # rates below are drawn here
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#8a8a8a"  # told apart by the colour-blind


def draw_calibration(figures: Sequence[RuleFigures], path: Path) -> None:
    """Draw one panel a declared rate: a row a rule, a dot a record, a bar for all normal beats pooled.

    Parameters
    ----------
    figures : sequence of RuleFigures
        Of the same rules at each declared rate.
    path : Path
        The file; its ending (``.png``, ``.svg``, ``.pdf``) tells the format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rates = list(dict.fromkeys(f.declared for f in figures))
    rules = list(dict.fromkeys(f.rule for f in figures))
    figure = Figure(figsize=(10.0, 1.2 + 0.42 * len(rules)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(rates), sharey=True, squeeze=False)[0]
    for panel, rate in zip(panels, rates, strict=True):
        panel.axvspan(rate / 2, rate * 2, color=BLUE, alpha=0.12, linewidth=0, label="within a factor of 2")
        panel.axvline(rate, color=BLUE, linewidth=1, label="declared")
        for row, rule in enumerate(rules):
            (found,) = (f for f in figures if f.rule == rule and f.declared == rate)
            own = np.array([record.fpr for record in found.operation.records if record.normal])
            jitter = 0.22 * np.linspace(-1, 1, len(own))
            panel.plot(
                np.maximum(own, LEAST), row + jitter, "o", color=GREY, markersize=3, label=None if row else "a record"
            )
            pooled = max(found.operation.fpr, LEAST)
            panel.plot([pooled] * 2, [row - 0.35, row + 0.35], color=ORANGE, lw=2.5, label=None if row else "pooled")
        panel.set_xscale("log")
        panel.set_xlim(LEAST * 0.8, 1.0)
        panel.set_xlabel("realised false-alarm rate per normal beat")
        panel.set_title(f"declared {100 * rate:g} %", fontsize=10)
    panels[0].set_yticks(range(len(rules)), rules)
    panels[0].set_ylim(len(rules) - 0.5, -0.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.savefig(path, dpi=150)
