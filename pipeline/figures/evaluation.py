"""How well detectors rank beats, with their intervals, and record by record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.evaluation.ranking import Ranking
from pipeline.evaluation.view import View
from pipeline.figures.canvas import INK, new_figure, plain_axes
from pipeline.report.marks import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_ranking", "draw_records"]

OWN = "this detector"


def draw_ranking(view: View) -> Figure:
    """Draw AUPRC and AUROC of the detector and its rivals, macro and pooled, with their intervals over records.

    Parameters
    ----------
    view : View
        One choice of records of an evaluation, such as ``result.strict``.
    """
    methods: dict[str, Ranking] = {OWN: view.ranking, **view.rivals}
    names = [name.replace("_", " ") for name in methods]
    figure = new_figure(11.0, 1.4 + 0.42 * len(methods))
    for axes, figure_name in zip(figure.subplots(1, 2, sharey=True), ("auprc", "auroc"), strict=True):
        for shift, scope, marker, colour in (
            (-0.14, "macro", "o", COLOURS["supraventricular"]),
            (0.14, "pooled", "s", COLOURS["ventricular"]),
        ):
            name = f"{scope}.{figure_name}"
            values = np.array([ranking.figures[name] for ranking in methods.values()])
            ends = np.array([ranking.interval(name) for ranking in methods.values()])
            places = np.arange(len(methods)) + shift
            axes.hlines(places, ends[:, 0], ends[:, 1], color=colour, linewidth=1.4)
            axes.plot(values, places, marker, color=colour, markersize=5, label=f"{scope}, 95 % interval")
        plain_axes(axes, x=figure_name.upper())
        axes.set_ylim(len(methods) - 0.5, -0.5)
        axes.set_yticks(range(len(methods)), names)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def draw_records(view: View, *, declared: float | None = None) -> Figure:
    """Draw each record's AUPRC, sensitivity and false-alarm rate.

    Parameters
    ----------
    view : View
        One choice of records of an evaluation.
    declared : float, optional
        Declared false-alarm rate, drawn as a line.
    """
    records = sorted(view.operation.records, key=lambda record: record.record)
    names = [record.record.rpartition("/")[2] for record in records]
    figure = new_figure(11.0, 5.2)
    quality, rate = figure.subplots(2, 1, sharex=True)
    places = np.arange(len(names))
    auprc = [view.ranking.per_record.get(record.record, (np.nan, np.nan))[1] for record in records]
    quality.bar(places, np.nan_to_num(auprc), color=COLOURS["supraventricular"], width=0.6, label="AUPRC")
    for place, value in zip(places, auprc, strict=True):
        if np.isnan(value):
            quality.text(place, 0.04, "under ten", ha="center", rotation=90, fontsize=8, color=COLOURS["muted"])
    rate.bar(places, [100 * record.fpr for record in records], color=COLOURS["normal"], width=0.6, label="realised")
    if declared is not None:
        rate.axhline(100 * declared, color=INK, linestyle="--", linewidth=1, label=f"declared, {100 * declared:g} %")
    quality.set_ylim(0, 1.05)
    rate.set_xticks(places, names, rotation=45 if len(names) > 12 else 0)
    plain_axes(quality, y="AUPRC", title="Ranking of anomalies in each record with at least ten")
    plain_axes(rate, x="record", y="flagged (%)", title="Normal beats over the threshold as shipped", legend=True)
    return figure
