"""Blocks of samples on an even line of time, by the time at which each begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.foreign.grid import MOST_MISSING, Uneven

__all__ = ["WRAP_S", "Blocks", "place_blocks"]

WRAP_S = 2**32 / 1000.0  # s after which a clock of 32 bits that counts ms begins anew: 49.7 days
_AROUND = 10  # blocks on either side that say whether time has really moved on: single times are late
_LEAST_HOLE_S = 0.04  # a shorter one is jitter, unless blocks are so short that one of them is missing
_LATE_S = 60.0  # no block is late by more: the clock was set back
_FEW = 3  # blocks in a row that are not late one by one
_MANY = 0.2  # share of blocks with the time of another: the clock is coarse, and none of them came twice
_LONGEST_S = 31 * 86400.0
_HOLES_S = 6 * 3600.0  # s of holes, which take memory; with more of them it is several recordings
_DRIFT_S = 1.0  # by which times and samples may differ in the end without a word


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Blocks on a line of time.

    Attributes
    ----------
    fs : float
        Rate in Hz.
    start_s : float
        The time that the first sample carries.
    position : ndarray of int64, shape (blocks,)
        Sample that each block begins with; -1 for one that has come before.
    length : int
        Samples in all, with those that are missing.
    holes, missing, doubled, set_back : int
        Holes, samples missing in them, blocks that came twice, and times that a clock was set back.
    drift_s : float
        By how much the times run ahead of the count of samples in the end.
    """

    fs: float
    start_s: float
    position: NDArray[np.int64]
    length: int
    holes: int
    missing: int
    doubled: int
    set_back: int
    drift_s: float

    def notes(self) -> list[str]:
        """Return what a person should know, a line each."""
        said = []
        if self.holes:
            said.append(f"{self.holes} holes of {self.missing / self.fs:.1f} s in all, by the times of its blocks")
        if self.doubled:
            said.append(f"{self.doubled} blocks came twice: left out")
        if self.set_back:
            said.append(f"the clock was set back {self.set_back} times")
        if abs(self.drift_s) > _DRIFT_S:
            said.append(f"its times and the count of its samples differ by {self.drift_s:.1f} s in the end")
        return said

    def fill(self, blocks: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
        """Return the samples of all blocks in their places, NaN where there is none."""
        out = np.full(self.length, np.nan)
        for first, block in zip(self.position.tolist(), blocks, strict=True):
            if first >= 0:
                out[first : first + len(block)] = block
        return out


def place_blocks(onset_s: NDArray[np.float64], counts: NDArray[np.int64], fs: float) -> Blocks:
    """Find the place of each block.

    The rate is taken as it is given: times that jitter, or run a little faster or slower, move no sample. A hole is
    where the times of several blocks have moved on. A block that repeats a time has come twice; one that begins before
    the one before has ended follows it at once.

    Parameters
    ----------
    onset_s : ndarray, shape (blocks,)
        When the first sample of each was taken, in s.
    counts : ndarray of int64, shape (blocks,)
        Samples of each.
    fs : float
        Rate in Hz.

    Raises
    ------
    Uneven
        If the times are none.
    """
    if not len(onset_s) or not np.isfinite(onset_s).all():
        raise Uneven("not a time for every block")
    onset_s, set_back = _unwrapped(onset_s)
    order = np.argsort(onset_s, kind="stable")
    onset_s, counts = onset_s[order], counts[order]
    if onset_s[-1] - onset_s[0] > _LONGEST_S:
        raise Uneven(f"they span {(onset_s[-1] - onset_s[0]) / 86400:.3g} days")
    doubled = np.diff(onset_s, prepend=onset_s[0] - 1) <= 1e-9
    if doubled.mean() > _MANY:
        doubled[:] = False
    kept = np.flatnonzero(~doubled)
    sizes = counts[kept]
    before = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    ahead_s = onset_s[kept] - onset_s[0] - before / fs  # of the time at which it would begin without a hole
    jumps = _jumps(ahead_s, min(0.5 * float(np.median(sizes)) / fs, _LEAST_HOLE_S), fs)
    missing = int(jumps.sum())
    if missing > max(min(_HOLES_S * fs, MOST_MISSING), 10 * int(sizes.sum())):
        raise Uneven(f"holes of {missing / fs / 3600:.0f} h between {sizes.sum() / fs / 3600:.3g} h of blocks")
    first = before + np.cumsum(jumps)
    position = np.full(len(onset_s), -1, dtype=np.int64)
    position[order[kept]] = first
    return Blocks(
        fs=fs,
        start_s=float(onset_s[0]),
        position=position,
        length=int(first[-1] + sizes[-1]),
        holes=int((jumps > 0).sum()),
        missing=missing,
        doubled=int(doubled.sum()),
        set_back=set_back,
        drift_s=float(ahead_s[-1] - missing / fs),
    )


def _unwrapped(onset_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return times in which a clock that begins anew goes on, and how often it was set back otherwise."""
    falls = np.flatnonzero(np.diff(onset_s) < -1e-9) + 1
    onset_s, set_back = onset_s.copy(), 0
    for at in falls.tolist():
        fall = float(onset_s[at - 1] - onset_s[at])
        if fall > 0.5 * WRAP_S:
            onset_s[at:] += WRAP_S
        elif fall > _LATE_S or (fall > 0 and _goes_on(onset_s, at)):
            usual = float(np.median(np.abs(np.diff(onset_s[max(0, at - 10) : at])))) if at > 1 else 0.0
            onset_s[at:] += fall + usual
            set_back += 1
    return onset_s, set_back


def _goes_on(onset_s: NDArray[np.float64], at: int) -> bool:
    """Tell whether times go on from a fall, instead of a few blocks being late or sent once more."""
    coming = onset_s[at : at + _FEW]
    if len(coming) < _FEW or not (np.diff(coming) > 0).all() or not (coming < onset_s[at - 1]).all():
        return False
    before = onset_s[:at]
    return not np.isin(coming, before).all()  # these come a second time


def _jumps(ahead_s: NDArray[np.float64], least_s: float, fs: float) -> NDArray[np.int64]:
    """Return the samples that are missing before each block."""
    jumps = np.zeros(len(ahead_s), dtype=np.int64)
    steps = np.flatnonzero(np.diff(ahead_s) > 0.5 * least_s) + 1
    last = 0
    for k, at in enumerate(steps.tolist()):
        following = int(steps[k + 1]) if k + 1 < len(steps) else len(ahead_s)
        before = np.median(ahead_s[max(last, at - _AROUND) : at])
        after = np.median(ahead_s[at : max(at + 1, min(at + _AROUND, following))])
        if after - before > least_s:
            jumps[at] = round(float(after - before) * fs)
            last = at
    return jumps
