"""What the model expected, laid over the signal as it came: windows are filtered, strips are not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.signals.resample import FS
from pipeline.signals.window import BEFORE, MARGIN
from pipeline.web.patient import Patient
from pipeline.web.ring import MISSING, UNIT_MV

__all__ = ["beat_shapes"]


def beat_shapes(patient: Patient, start: int, stop: int) -> list[dict[str, Any]]:
    """Return beats with R peaks in ``[start, stop)`` as they were seen and expected.

    Each has ``beat``; ``start_s`` and ``fs`` of its window; ``seen`` and ``expected``, a list of microvolts a lead with
    None where there is none; and ``on_strip``: the expectation moved to where the window lies in the signal, and lifted
    by the slow part that the filter took away, so that it can be drawn over the strip.
    """
    rows, window, expected = patient.shapes(start, stop)
    steps = window.shape[1]
    margin = round((BEFORE + steps + MARGIN) / FS * patient.fs)
    first, raw = patient.signal(start - margin, stop + margin)
    raw_s = (first + np.arange(len(raw))) / patient.fs
    signal = np.where(raw == MISSING, np.nan, raw).astype(np.float64)
    out = []
    for i, row in enumerate(rows):
        seen, wanted = _plain(window[i]), _plain(expected[i])
        start_s = float(row["r_peak"]) / patient.fs - BEFORE / FS
        shift, lift = _place(raw_s, signal[:, : seen.shape[1]], start_s, seen)
        on_strip = wanted + lift
        out.append(
            {
                "beat": int(row["beat"]),
                "fs": FS,
                "start_s": start_s + shift / FS,
                "seen": _leads(seen),
                "expected": _leads(wanted),
                "on_strip": _leads(on_strip),
            }
        )
    return out


def _place(
    raw_s: NDArray[np.float64], raw: NDArray[np.float64], start_s: float, seen: NDArray[np.float64]
) -> tuple[int, NDArray[np.float64]]:
    """Return by how many steps a window was moved, and the line that the filter took from each lead.

    Of all moves, the one after which what remains of signal less window is most like a straight line.
    """
    steps, leads = seen.shape
    if not len(raw):
        return 0, np.full_like(seen, np.nan)
    shifts = np.arange(-MARGIN, MARGIN + 1)
    when = start_s + (np.arange(steps) + shifts[:, None]) / FS
    there = np.stack([np.interp(when, raw_s, raw[:, lead], np.nan, np.nan) for lead in range(leads)], axis=2)
    rest = there - seen  # (shifts, steps, leads)
    ok = np.isfinite(rest)
    n = ok.sum(axis=1, keepdims=True)
    x = np.where(ok, np.arange(steps)[:, None] / steps, 0.0)
    y = np.where(ok, rest, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = x.sum(axis=1, keepdims=True) / n, y.sum(axis=1, keepdims=True) / n
        centred = np.where(ok, x - mean_x, 0.0)
        slope = (centred * y).sum(axis=1, keepdims=True) / (centred**2).sum(axis=1, keepdims=True)
        line = mean_y + slope * (np.arange(steps)[:, None] / steps - mean_x)
    line = np.where(n > steps // 2, line, np.nan)
    error = np.abs(rest - line)
    known = np.isfinite(error)
    total = np.where(known, error, 0.0).sum(axis=(1, 2)) / np.maximum(known.sum(axis=(1, 2)), 1)
    best = int(np.argmin(np.where(known.any(axis=(1, 2)), total, np.inf)))
    return int(shifts[best]), line[best]


def _plain(steps: NDArray[np.int16]) -> NDArray[np.float64]:
    return np.where(steps == MISSING, np.nan, steps).astype(np.float64)


def _leads(values: NDArray[np.float64]) -> list[list[int | None]]:
    return [[None if np.isnan(value) else round(value) for value in lead] for lead in values.T.tolist()]


assert UNIT_MV == 0.001  # noqa: S101 - what the page is told are microvolts
