"""The whole record on one page, anomalies in colour: full disclosure, as Holter reports call it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.report.figures.svg import clock, curve, group, rectangle, svg, text
from pipeline.report.marks import MARKS, colour
from pipeline.report.record import Overview, RecordReport

__all__ = ["overview_svg"]

_WIDTH, _LEFT = 1200, 62
_ROW = 38
_ROW_LENGTHS_S = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_MOST_ROWS = 16


def overview_svg(report: RecordReport) -> str:
    """Return the first lead of the whole record in rows, anomalies in the colour of their kind, as SVG.

    In a record so long that a column holds many beats, the colour fills the anomalies' share of it.

    Parameters
    ----------
    report : RecordReport
        What was collected of the record.
    """
    width_s = report.overview.width_s
    low = np.array(report.overview.low, dtype=np.float64)
    high = np.array(report.overview.high, dtype=np.float64)
    mark, share = _marks(report.overview, len(low))
    duration_s = max(report.duration_s, width_s)
    row_s = next((s for s in _ROW_LENGTHS_S if duration_s / s <= _MOST_ROWS), math.ceil(duration_s / _MOST_ROWS))
    n_rows = math.ceil(duration_s / row_s)
    start_s = np.arange(len(low)) * width_s
    row = (start_s // row_s).astype(np.int64)
    x = _LEFT + (start_s - row * row_s) / row_s * _WIDTH
    middle, scale = _scale(low, high)
    centre = row * _ROW + _ROW / 2
    most = 0.62 * _ROW  # a tall beat reaches into the neighbouring row, but not through it
    top = np.asarray(centre - np.clip((high - middle) * scale, -most, most), dtype=np.float64)
    bottom = np.asarray(centre - np.clip((low - middle) * scale, -most, most), dtype=np.float64)

    is_there = np.isfinite(low)
    traces = curve(_envelope(x, top, bottom, row, is_there & (share < 1)), "ink", 1.0)
    for rank, kind in enumerate(MARKS[1:], start=1):
        d = _envelope(x, bottom + share * (top - bottom), bottom, row, is_there & (mark == rank) & (share > 0))
        traces += curve(d, kind, 1.5) if d else ""
    gaps = ""
    for gap in report.gaps:
        for r in range(int(gap.start_s // row_s), min(int(gap.stop_s // row_s), n_rows - 1) + 1):
            left = _LEFT + max(gap.start_s / row_s - r, 0) * _WIDTH
            right = _LEFT + min(gap.stop_s / row_s - r, 1) * _WIDTH
            gaps += rectangle(left, r * _ROW, right - left, _ROW, f"gap: {gap.reason}", fill=colour("gap"))
    times = "".join(text(_LEFT - 8, r * _ROW + _ROW / 2 + 4, clock(r * row_s)) for r in range(n_rows))
    body = (
        group(gaps, opacity=0.3)
        + group(traces, stroke_linejoin="round")
        + group(times, text_anchor="end", fill=colour("muted"))
    )
    return svg(_LEFT + _WIDTH, n_rows * _ROW, body, label=f"All of {report.record}, {clock(row_s)} a row")


def _marks(overview: Overview, n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return rank and share of the anomalies in each bin, shape (n,); a bin beside an R peak is the anomaly's alone."""
    rank, share = (np.full(n, np.nan), np.full(n, np.nan))
    rank[: len(overview.mark)] = np.array(overview.mark, dtype=np.float64)[:n]
    share[: len(overview.share)] = np.array(overview.share, dtype=np.float64)[:n]
    rank = np.nan_to_num(rank)
    return rank.astype(np.int64), np.where(rank > 0, np.nan_to_num(share, nan=1.0), 0.0)


def _scale(low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[float, float]:
    """Return the level of the middle line in mV, and units per mV that keep most of the record inside its row."""
    if not np.isfinite(low).any():
        return 0.0, 1.0
    bottom, top = np.nanpercentile(low, 2), np.nanpercentile(high, 98)
    return float(bottom + top) / 2, _ROW * 0.92 / max(float(top - bottom), 0.2)


def _envelope(
    x: NDArray[np.float64],
    top: NDArray[np.float64],
    bottom: NDArray[np.float64],
    row: NDArray[np.int64],
    keep: NDArray[np.bool_],
) -> str:
    """Return the ``d`` of a line that runs up and down through the ranges of neighbouring bins."""
    index = np.flatnonzero(keep)
    if not len(index):
        return ""
    breaks = np.flatnonzero((np.diff(index) > 1) | (np.diff(row[index]) > 0)) + 1
    # A bin without signal is NaN, stands in no run, and would warn when it is made a whole number.
    places = (x, np.nan_to_num(top).clip(-99), np.nan_to_num(bottom).clip(-99))
    xs, tops, bottoms = (np.round(values).astype(np.int64).tolist() for values in places)
    out: list[str] = []
    for run in np.split(index, breaks):
        first = int(run[0])
        at_x, at_y = xs[first], tops[first]
        out.append(f"M{at_x} {at_y}V{bottoms[first]}" if bottoms[first] != at_y else f"M{at_x} {at_y}h1")
        at_y = bottoms[first]
        for i in run[1:].tolist():
            # From the nearer end of the next range to its other end: one stroke a bin.
            near, far = (
                (tops[i], bottoms[i]) if abs(tops[i] - at_y) <= abs(bottoms[i] - at_y) else (bottoms[i], tops[i])
            )
            out.append(f"l{xs[i] - at_x} {near - at_y}" if near != at_y else f"h{xs[i] - at_x}")
            if far != near:
                out.append(f"v{far - near}")
            at_x, at_y = xs[i], far
    return "".join(out).replace(" -", "-")
