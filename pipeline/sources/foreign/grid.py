"""Rows of a table on an even line of time, by the times that they carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_MISSING", "Grid", "Uneven", "place_rows"]

_JUMP = 1.5  # steps between two rows from which on there may be a hole
_AROUND = 25  # rows on either side that say whether time has really jumped: single times are rounded or late
_SLOWEST, _FASTEST = 1e-3, 1e6  # Hz
_LONGEST_S = 31 * 86400.0
_HOLES_S = 6 * 3600.0  # s of holes, which take memory; with more of them it is several recordings
MOST_MISSING = 2**24  # samples of all holes: 128 MB a column
_SURE = 0.75  # samples by which times must have moved on for one to be missing
_LATE_S = 3.0  # rows that come so long after their time are late; for longer, the clock was set back
_COARSE = 0.2  # share of the rows that have the time of the one before: the clock is coarse, and rows share its times
_EVEN = 0.9  # share of the steps that must be near the usual one
_WHOLE = 1e-3  # times are rounded as they are written: a rate within a thousandth of a whole one is that


class Uneven(ValueError):
    """Times that tell no rate."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Rows on an even line of time.

    Attributes
    ----------
    fs : float
        Rate in Hz.
    position : ndarray of int64, shape (rows,)
        Sample that each row holds; -1 for a row that is left out, since its time is that of another one.
    length : int
        Samples in all, with those that are missing.
    holes, missing : int
        Holes, and samples that are missing in them.
    doubled, late, set_back : int
        Rows whose time had come before, rows that came after later ones, and times a clock was set back.
    """

    fs: float
    position: NDArray[np.int64]
    length: int
    holes: int
    missing: int
    doubled: int
    late: int
    set_back: int

    def notes(self) -> list[str]:
        """Return what a person should know, a line each."""
        said = []
        if self.holes:
            said.append(f"{self.holes} holes of {self.missing / self.fs:.1f} s in all, by the times of the rows")
        if self.doubled:
            said.append(f"{self.doubled} rows came twice: left out")
        if self.late:
            said.append(f"{self.late} rows came late: put in their places")
        if self.set_back:
            said.append(f"the clock was set back {self.set_back} times")
        return said

    def fill(self, column: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return a column in the places of its rows, NaN where there is none."""
        out = np.full(self.length, np.nan)
        kept = self.position >= 0
        out[self.position[kept]] = column[kept]
        return out


def place_rows(time_s: NDArray[np.float64], fs: float | None = None) -> Grid:
    """Find the rate and the place of each row.

    Parameters
    ----------
    time_s : ndarray, shape (rows,)
        In s, as they are written: rounded, repeated, late, with holes.
    fs : float, optional
        Rate in Hz where it is known from elsewhere.

    Raises
    ------
    Uneven
        If they tell no rate.
    """
    if len(time_s) < 2 or not np.isfinite(time_s).all():
        raise Uneven("not a number in every row")
    span_s = float(time_s.max()) - float(time_s.min())
    if not 0 < span_s < _LONGEST_S:
        raise Uneven(f"they span {span_s / 86400:.3g} days")
    fs_told = _rate(time_s)
    if not _SLOWEST < fs_told < _FASTEST:
        raise Uneven(f"they tell {fs_told:.3g} Hz")
    rate = fs or fs_told
    time_s, order, late, set_back = _in_order(time_s, 1.0 / rate)
    doubled = np.diff(time_s, prepend=time_s[0] - 1) <= 1e-9
    if doubled.mean() > _COARSE:
        doubled[:] = False
        jumps = _coarse_jumps(time_s, rate)
    else:
        jumps = _jumps(time_s[~doubled], rate)
    kept = np.flatnonzero(~doubled)
    if int(jumps.sum()) > max(min(_HOLES_S * rate, MOST_MISSING), 10 * len(kept)):
        raise Uneven(f"holes of {jumps.sum() / rate / 3600:.0f} h between {len(kept) / rate / 3600:.3g} h of rows")
    position = np.full(len(time_s), -1, dtype=np.int64)
    placed = np.arange(len(kept)) + np.cumsum(jumps)
    position[order[kept]] = placed
    return Grid(
        fs=rate,
        position=position,
        length=int(placed[-1]) + 1,
        holes=int((jumps > 0).sum()),
        missing=int(jumps.sum()),
        doubled=int(doubled.sum()),
        late=late,
        set_back=set_back,
    )


def _rate(time_s: NDArray[np.float64]) -> float:
    steps = np.diff(time_s)
    forward = steps[steps > 1e-12]
    if not len(forward):
        raise Uneven("they do not go forward")
    usual = float(np.median(forward))
    if len(forward) < (1.0 - _COARSE) * len(steps):
        changes = np.flatnonzero(steps > 1e-12) + 1
        if len(changes) < 2:
            raise Uneven("they do not go forward")
        near = np.abs(np.diff(time_s[changes]) - usual) < 0.5 * usual
        rows = np.diff(changes)[near]
        if not len(rows):
            raise Uneven("not evenly spaced")
        rate = float(rows.mean()) / usual
    else:
        near = forward < _JUMP * usual if _is_exact(forward, usual) else forward < 3.0 * usual
        step = float(forward[near].mean())
        if (np.abs(forward - step) < 0.8 * step + 1.1e-3).mean() < _EVEN:
            raise Uneven("not evenly spaced")
        rate = 1.0 / step
    return float(round(rate)) if abs(rate - round(rate)) < _WHOLE * rate else rate


def _is_exact(forward: NDArray[np.float64], usual: float) -> bool:
    """Tell whether steps are written so exactly that one sample that is missing shows."""
    return bool((np.abs(forward - usual) < 0.3 * usual).mean() > _EVEN)


def _in_order(time_s: NDArray[np.float64], step_s: float) -> tuple[NDArray[np.float64], NDArray[np.int64], int, int]:
    """Return times that never fall, the row of each, how many rows were late, and how often a clock was set back."""
    falls = np.flatnonzero(np.diff(time_s) < -1e-9) + 1
    order = np.arange(len(time_s))
    if not len(falls):
        return time_s, order, 0, 0
    time_s = time_s.copy()
    set_back = 0
    reach = max(1, round(_LATE_S / step_s))
    for at in falls:
        before = float(time_s[at - 1])
        following = time_s[at : at + reach]
        if len(following) and float(following.max()) < before:  # it does not catch up: set back, or midnight
            day = 86400.0 if before - float(time_s[at]) > 43200.0 else 0.0
            time_s[at:] += day or before + step_s - float(time_s[at])
            set_back += day == 0.0
    late = int((time_s < np.maximum.accumulate(time_s) - 1e-9).sum())
    order = np.argsort(time_s, kind="stable")
    return time_s[order], order, late, set_back


def _jumps(time_s: NDArray[np.float64], fs: float) -> NDArray[np.int64]:
    """Return the samples that are missing before each row."""
    jumps = np.zeros(len(time_s), dtype=np.int64)
    steps = np.diff(time_s) * fs
    last = 0
    for at in (np.flatnonzero(steps > _JUMP) + 1).tolist():
        first = max(last, at - _AROUND)
        before = np.median(time_s[first:at] * fs - np.arange(first - at, 0))
        stop = min(len(time_s), at + _AROUND)
        around = time_s[at:stop] * fs - np.arange(stop - at)
        later = np.flatnonzero(np.diff(around) > 0.5)
        if len(later):  # the next hole is near
            around = around[: later[0] + 1]
        missing = int(float(np.median(around) - before) + 1.0 - _SURE)
        if missing > 0:
            jumps[at] = missing
            last = at
    return jumps


def _coarse_jumps(time_s: NDArray[np.float64], fs: float) -> NDArray[np.int64]:
    """Return the same where rows share times: a hole is where the clock has moved on by more than one of its steps."""
    steps = np.diff(time_s)
    usual = float(np.median(steps[steps > 1e-12]))
    jumps = np.zeros(len(time_s), dtype=np.int64)
    jumps[1:] = np.where(steps > _JUMP * usual, np.round((steps - usual) * fs), 0).astype(np.int64)
    return jumps
