"""The ST level of each lead over a record, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.holter.st import MINUTE_S, StTrend
from pipeline.report.figures.svg import clock, curve, group, path, svg, text, time_ticks
from pipeline.report.marks import colour

__all__ = ["st_svg"]

LEFT, WIDTH, RIGHT, TOP, HEIGHT = 62, 1166, 34, 24, 110
INKS = ("ink", "supraventricular", "ventricular", "threshold")  # a lead's colour, by its place


def st_svg(trends: Sequence[StTrend], duration_s: float) -> str:
    """Return the levels as SVG, in mV, missing minutes left open; nothing where no minute has a level.

    Parameters
    ----------
    trends : sequence of StTrend
        The leads.
    duration_s : float
        Length of the record in s.
    """
    levels = np.concatenate([trend.level_mv for trend in trends]) if trends else np.empty(0)
    if not len(levels):
        return ""
    reach = max(0.2, float(np.ceil(np.abs(levels).max() * 10) / 10))
    body = group(
        "".join(text(LEFT - 6, float(_y(v, reach)) + 4, f"{v:+.1f}") for v in (-reach, 0.0, reach)),
        text_anchor="end",
        fill=colour("muted"),
    )
    body += curve("".join(f"M{LEFT} {float(_y(v, reach)):.1f}h{WIDTH}" for v in (-reach, 0.0, reach)), "line", 0.7)
    names = ""
    for i, trend in enumerate(trends):
        name = INKS[i % len(INKS)]
        minutes = np.full(int(duration_s // MINUTE_S) + 1, np.nan)
        minutes[(trend.time_s / MINUTE_S).astype(np.int64)] = trend.level_mv
        x = LEFT + (np.arange(len(minutes)) + 0.5) * MINUTE_S / max(duration_s, MINUTE_S) * WIDTH
        body += curve(path(x, _y(minutes, reach)), name, 1.5, trend.lead)
        names += text(LEFT + 90 + 70 * i, 12, trend.lead, fill=colour(name))
    ticks = [(LEFT + s / max(duration_s, 1e-9) * WIDTH, clock(s)) for s in time_ticks(duration_s, 13)]
    times = "".join(text(x, TOP + HEIGHT + 16, name) for x, name in ticks)
    body += group(times, text_anchor="middle", fill=colour("muted"))
    body += text(4, 12, "ST level in mV", font_weight=600, fill=colour("ink")) + names
    return svg(LEFT + WIDTH + RIGHT, TOP + HEIGHT + 22, body, label="ST level by the minute")


def _y(level_mv: ArrayLike, reach: float) -> NDArray[np.float64]:
    return np.asarray(TOP + (0.5 - np.asarray(level_mv, dtype=np.float64) / (2 * reach)) * HEIGHT)
