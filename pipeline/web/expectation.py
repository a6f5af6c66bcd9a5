"""What the model expected, laid over the signal as it came: windows are filtered, strips are not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.signals.beats import BEFORE, MARGIN
from pipeline.signals.resample import FS
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
    """Return by how many steps a window was moved, and the line that the filter took from each lead."""
    at = np.arange(len(seen))
    best, lift, least = 0, np.full_like(seen, np.nan), np.inf
    if not len(raw):
        return best, lift
    centred = (at - at.mean()) / len(at)
    for shift in range(-MARGIN, MARGIN + 1):
        when = start_s + (at + shift) / FS
        there = np.stack([np.interp(when, raw_s, lead, np.nan, np.nan) for lead in raw.T], axis=1)
        rest = there - seen
        ok = np.isfinite(rest)
        line = np.full_like(seen, np.nan)
        for lead in range(seen.shape[1]):
            if ok[:, lead].sum() > len(at) // 2:
                slope, level = np.polyfit(centred[ok[:, lead]], rest[ok[:, lead], lead], 1)
                line[:, lead] = level + slope * centred
        error = float(np.nanmean(np.abs(rest - line))) if np.isfinite(rest - line).any() else np.inf
        if error < least:
            best, lift, least = shift, line, error
    return best, lift


def _plain(steps: NDArray[np.int16]) -> NDArray[np.float64]:
    return np.where(steps == MISSING, np.nan, steps).astype(np.float64)


def _leads(values: NDArray[np.float64]) -> list[list[int | None]]:
    return [[None if np.isnan(value) else round(value) for value in lead] for lead in values.T.tolist()]


assert UNIT_MV == 0.001  # noqa: S101 - what the page is told are microvolts
