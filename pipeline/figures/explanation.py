"""Why this beat: what was seen and expected, where it differs, what the score is made of, what the gates did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.explain.explanation import Explanation, GateActivity
from pipeline.figures.canvas import INK, new_figure, plain_axes
from pipeline.figures.lstm import GATE_COLOURS
from pipeline.report.marks import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_explanation"]


def draw_explanation(explanation: Explanation) -> Figure:
    """Draw all that an explanation holds on one page.

    Parameters
    ----------
    explanation : Explanation
        What :func:`pipeline.explain.replay.explain` returns.
    """
    e, beat = explanation, explanation.scored
    layers = list(e.gates)
    figure = new_figure(11.0, 9.2)
    parts = figure.subfigures(3, 1, height_ratios=[3.3, 2.7, 3.0], squeeze=False)
    head, middle, foot = parts[:, 0]
    rr = f", R-R {beat.rr_s:.2f} s" if np.isfinite(beat.rr_s) else ""
    head.suptitle(f"{beat.record}, beat {beat.beat} at {_clock(beat.time_s)}{rr}\n{_folded(e.words)}", fontsize=11)
    tops = head.subplots(1, len(e.leads), squeeze=False)[0]
    for k, axes in enumerate(tops):
        _window(axes, e, k)
    handles, labels = tops[0].get_legend_handles_labels()
    head.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    widths = [6.0 / len(e.leads)] * len(e.leads) + [1.5]
    *errors, score = middle.subplots(1, len(e.leads) + 1, squeeze=False, width_ratios=widths)[0]
    for k, axes in enumerate(errors):
        _error(axes, e, k, legend=k == 0)
    _score(score, e)
    for axes, layer in zip(foot.subplots(1, len(layers), squeeze=False)[0], layers, strict=True):
        _gates(axes, layer, e.gates[layer], legend=layer == layers[0])
    return figure


def _window(axes: Axes, e: Explanation, lead: int) -> None:
    seen, expected = e.scored.window[:, lead], e.scored.expected[:, lead]
    for k, near in enumerate(e.nearest):
        label = None if k else f"nearest normal beats ({', '.join(str(n.beat) for n in e.nearest)})"
        axes.plot(e.time_ms, near.window[:, lead], color=COLOURS["normal"], linewidth=0.9, alpha=0.8, label=label)
    counted = e.time_ms >= e.error_time_ms[0]  # what lies before is shown, and has no error
    axes.fill_between(
        e.time_ms, seen, expected, counted, color=COLOURS["ventricular"], alpha=0.18, label="difference, where scored"
    )
    axes.plot(e.time_ms, expected, "--", color=COLOURS["threshold"], linewidth=1.8, label="expected")
    axes.plot(e.time_ms, seen, color=INK, linewidth=1.6, label="seen")
    if not np.isfinite(seen).any():
        axes.text(0.5, 0.5, "lead absent", transform=axes.transAxes, ha="center", color=COLOURS["muted"])
    plain_axes(axes, x="ms from the R peak", y="mV", title=f"Beat, {e.leads[lead]}")


def _error(axes: Axes, e: Explanation, lead: int, *, legend: bool) -> None:
    width = float(np.diff(e.error_time_ms[:2])[0])
    percent = 100.0 * e.share[:, lead]
    axes.bar(
        e.error_time_ms, percent, width=width, color=COLOURS["ventricular"], alpha=0.35, label="share of the shape"
    )
    axes.set_ylim(0.0, max(1.5 * 100.0 * float(e.share.max(initial=0.0)), 1.0))
    plain_axes(axes, x="ms from the R peak", y="share (%)", title=f"Error, {e.leads[lead]}")
    other = axes.twinx()
    other.plot(e.error_time_ms, e.error_in_noise[:, lead], color=INK, linewidth=1.2, label="error of the network")
    other.axhline(0.0, color=COLOURS["line"], linewidth=0.8)
    low, high = other.get_ylim()
    other.set_ylim(low, high + 0.4 * (high - low))  # the legend stands above
    other.set_ylabel("error (patient's noise)")
    other.spines["top"].set_visible(False)
    if legend:
        (bars, names), (lines, more) = axes.get_legend_handles_labels(), other.get_legend_handles_labels()
        other.legend(bars + lines, names + more, frameon=False, fontsize=9, loc="upper right")


def _score(axes: Axes, e: Explanation) -> None:
    beat = e.scored
    above = max(0.0, float(np.nan_to_num(beat.score - e.usual_score)))
    top = 0.0
    for name, share, colour in (
        ("shape", e.shape_share, COLOURS["ventricular"]),
        ("rhythm", e.rhythm_share, COLOURS["supraventricular"]),
        ("P wave", e.p_wave_share, COLOURS["muted"]),
    ):
        height = above * float(np.nan_to_num(share))
        axes.bar(0, height, 0.5, bottom=top, color=colour, label=name)
        top += height
    axes.axhline(0.0, color=INK, linewidth=0.8)
    limit = beat.threshold - e.usual_score
    if np.isfinite(limit):
        axes.axhline(limit, color=COLOURS["threshold"], linestyle="--", label="threshold")
    axes.set_xlim(-0.5, 0.5)
    axes.set_ylim(0.0, 2.0 * max(top, np.nan_to_num(limit), 0.1))
    axes.set_xticks([])
    plain_axes(axes, y="score above usual", title="Score", legend=True)


def _gates(axes: Axes, layer: str, gates: GateActivity, *, legend: bool) -> None:
    for name, colour in GATE_COLOURS.items():
        axes.fill_between(gates.time_ms, gates.low[name], gates.high[name], color=colour, alpha=0.15, linewidth=0)
        axes.plot(gates.time_ms, gates.usual[name], ":", color=colour, linewidth=1.3)
        axes.plot(gates.time_ms, gates.beat[name], color=colour, linewidth=1.8, label=f"{name} gate")
    axes.plot([], [], ":", color=COLOURS["muted"], label="patient's usual, 10 to 90 %")
    axes.set_ylim(0.0, 1.0)
    plain_axes(axes, x="ms from the R peak", y="mean opening (0-1)", title=f"Gates, {layer}", legend=legend)


def _clock(time_s: float) -> str:
    return f"{int(time_s // 60)}:{time_s % 60:05.2f}"


def _folded(words: str) -> str:
    from textwrap import fill

    return fill(words, 120)
