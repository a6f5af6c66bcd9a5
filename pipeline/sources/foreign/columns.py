"""Which columns of a table are signals: not the row's number, a device's clock, a marker, text or nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.signal_kind import signal_kind

__all__ = ["not_a_signal"]

_ROWS = 20  # fewer rows say nothing
_SHARE = 0.98  # share of the steps that must be alike; a counter that begins anew steps back sometimes
_FEW = 3  # values of a marker


def not_a_signal(name: str, values: NDArray[np.float64]) -> str | None:
    """Say what a column is if it is no signal, by its values; None if it may be one.

    Parameters
    ----------
    name : str
        Its name: a column that is called an ECG lead may be flat, which is a lead that is off.
    values : ndarray, shape (rows,)
        NaN where there is none.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return "holds nothing"
    if len(known) < _ROWS:
        return None
    steps = np.diff(known)
    usual = float(np.median(steps))
    alike = np.abs(steps - usual) <= 1e-6 * max(abs(usual), 1e-12) + 1e-9 * float(np.abs(known).max())
    if usual != 0 and alike.mean() > _SHARE:
        return "counts"
    if (steps >= 0).all() and steps.any() and known[0] != known[-1] and _rises(known):
        return "rises like a clock"
    if signal_kind(name) == "ecg":
        return None
    values_there = np.unique(known[: 10 * _ROWS]) if len(known) > 10 * _ROWS else np.unique(known)
    if len(values_there) <= _FEW:
        values_there = np.unique(known)
    if len(values_there) == 1:
        return "is constant"
    if len(values_there) <= _FEW:
        return "is a marker"
    return None


def _rises(known: NDArray[np.float64]) -> bool:
    """Tell whether values go evenly from first to last, as times do and no voltage."""
    line = np.linspace(known[0], known[-1], len(known))
    return bool(np.abs(known - line).max() < 0.2 * (known[-1] - known[0]))
