"""The LSTM itself: one step of a cell, what it remembers, and what its gates do over beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.detection.cell import Gates
from pipeline.figures.canvas import INK, SERIES, new_figure, plain_axes
from pipeline.report.marks import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.detection.memory import Learnt

__all__ = ["GATE_COLOURS", "draw_cell_steps", "draw_gates", "draw_memory"]

LEAST_GRADIENT = 1e-12  # where the axis of gradients ends
GATE_COLOURS = dict(zip(("input", "forget", "output"), SERIES, strict=False))


def draw_cell_steps(gates: Gates, x: ArrayLike | None = None, *, title: str = "") -> Figure:
    """Draw the gates and the states of one unit, step by step.

    Parameters
    ----------
    gates : Gates
        Arrays of shape (steps,).
    x : array_like, shape (steps,), optional
        What the unit read.
    title : str
        What is shown.
    """
    figure = new_figure(10.0, 3.8)
    opening, state = figure.subplots(1, 2)
    steps = np.arange(1, len(gates.cell) + 1)
    for name, colour in GATE_COLOURS.items():
        opening.plot(steps, getattr(gates, name), "o-", color=colour, markersize=4, label=f"{name} gate")
    for name, colour, style in (
        ("candidate", COLOURS["muted"], "o:"),
        ("cell", INK, "o-"),
        ("hidden", COLOURS["other"], "o--"),
    ):
        label = name if name == "candidate" else f"{name} state"
        state.plot(steps, getattr(gates, name), style, color=colour, markersize=4, label=label)
    if x is not None:
        state.plot(steps, x, "x", color=COLOURS["threshold"], markersize=6, label="what is read")
    opening.set_ylim(-0.05, 1.05)
    plain_axes(opening, x="step", y="opening (0 shut, 1 open)", title="Gates", legend=True)
    plain_axes(state, x="step", y="value", title="What is written, kept and shown", legend=True)
    figure.suptitle(title, fontsize=12)
    return figure


def draw_memory(learnt: Mapping[str, Learnt], *, title: str, step: str, task: str) -> Figure:
    """Draw how far gradients reach back, and how the training went, layer by layer.

    Parameters
    ----------
    learnt : mapping of str to Learnt
        By name of the layer.
    title : str
        What they were trained on.
    step : str
        Unit of a step, such as ``steps`` or ``samples of 5.6 ms``.
    task : str
        What the loss is.
    """
    figure = new_figure(10.0, 4.3)
    reach, course = figure.subplots(1, 2)
    for colour, style, (name, one) in zip(SERIES, ("-", "--", "-.", "-"), learnt.items(), strict=False):
        reach.semilogy(one.gradient, style, color=colour, linewidth=1.8, label=name)
        width = max(1, len(one.loss) // 30)
        smooth = np.convolve(one.loss, np.ones(width) / width, "valid")
        course.plot(np.arange(len(smooth)) + width, smooth, style, color=colour)
    reach.set_ylim(bottom=LEAST_GRADIENT)
    plain_axes(reach, x=f"age ({step})", y="gradient, over that of age 0", title="What reaches back")
    plain_axes(course, x="training step", y=task, title="Loss, running mean")
    handles, labels = reach.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=12)
    return figure


def draw_gates(
    beats: Mapping[str, Gates],
    windows: Sequence[ArrayLike],
    *,
    time_ms: NDArray[np.floating[Any]],
    window_ms: NDArray[np.floating[Any]],
    lead: str,
) -> Figure:
    """Draw what each unit's gates do over some beats: a column a beat, a row a gate, a line of the picture a unit.

    Parameters
    ----------
    beats : mapping of str to Gates
        Arrays of shape (steps, hidden), by what the beat is.
    windows : sequence of array_like, each of shape (samples,)
        One lead of each beat in mV.
    time_ms, window_ms : ndarray
        Times of steps and samples from the R peak.
    lead : str
        Name of the lead.
    """
    names = list(GATE_COLOURS)
    figure = new_figure(10.0, 7.6)
    grid = figure.subplots(1 + len(names), len(beats), squeeze=False, sharex=True, height_ratios=[1.3, 1, 1, 1])
    usual = next(iter(beats.values()))
    order = np.argsort(usual.forget.mean(axis=0))
    edges = (time_ms[0] - (time_ms[1] - time_ms[0]) / 2, time_ms[-1] + (time_ms[1] - time_ms[0]) / 2)
    for column, ((name, gates), window) in enumerate(zip(beats.items(), windows, strict=True)):
        top = grid[0, column]
        top.plot(window_ms, window, color=INK, label=lead)
        if column:
            top.sharey(grid[0, 0])
        plain_axes(top, y="mV" if column == 0 else "", title=name, legend=column == 0)
        for row, gate in enumerate(names, start=1):
            axes = grid[row, column]
            picture = axes.imshow(
                getattr(gates, gate)[:, order].T,
                aspect="auto",
                origin="lower",
                cmap="cividis",
                vmin=0.0,
                vmax=1.0,
                interpolation="nearest",
                extent=(*edges, 0, len(order)),
            )
            axes.set_ylabel(f"{gate} gate\nunit" if column == 0 else "")
        grid[-1, column].set_xlabel("ms from the R peak")
    grid[0, 0].set_xlim(*edges)
    figure.colorbar(picture, ax=grid[1:, :], label="opening (0 shut, 1 open)", fraction=0.03)
    return figure
