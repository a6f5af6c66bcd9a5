"""Score against threshold, and heart rate, over the whole record on one time axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.records import Alarm, Drift
from pipeline.report.figures.svg import clock, curve, dot, group, lines, marker, path, rectangle, svg, text, time_ticks
from pipeline.report.marks import MARKS, PRIORITIES, colour
from pipeline.report.record import RecordReport

__all__ = ["heart_rate_svg", "score_svg"]

_LEFT, _WIDTH, _RIGHT = 62, 1166, 34
_FLAG = {"high": "alarm", "medium": "drift", "low": "muted"}
_SMOOTH_S = 20.0
_TOP, _SCORE_HEIGHT = 26, 210
_RATE_TOP, _RATE_HEIGHT = 24, 110


def score_svg(report: RecordReport) -> str:
    """Return the score of each beat against the threshold over time, as SVG.

    The axis is linear up to about the threshold and logarithmic beyond. Beats that were not flagged are drawn as a
    band; anomalies by the shape and colour of their kind, with time, score and p-value on hover; drifts as dashed
    lines, gaps and the learning period as shades, alarms as flags; at the bottom, a tick for each annotated anomaly.

    Parameters
    ----------
    report : RecordReport
        What was collected of the record.
    """
    trend = report.trend
    low, high = _column(trend.score_low), _column(trend.score_high)
    threshold = _column(trend.threshold)
    scores = np.array([point.score for point in report.points])
    scale = _ScoreAxis(np.concatenate([low, high, threshold, scores]), threshold)
    x = _across(report, (np.arange(len(low)) + 0.5) * trend.width_s)
    in_force = np.isfinite(threshold)  # between two beats it is in force as well: the line goes through

    dots = dict.fromkeys(MARKS, "")
    for point in report.points:
        p = "" if point.p_value is None else f", p {point.p_value:.2g}"
        title = f"{clock(point.time_s, fraction=True)} {point.kind}, score {point.score:.3g}{p}"
        dots[point.kind] += dot(float(_across(report, point.time_s)), float(scale(point.score)), point.kind, title)
    drifts = "".join(_drift(drift, float(_across(report, drift.time_s))) for drift in report.drifts)
    bottom = _TOP + _SCORE_HEIGHT
    reference = _column(trend.reference)
    ticks = ""
    for rank, kind in enumerate(MARKS[1:], start=1):
        at = x[reference == rank]
        if len(at):
            ticks += curve(lines(at, np.full(len(at), bottom + 3.0), np.full(len(at), bottom + 9.0)), kind, 1.4)
    if report.annotated:
        ticks += text(_LEFT - 6, bottom + 10, "annotated", text_anchor="end", font_size=9, fill=colour("muted"))
    body = (
        _shades(report, _TOP, _SCORE_HEIGHT)
        + _levels([(value, float(scale(value)), f"{value:g}") for value in scale.ticks()])
        + curve(lines(x, scale(low), scale(high)), "normal", 1.6, stroke_linecap="round")
        + curve(path(x[in_force], scale(threshold[in_force])), "threshold", 2)
        + "".join(group(dots[kind], fill=colour(kind), fill_opacity=0.85) for kind in MARKS)
        + drifts
        + _alarms(report, x)
        + ticks
        + _times(report, bottom + (24 if report.annotated else 16))
        + text(4, _TOP - 10, "score", font_weight=600, fill=colour("ink"))
    )
    return svg(_LEFT + _WIDTH + _RIGHT, bottom + 30, body, label=f"Score and threshold of {report.record}")


def heart_rate_svg(report: RecordReport) -> str:
    """Return the heart rate over time as SVG: a moving mean over about 20 s on the beat-to-beat extremes.

    Parameters
    ----------
    report : RecordReport
        What was collected of the record.
    """
    trend = report.trend
    mean, fast, slow = (60.0 / _column(values) for values in (trend.rr_mean, trend.rr_low, trend.rr_high))
    mean = _smooth(mean, max(1, round(_SMOOTH_S / trend.width_s)))
    highest = float(np.nanpercentile(fast, 99)) if np.isfinite(fast).any() else 120.0
    lowest = float(np.nanpercentile(slow, 1)) if np.isfinite(slow).any() else 40.0
    bottom_bpm, top_bpm = max(np.floor((lowest - 5) / 10) * 10, 0.0), min(np.ceil((highest + 5) / 10) * 10, 300.0)

    def at(bpm: NDArray[np.float64] | float) -> NDArray[np.float64]:
        share = (np.clip(bpm, bottom_bpm, top_bpm) - bottom_bpm) / (top_bpm - bottom_bpm)
        return np.asarray(_RATE_TOP + (1 - share) * _RATE_HEIGHT)

    x = _across(report, (np.arange(len(mean)) + 0.5) * trend.width_s)
    step = next((step for step in (10, 20, 25, 50) if (top_bpm - bottom_bpm) / step <= 6), 100)
    levels = np.arange(np.ceil(bottom_bpm / step) * step, top_bpm + 1, step)
    body = (
        _shades(report, _RATE_TOP, _RATE_HEIGHT)
        + _levels([(v, float(at(v)), f"{v:.0f}") for v in levels])
        + curve(lines(x, at(slow), at(fast)), "rate", 1.2, stroke_opacity=0.3)
        + curve(path(x, at(mean)), "ink", 1.5)
        + _times(report, _RATE_TOP + _RATE_HEIGHT + 16)
        + text(4, 12, "beats per minute", font_weight=600, fill=colour("ink"))
    )
    return svg(_LEFT + _WIDTH + _RIGHT, _RATE_TOP + _RATE_HEIGHT + 22, body, label=f"Heart rate of {report.record}")


def _smooth(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the mean of the values that are there among ``width`` neighbours; NaN stays NaN."""
    kernel = np.ones(min(2 * (width // 2) + 1, len(values)))
    is_there = np.isfinite(values)
    if not is_there.any():
        return values
    total = np.convolve(np.where(is_there, values, 0.0), kernel, mode="same")
    return np.where(is_there, total / np.maximum(np.convolve(is_there, kernel, mode="same"), 1.0), np.nan)


class _ScoreAxis:
    """Where a score stands: linear around 0, logarithmic far from it, so that any range of scores can be read."""

    def __init__(self, values: NDArray[np.float64], threshold: NDArray[np.float64]) -> None:
        finite = values[np.isfinite(values)]
        level = np.abs(threshold[np.isfinite(threshold)])
        self._unit = max(float(np.median(level)) if len(level) else 1.0, 1e-6)
        bent = np.arcsinh(finite / self._unit) if len(finite) else np.array([0.0, 1.0])
        low, high = float(bent.min()), float(bent.max())
        margin = 0.04 * max(high - low, 0.1)
        self._low, self._high = low - margin, high + margin

    def __call__(self, score: ArrayLike) -> NDArray[np.float64]:
        share = (np.arcsinh(np.asarray(score, dtype=np.float64) / self._unit) - self._low) / (self._high - self._low)
        return np.asarray(_TOP + (1 - share) * _SCORE_HEIGHT)

    def ticks(self) -> list[float]:
        """Return round scores that stand at least 24 units apart."""
        candidates = [0.0]
        for digit in (1, 5, 2):
            candidates += [sign * digit * 10.0**power for power in range(-2, 6) for sign in (1, -1)]
        chosen: list[float] = []
        for value in candidates:
            y = float(self(value))
            if _TOP <= y <= _TOP + _SCORE_HEIGHT and all(abs(y - float(self(other))) >= 24 for other in chosen):
                chosen.append(value)
        return sorted(chosen)


def _across(report: RecordReport, time_s: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(_LEFT + np.asarray(time_s, dtype=np.float64) / max(report.duration_s, 1e-9) * _WIDTH)


def _alarms(report: RecordReport, x: NDArray[np.float64]) -> str:
    """Return one flag per bin with alarms, for the most urgent one; unlike the list of alarms, this is never cut."""
    told: dict[int, list[Alarm]] = {}
    for alarm in report.alarms:
        told.setdefault(int(alarm.raised_s // report.trend.width_s), []).append(alarm)
    flags = ""
    for i, rank in enumerate(report.trend.alarm):
        if rank:
            priority = PRIORITIES[int(rank)]
            lines = [f"{clock(alarm.raised_s)} {alarm.priority} alarm: {alarm.message}" for alarm in told.get(i, [])]
            flags += marker(float(x[i]), _TOP - 4, _FLAG[priority], "\n".join(lines) or f"{priority} alarm")
    return flags


def _drift(drift: Drift, x: float) -> str:
    tip = f"drift at {clock(drift.time_s)}: {drift.action}"
    line = curve(f"M{x:.0f} {_TOP}v{_SCORE_HEIGHT}", "drift", 1.6, tip, stroke_dasharray="5 3")
    return line + text(x + 3, _TOP + 10, "drift", fill=colour("drift"), font_size=10)


def _shades(report: RecordReport, top: float, height: float) -> str:
    """Return the learning period and the gaps as shaded stretches."""
    out = ""
    if report.learning_until_s > 0:
        right = float(_across(report, min(report.learning_until_s, report.duration_s)))
        tip = f"learning period to {clock(report.learning_until_s)}: verdicts are provisional"
        out += rectangle(_LEFT, top, right - _LEFT, height, tip, fill=colour("threshold"), opacity=0.08)
        if right - _LEFT > 60:
            out += text(_LEFT + 5, top + 11, "learning", font_size=10, fill=colour("muted"))
    for gap in report.gaps:
        left, right = (float(_across(report, seconds)) for seconds in (gap.start_s, gap.stop_s))
        tip = f"gap from {clock(gap.start_s)} to {clock(gap.stop_s)}: {gap.reason}"
        out += rectangle(left, top, max(right - left, 1.5), height, tip, fill=colour("gap"), opacity=0.35)
    return out


def _levels(levels: list[tuple[float, float, str]]) -> str:
    d = "".join(f"M{_LEFT} {y:.1f}h{_WIDTH}" for _, y, _ in levels)
    names = "".join(text(_LEFT - 6, y + 4, name) for _, y, name in levels)
    return curve(d, "line", 0.7) + group(names, text_anchor="end", fill=colour("muted"))


def _times(report: RecordReport, y: float) -> str:
    ticks = time_ticks(report.duration_s, 13)
    return group(
        "".join(text(float(_across(report, s)), y, clock(s)) for s in ticks), text_anchor="middle", fill=colour("muted")
    )


def _column(values: list[float | None]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)
