"""How much of a record is atrial fibrillation, and in how many episodes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline.holter.beats import HolterBeats

__all__ = ["SHORTEST_S", "Fibrillation", "fibrillation"]

SHORTEST_S = 30.0  # s from which on a stretch is an episode (2020 ESC guidelines, doi:10.1093/eurheartj/ehaa612)


@dataclass(frozen=True, slots=True)
class Fibrillation:
    """Episodes of atrial fibrillation.

    Attributes
    ----------
    burden : float
        Share of the analysable time that lies in episodes, in %; NaN where there is no such time.
    episodes : int
        How many.
    seconds : float
        How long together, in s.
    longest_s, longest_at_s : float or None
        Length of the longest and when it began, in s; None without one.
    """

    burden: float
    episodes: int
    seconds: float
    longest_s: float | None
    longest_at_s: float | None


def fibrillation(beats: HolterBeats, analysable_s: float) -> Fibrillation | None:
    """Sum up the atrial fibrillation of a record; None where nobody told its rhythms.

    Parameters
    ----------
    beats : HolterBeats
        All beats of the record.
    analysable_s : float
        Analysable time in s.
    """
    if beats.fibrillation is None:
        return None
    # An interval lies in it where both of its beats do; missing signal ends an episode.
    inside = beats.in_fibrillation & np.isfinite(beats.rr_s)
    edges = np.flatnonzero(np.diff(inside, prepend=False, append=False))
    spans = [
        (float(beats.time_s[first - 1]), float(beats.time_s[stop - 1]))
        for first, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]
    episodes = [(start, stop) for start, stop in spans if stop - start >= SHORTEST_S]
    seconds = sum(stop - start for start, stop in episodes)
    longest = max(episodes, key=lambda span: span[1] - span[0], default=None)
    return Fibrillation(
        burden=100.0 * seconds / analysable_s if analysable_s > 0 else math.nan,
        episodes=len(episodes),
        seconds=seconds,
        longest_s=None if longest is None else longest[1] - longest[0],
        longest_at_s=None if longest is None else longest[0],
    )
