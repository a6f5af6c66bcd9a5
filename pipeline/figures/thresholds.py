"""Thresholds over time: what each rule makes of the same scores, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.figures.canvas import INK, SERIES, new_figure, plain_axes
from pipeline.records import Findings
from pipeline.report.marks import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_thresholds"]


def draw_thresholds(
    findings: Findings, thresholds: Mapping[str, NDArray[np.float64]], *, normal: NDArray[np.bool_] | None = None
) -> Figure:
    """Draw thresholds by several rules over the same scores, with drifts, and the false alarms that each has made.

    Parameters
    ----------
    findings : Findings
        Scored beats.
    thresholds : mapping of str to ndarray, each of shape (n,)
        The threshold in force for each beat, by name of the rule.
    normal : ndarray of bool, shape (n,), optional
        The annotated normal beats; with them the false alarms are counted below.
    """
    minutes = findings.time_s / 60.0
    figure = new_figure(11.0, 3.6 if normal is None else 6.0)
    panels = figure.subplots(1 if normal is None else 2, 1, sharex=True, squeeze=False)[:, 0]
    top = panels[0]
    is_normal = np.ones(len(findings), dtype=np.bool_) if normal is None else normal
    for which, mark, name, colour in (
        (is_normal, ".", "normal beats", COLOURS["normal"]),
        (~is_normal, "x", "other beats", INK),
    ):
        if which.any():
            top.plot(minutes[which], findings.score[which], mark, color=colour, markersize=3.5, label=name)
    for colour, (name, threshold) in zip(SERIES, thresholds.items(), strict=False):
        top.plot(minutes, threshold, "_", color=colour, markersize=3, label=f"threshold: {name}")
        if normal is not None:
            false = np.cumsum(is_normal & (findings.score > threshold))
            share = 100.0 * false / np.maximum(np.cumsum(is_normal), 1)
            panels[1].plot(minutes, share, color=colour, linewidth=1.6, label=f"{name}: {false[-1]} false alarms")
    for k, drift in enumerate(findings.drifts):
        label = None if k else "drift detected"
        top.axvline(drift.time_s / 60.0, color=COLOURS["drift"], linestyle="--", linewidth=1, label=label)
    finite = findings.score[np.isfinite(findings.score)]
    if len(finite):
        top.set_ylim(float(finite.min()) - 0.3, float(np.percentile(finite, 99.8)) + 0.8)
    plain_axes(top, y="score (log units)", title=findings.record)
    handles, labels = top.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=9, markerscale=2)
    if normal is not None:
        plain_axes(panels[1], y="false alarms so far (%)")
        low, high = panels[1].get_ylim()
        panels[1].set_ylim(min(low, 0.0), 1.35 * high)
        panels[1].legend(frameon=False, fontsize=9, ncols=2, loc="upper right")
    panels[-1].set_xlabel("min from the record's start")
    return figure
