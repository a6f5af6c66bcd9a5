"""A few seconds of ECG on paper: 25 mm/s, 10 mm/mV."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.report.figures.svg import clock, curve, group, path, rectangle, svg, text
from pipeline.report.marks import LETTERS, colour
from pipeline.report.record import Strip

__all__ = ["ecg_strip_svg", "strip_svg"]

# One unit is 0.1 mm.
_PER_S = 250.0
_PER_MV = 100.0
_HEAD = 110  # the rows of letters above the signal
_FOOT = 45
_LEAST_LEAD, _MOST_LEAD = 150, 400  # higher deflections are cut off
_BEFORE_R_S, _AFTER_R_S = 0.25, 0.35


def strip_svg(strip: Strip, leads: tuple[str, ...]) -> str:
    """Return the strip of an event as SVG."""
    signal = np.array(strip.signal, dtype=np.float64).T
    return ecg_strip_svg(signal, strip.fs, leads, start_s=strip.start_s, beats=strip.beats, reference=strip.reference)


def ecg_strip_svg(
    signal: ArrayLike,
    fs: float,
    leads: tuple[str, ...],
    *,
    start_s: float = 0.0,
    beats: list[tuple[float, str, bool]] | None = None,
    reference: list[tuple[float, str]] | None = None,
) -> str:
    """Return a strip of ECG as SVG that is true to scale in print: 25 mm/s and 10 mm/mV.

    Each found beat has a letter by its kind above the signal, an anomaly in colour with its beat shaded; below these
    letters stand the annotated symbols.

    Parameters
    ----------
    signal : array_like, shape (samples, leads)
        Signal in mV; NaN where a sample is missing.
    fs : float
        Rate in Hz.
    leads : tuple of str
        Names of the leads.
    start_s : float
        Time of the first sample in s.
    beats : list of (time_s, kind, is_anomaly), optional
        Found beats.
    reference : list of (time_s, symbol), optional
        Annotated beats.

    Raises
    ------
    ValueError
        If the signal does not have one column per lead.
    """
    traces = np.asarray(signal, dtype=np.float64)
    if traces.ndim != 2 or traces.shape[1] != len(leads):
        raise ValueError(f"signal of shape {traces.shape} does not have one column per lead of {leads}")
    width = round(len(traces) / fs * _PER_S)
    body, tops, at = "", [], _HEAD
    for lead in range(len(leads)):
        trace, lead_height = _lead(traces[:, lead], fs, at)
        body += trace
        tops.append(at)
        at += lead_height
    height = at + _FOOT
    stop_s = start_s + len(traces) / fs

    shades = letters = ""
    for time_s, kind, is_anomaly in beats or []:
        x = (time_s - start_s) * _PER_S
        if not 0 <= x <= width:
            continue
        if is_anomaly:
            left = max(x - _BEFORE_R_S * _PER_S, 0.0)
            right = min(x + _AFTER_R_S * _PER_S, width)
            shades += rectangle(left, 0, right - left, height - _FOOT, fill=colour(kind))
            letters += text(x, 42, LETTERS[kind], fill=colour(kind), font_weight=700)
        else:
            letters += text(x, 42, "·", fill=colour("muted"))
    symbols = "".join(
        text((time_s - start_s) * _PER_S, 90, symbol)
        for time_s, symbol in reference or []
        if 0 <= (time_s - start_s) * _PER_S <= width
    )
    names = "".join(text(10, top + 36, name) for name, top in zip(leads, tops, strict=True))
    seconds = np.arange(np.ceil(start_s + 0.3), stop_s - 0.3)
    times = "".join(text((s - start_s) * _PER_S, height - 12, clock(s), text_anchor="middle") for s in seconds)
    figure = (
        rectangle(0, 0, width, height, fill=colour("paper"))
        + _grid(width, height)
        + group(shades, opacity=0.16)
        + body
        + group(letters, text_anchor="middle", font_size=38)
        + group(symbols, text_anchor="middle", font_size=32, fill=colour("muted"))
        + group(
            names,
            font_size=34,
            font_weight=600,
            fill=colour("ink"),
            stroke=colour("paper"),
            stroke_width=9,
            paint_order="stroke",
        )
        + group(times, font_size=28, fill=colour("muted"))
    )
    label = f"ECG strip from {clock(start_s)} to {clock(stop_s)}, 25 mm/s, 10 mm/mV"
    return svg(width, height, figure, label=label, size=f"{width / 10:g}mm")


def _lead(trace: NDArray[np.float64], fs: float, top: float) -> tuple[str, int]:
    """Return the path of one lead below ``top``, and the height that it takes, in whole big squares."""
    x = np.arange(len(trace)) / fs * _PER_S
    if not np.isfinite(trace).any():
        middle = top + _LEAST_LEAD / 2
        return text(
            x[-1] / 2, middle, "no signal", font_size=32, text_anchor="middle", fill=colour("muted"), stroke="none"
        ), _LEAST_LEAD
    low, high = float(np.nanmin(trace)), float(np.nanmax(trace))
    height = int(np.clip(np.ceil(((high - low) * _PER_MV + 30) / 50) * 50, _LEAST_LEAD, _MOST_LEAD))
    y = top + height / 2 - (trace - (low + high) / 2) * _PER_MV
    d = path(x, np.clip(y, top - 20, top + height + 20))
    return curve(d, "ink", 3.2, stroke_linejoin="round"), height


def _grid(width: float, height: float) -> str:
    """Return lines every 1 mm and every 5 mm."""
    out = ""
    for step, name, stroke in ((10, "fine", 0.8), (50, "bold", 1.2)):
        d = "".join(f"M{x} 0v{height:g}" for x in range(step, round(width), step))
        d += "".join(f"M0 {y}h{width:g}" for y in range(step, round(height), step))
        out += curve(d, name, stroke)
    return out
