"""The few pieces of SVG that the figures are made of."""

from __future__ import annotations

import math
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.report.marks import colour

__all__ = ["clock", "curve", "dot", "group", "lines", "marker", "path", "rectangle", "svg", "text", "time_ticks"]

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def svg(width: float, height: float, body: str, *, label: str, size: str = "") -> str:
    """Return a figure; ``size`` may give its width on paper, such as ``150mm``."""
    wide = f' width="{size}"' if size else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"{wide} role="img" '
        f'aria-label="{escape(label)}" font-family="system-ui,sans-serif" font-size="11">{body}</svg>'
    )


def group(body: str, **attributes: object) -> str:
    """Return a group; underscores in the names of attributes become dashes."""
    pairs = "".join(f' {name.replace("_", "-")}="{escape(str(value))}"' for name, value in attributes.items())
    return f"<g{pairs}>{body}</g>" if body else ""


def text(x: float, y: float, content: str, **attributes: object) -> str:
    """Return a line of text."""
    pairs = "".join(f' {name.replace("_", "-")}="{escape(str(value))}"' for name, value in attributes.items())
    return f'<text x="{x:g}" y="{y:g}"{pairs}>{escape(content)}</text>'


def curve(d: str, name: str, width: float, title: str = "", **attributes: object) -> str:
    """Return a path that is stroked in a named colour and shows its title when it is pointed at."""
    pairs = "".join(f' {key.replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items())
    tip = f"<title>{escape(title)}</title>" if title else ""
    return f'<path d="{d}" fill="none" stroke="{colour(name)}" stroke-width="{width:g}"{pairs}>{tip}</path>'


def path(x: ArrayLike, y: ArrayLike) -> str:
    """Return the ``d`` of a line through points, rounded to whole units; it is broken where ``y`` is NaN.

    Relative steps in whole units are about five characters a point.
    """
    across, up = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    is_there = np.isfinite(up)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_there.astype(np.int8), [0]))))
    runs: list[str] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        xs, ys = _whole(across[first:last]), _whole(up[first:last])
        steps = " ".join(f"{dx} {dy}" for dx, dy in zip(np.diff(xs).tolist(), np.diff(ys).tolist(), strict=True))
        runs.append(f"M{xs[0]} {ys[0]}l{steps or '0 0'}")
    return "".join(runs).replace(" -", "-")


def lines(x: ArrayLike, low: ArrayLike, high: ArrayLike) -> str:
    """Return the ``d`` of upright lines, one from ``low`` to ``high`` at each ``x``; NaN draws nothing."""
    across, bottom, top = (np.asarray(values, dtype=np.float64) for values in (x, low, high))
    keep = np.isfinite(bottom) & np.isfinite(top)
    xs, ys, heights = _whole(across[keep]), _whole(bottom[keep]), _whole(top[keep]) - _whole(bottom[keep])
    return "".join(f"M{x} {y}v{h}" for x, y, h in zip(xs.tolist(), ys.tolist(), heights.tolist(), strict=True))


def rectangle(x: float, y: float, width: float, height: float, title: str = "", **attributes: object) -> str:
    """Return a rectangle that shows its title when it is pointed at."""
    pairs = "".join(f' {name.replace("_", "-")}="{escape(str(value))}"' for name, value in attributes.items())
    tip = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect x="{x:g}" y="{y:g}" width="{max(width, 0):g}" height="{max(height, 0):g}"{pairs}>{tip}</rect>'


def dot(x: float, y: float, kind: str, title: str) -> str:
    """Return the mark of an anomaly: a circle, a square or a triangle by its kind, with a title to point at."""
    tip = f"<title>{escape(title)}</title>"
    if kind == "ventricular":
        return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="2.6">{tip}</circle>'
    if kind == "supraventricular":
        return f'<path d="M{x:.0f} {y:.0f}m-2.4-2.4h4.8v4.8h-4.8z">{tip}</path>'
    return f'<path d="M{x:.0f} {y:.0f}m0-3l2.9 5h-5.8z">{tip}</path>'


def marker(x: float, y: float, name: str, title: str) -> str:
    """Return a small flag that points down at a time, with a title to point at."""
    tip = f"<title>{escape(title)}</title>"
    return f'<path d="M{x:g} {y:g}l-4.5-8h9z" fill="{colour(name)}">{tip}</path>'


def time_ticks(duration_s: float, most: int) -> NDArray[np.float64]:
    """Return round times from 0 to the end of a record in s, at most so many besides 0."""
    days = _STEPS_S[-1] * math.ceil(duration_s / _STEPS_S[-1] / most)
    step = next((step for step in _STEPS_S if duration_s / step <= most), days)
    return np.arange(0.0, duration_s + 1e-9, step)


def clock(seconds: float, *, fraction: bool = False) -> str:
    """Return a time as ``m:ss`` or ``h:mm:ss``, with tenths if asked."""
    tenths = round(seconds * 10) if fraction else int(seconds) * 10
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}" + (f".{rest % 10}" if fraction else "")
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.round(values).astype(np.int64)
