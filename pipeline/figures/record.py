"""One record, stage by stage: signal and R peaks, beats and templates, residuals, scores and thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.detection.contextual import ContextualBeats
from pipeline.figures.canvas import INK, SERIES, new_figure, plain_axes
from pipeline.records import KINDS, Chunk, Findings
from pipeline.report.marks import COLOURS, MARKS, anomaly_kind
from pipeline.signals.resample import FS
from pipeline.signals.stages import signal_stages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_beats", "draw_residuals", "draw_scores", "draw_signal", "draw_stages", "draw_template"]

R_SAMPLE = 60  # of a window
MARKERS = {"ventricular": "o", "supraventricular": "s", "other": "^"}


def draw_signal(chunk: Chunk, findings: Findings, *, symbols: Sequence[tuple[float, str]] = ()) -> Figure:
    """Draw a stretch of signal with the R peaks found in it, anomalies in the colour of their kind.

    Parameters
    ----------
    chunk : Chunk
        The signal.
    findings : Findings
        Scored beats of the same record.
    symbols : sequence of (time_s, symbol)
        Annotated beats, written above.
    """
    time_s = (chunk.start + np.arange(len(chunk.signal))) / chunk.fs
    shown = np.flatnonzero((findings.time_s >= time_s[0]) & (findings.time_s <= time_s[-1]))
    figure = new_figure(11.0, 1.2 + 1.9 * len(chunk.leads))
    panels = figure.subplots(len(chunk.leads), 1, sharex=True, squeeze=False)[:, 0]
    for k, (axes, lead) in enumerate(zip(panels, chunk.leads, strict=True)):
        axes.plot(time_s, chunk.signal[:, k], color=INK, linewidth=0.9)
        _mark(axes, findings, shown, chunk.signal[np.clip(findings.r_peak[shown] - chunk.start, 0, len(time_s) - 1), k])
        plain_axes(axes, y=f"{lead} (mV)")
        axes.margins(x=0.005)
    low, high = panels[0].get_ylim()
    panels[0].set_ylim(low, high + 0.15 * (high - low))
    for at_s, symbol in symbols:
        if time_s[0] <= at_s <= time_s[-1]:
            panels[0].text(at_s, high + 0.02 * (high - low), symbol, ha="center", color=COLOURS["muted"], fontsize=9)
    panels[-1].set_xlabel("s from the record's start")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, frameon=False, fontsize=9)
    return figure


def draw_stages(signal: NDArray[np.floating[Any]], fs: float, leads: Sequence[str], *, start_s: float) -> Figure:
    """Draw a stretch of signal, filtered, and the envelopes in which R peaks are looked for.

    Parameters
    ----------
    signal : ndarray, shape (samples, leads)
        In mV; filters settle in its first seconds.
    fs : float
        Its rate in Hz.
    leads : sequence of str
        Names of the leads.
    start_s : float
        Time of its first sample in s from the record's start.
    """
    stages = signal_stages(signal, fs)
    figure = new_figure(11.0, 5.0)
    panels = figure.subplots(2, len(leads), sharex=True, squeeze=False, height_ratios=[1.2, 1])
    raw_s = start_s + np.arange(len(signal)) / fs
    time_s = start_s + stages.time_s
    for k, lead in enumerate(leads):
        top, low = panels[:, k]
        top.plot(raw_s, signal[:, k], color=COLOURS["normal"], linewidth=0.9, label="as it came")
        top.plot(time_s, stages.filtered[:, k], color=INK, linewidth=1.1, label="0.5 to 40 Hz")
        low.plot(time_s, stages.envelope[:, k], color=SERIES[0], label="envelope about 10 Hz: every QRS")
        low.plot(time_s, stages.sharp[:, k], color=SERIES[1], label="about 20 Hz: no T wave")
        plain_axes(top, y="mV" if k == 0 else "", title=lead, legend=k == 0)
        plain_axes(low, x="s from the record's start", y="envelope (mV)" if k == 0 else "", legend=k == 0)
        low.set_ylim(0.0, 1.5 * max(float(np.nanmax(stages.envelope[:, k])), 1e-3))
    return figure


def draw_template(beats: ContextualBeats, chosen: NDArray[np.bool_], leads: Sequence[str]) -> Figure:
    """Draw aligned beats over each other, with the template and the noise that they left.

    Parameters
    ----------
    beats : ContextualBeats
        Beats in context.
    chosen : ndarray of bool, shape (n,)
        Those that are drawn.
    leads : sequence of str
        Names of the leads.
    """
    figure = new_figure(11.0, 4.0)
    at = np.flatnonzero(chosen)
    for k, (axes, lead) in enumerate(zip(figure.subplots(1, len(leads), squeeze=False)[0], leads, strict=True)):
        seen = (beats.seen - beats.offset[:, :, None])[at, k]
        time_ms = _ms(seen.shape[1])
        axes.plot(time_ms, seen.T, color=COLOURS["normal"], linewidth=0.5, alpha=0.35)
        axes.plot([], [], color=COLOURS["normal"], linewidth=0.9, label=f"{len(at)} beats, aligned")
        template, noise = beats.template[at[-1], k], beats.noise[at[-1], k]
        axes.fill_between(
            time_ms, template - 2 * noise, template + 2 * noise, color=SERIES[2], alpha=0.25, label="template ± 2 noise"
        )
        axes.plot(time_ms, template, color=SERIES[2], linewidth=1.8, label="running template")
        plain_axes(axes, x="ms from the R peak", y="deviations of the lead", title=lead, legend=k == 0)
    return figure


def draw_residuals(beats: Mapping[str, NDArray[np.floating]], foreseen: Mapping[str, ArrayLike], lead: str) -> Figure:
    """Draw residuals against the template, with what the network foresaw of them.

    Parameters
    ----------
    beats : mapping of str to ndarray, each of shape (samples,)
        Residuals in units of the patient's noise, by what the beat is; the samples end with the window.
    foreseen : mapping of str to array_like, each of shape (samples,)
        The same as the network gives them.
    lead : str
        Name of the lead.
    """
    figure = new_figure(11.0, 3.6)
    for k, (axes, (name, residual)) in enumerate(
        zip(figure.subplots(1, len(beats), squeeze=False)[0], beats.items(), strict=True)
    ):
        time_ms = _ms(110)[-len(residual) :]
        axes.axhspan(-2, 2, color=COLOURS["normal"], alpha=0.15, linewidth=0, label="± 2 units of noise")
        axes.plot(time_ms, residual, color=INK, label="residual")
        axes.plot(time_ms, foreseen[name], "--", color=COLOURS["threshold"], linewidth=1.8, label="network")
        plain_axes(axes, x="ms from the R peak", y="residual (patient's noise)", title=f"{name}, {lead}", legend=k == 0)
    return figure


def draw_scores(findings: Findings, *, start_s: float = 0.0, stop_s: float | None = None) -> Figure:
    """Draw scores and threshold over time, with the two parts of the score below.

    Parameters
    ----------
    findings : Findings
        Scored beats.
    start_s, stop_s : float
        What is shown, in s from the record's start; to the end by default.
    """
    time_s = findings.time_s
    shown = np.flatnonzero((time_s >= start_s) & (time_s <= (time_s[-1] if stop_s is None else stop_s)))
    minutes = time_s / 60.0
    figure = new_figure(11.0, 5.6)
    score, parts = figure.subplots(2, 1, sharex=True, height_ratios=[1.6, 1])
    usual = shown[~findings.is_anomaly[shown]]
    score.plot(minutes[usual], findings.score[usual], ".", color=COLOURS["normal"], markersize=3, label="not flagged")
    _mark(score, findings, shown, findings.score[shown], time=minutes)
    # Each beat has its own threshold: dashes make a line where it is steady, and bands, not a smear, where it is not.
    score.plot(minutes[shown], findings.threshold[shown], "_", color=COLOURS["threshold"], ms=3, label="threshold")
    parts.plot(minutes[shown], findings.shape[shown], ".", color=SERIES[1], markersize=2.5, label="shape")
    parts.plot(minutes[shown], findings.rhythm[shown], ".", color=SERIES[0], markersize=2.5, label="rhythm")
    plain_axes(score, y="score (log units)", title=findings.record)
    score.legend(frameon=False, fontsize=9, ncols=5, loc="lower center", bbox_to_anchor=(0.6, 1.0), markerscale=2)
    plain_axes(parts, x="min from the record's start", y="part of the score")
    parts.legend(frameon=False, fontsize=9, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 0.98), markerscale=3)
    return figure


def draw_beats(beats: Sequence[tuple[str, Findings, int]], *, columns: int = 4) -> Figure:
    """Draw beats in a grid: the first lead as seen and as expected.

    Parameters
    ----------
    beats : sequence of (title, findings, position)
        What stands above each, and where it lies among its findings.
    columns : int
        Beats in a row.
    """
    rows = -(-len(beats) // columns)
    figure = new_figure(11.0, 0.6 + 2.3 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (title, findings, i) in zip(grid.flat, beats, strict=False):
        seen, expected = findings.window[i, :, 0], findings.expected[i, :, 0]
        time_ms = _ms(len(seen))
        axes.fill_between(
            time_ms, seen, expected, color=COLOURS["ventricular"], alpha=0.18, linewidth=0, label="difference"
        )
        axes.plot(time_ms, expected, "--", color=COLOURS["threshold"], linewidth=1.4, label="expected")
        axes.plot(time_ms, seen, color=INK, linewidth=1.2, label="seen")
        plain_axes(axes)
        axes.set_title(title, fontsize=8.5, loc="left")
        axes.tick_params(labelsize=8)
    for axes in grid.flat[len(beats) :]:
        axes.set_visible(False)
    for axes in grid[-1, :]:
        axes.set_xlabel("ms from the R peak", fontsize=9)
    for axes in grid[:, 0]:
        axes.set_ylabel("mV", fontsize=9)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=3, frameon=False, fontsize=9)
    return figure


def _mark(
    axes: Axes,
    findings: Findings,
    shown: NDArray[np.int64],
    values: ArrayLike,
    *,
    time: NDArray[np.float64] | None = None,
) -> None:
    """Mark beats by their kind; a figure shows each kind that it has once in its legend."""
    at = findings.time_s if time is None else time
    height = np.asarray(values)
    size = 4.5 if len(shown) < 300 else 2.5
    if time is None:
        usual = ~findings.is_anomaly[shown]
        axes.plot(
            at[shown[usual]], height[usual], "o", color=COLOURS["muted"], mfc="none", markersize=6, label="R peak"
        )
    kinds = [anomaly_kind(KINDS[findings.kind[i]]) if findings.is_anomaly[i] else "" for i in shown]
    for kind in MARKS[1:]:
        here = np.array([k == kind for k in kinds], dtype=np.bool_)
        if here.any():
            axes.plot(at[shown[here]], height[here], MARKERS[kind], color=COLOURS[kind], markersize=size, label=kind)


def _ms(samples: int) -> NDArray[np.float64]:
    return (np.arange(samples) - R_SAMPLE) / FS * 1000.0
