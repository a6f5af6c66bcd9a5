"""Ectopic beats of one kind: how many, and how they are grouped."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.holter.beats import HolterBeats

__all__ = ["Ectopy", "Run", "ectopy"]

RUN = 3  # beats in a row from which they are a run
CYCLES = 3  # ectopic beats, each with one other beat between, from which they are bigeminy


@dataclass(frozen=True, slots=True)
class Run:
    """Ectopic beats in a row.

    Attributes
    ----------
    time_s : float
        R peak of the first, in s.
    beats : int
        How many.
    seconds : float
        From its first R peak to its last.
    rate_bpm : float
        Mean rate between these.
    """

    time_s: float
    beats: int
    seconds: float
    rate_bpm: float


@dataclass(frozen=True, slots=True)
class Ectopy:
    """Ectopic beats of one kind.

    Attributes
    ----------
    beats : int
        How many.
    share : float
        Of all beats, in %; NaN without any.
    per_hour : float
        In an analysable hour; NaN where there is no such time.
    single, couplets : int
        Beats alone, and pairs.
    bigeminy : int
        Times at which at least 3 ectopic beats alternated with one other beat each.
    runs : int
        Runs of 3 or more.
    longest, fastest : Run or None
        The run of the most beats, and the one of the highest rate.
    """

    beats: int
    share: float
    per_hour: float
    single: int
    couplets: int
    bigeminy: int
    runs: int
    longest: Run | None
    fastest: Run | None


def ectopy(beats: HolterBeats, kind: str, hours: float) -> Ectopy:
    """Count the ectopic beats of a kind, ``V`` or ``S``.

    Parameters
    ----------
    beats : HolterBeats
        All beats of the record.
    kind : str
        Which.
    hours : float
        Analysable time in h.
    """
    is_kind = beats.kind == kind
    groups = _groups(is_kind, np.isnan(beats.rr_s))
    runs = [_run(beats, start, stop) for start, stop in groups if stop - start >= RUN]
    lengths = [stop - start for start, stop in groups]
    n = int(is_kind.sum())
    return Ectopy(
        beats=n,
        share=100.0 * n / len(beats) if len(beats) else math.nan,
        per_hour=n / hours if hours > 0 else math.nan,
        single=lengths.count(1),
        couplets=lengths.count(2),
        bigeminy=_alternations(groups, np.isnan(beats.rr_s)),
        runs=len(runs),
        longest=max(runs, key=lambda run: run.beats, default=None),
        fastest=max(runs, key=lambda run: run.rate_bpm, default=None),
    )


def _groups(is_kind: NDArray[np.bool_], after_gap: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the stretches of ectopic beats as (first, one past the last); a gap ends one."""
    groups: list[tuple[int, int]] = []
    for i in np.flatnonzero(is_kind).tolist():
        if groups and groups[-1][1] == i and not after_gap[i]:
            groups[-1] = (groups[-1][0], i + 1)
        else:
            groups.append((i, i + 1))
    return groups


def _alternations(groups: list[tuple[int, int]], after_gap: NDArray[np.bool_]) -> int:
    """Count how often single ectopic beats came at every second place, ``CYCLES`` of them at least."""
    episodes = length = 0
    last = -10
    for start, stop in groups:
        is_single = stop - start == 1
        follows = is_single and start == last + 2 and not after_gap[start - 1 : start + 1].any()
        length = length + 1 if follows else int(is_single)
        episodes += length == CYCLES
        last = start if is_single else -10
    return episodes


def _run(beats: HolterBeats, start: int, stop: int) -> Run:
    first, last = float(beats.time_s[start]), float(beats.time_s[stop - 1])
    seconds = last - first
    return Run(first, stop - start, seconds, 60.0 * (stop - start - 1) / seconds if seconds else math.nan)
