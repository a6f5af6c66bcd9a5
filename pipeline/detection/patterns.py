"""Patterns of single ventricular beats, and a rhythm that lasts: events that a person may want to know of."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

__all__ = ["AF_S", "VENTRICULAR", "Patterns"]

CYCLES = 3  # of a pattern that make it one
PATTERNS = {"bigeminy": "NV", "trigeminy": "NNV"}
VENTRICULAR = 0.6  # log odds of a beat's shape from which on it is plainly ventricular
KEPT = CYCLES * 3
FOLLOWS = 0.1  # how fast the usual interval follows
# A heart's QT interval is 0.40 s at 60 a minute and goes with the root of the R-R interval (Bazett 1920); its R peak
# lies 0.04 s after its begin. A ventricular beat before the end of it falls on the T wave.
QT, BEGIN_S = 0.40, 0.04
# s that atrial fibrillation lasts at the least to be told (Hindricks et al. 2020, doi:10.1093/eurheartj/ehaa612).
AF_S = 30.0
OTHERS = 4  # beats in a row of another rhythm that end it


class Patterns:
    """What the last beats of one patient make together."""

    def __init__(self) -> None:
        self._signs: deque[str] = deque(maxlen=KEPT)
        self._usual_rr = math.nan  # s, of beats that are not ventricular
        self._rr = math.nan
        self._since = math.nan  # of atrial fibrillation, in s
        self._others = 0

    def beat(self, time: float, rr: float, is_ventricular: bool, is_fibrillating: bool) -> None:
        """Take a beat.

        Parameters
        ----------
        time, rr : float
            Its R peak, and its interval to the one before (NaN if not known), in s.
        is_ventricular : bool
            Whether it is a ventricular one in signal that can tell.
        is_fibrillating : bool
            Whether the rhythm after it is atrial fibrillation.
        """
        if math.isnan(rr):
            self._signs.clear()
            self._since, self._others = math.nan, 0  # nobody knows what was in the hole
        self._signs.append("V" if is_ventricular else "N")
        self._rr = rr
        if not (is_ventricular or math.isnan(rr)):
            self._usual_rr = rr if math.isnan(self._usual_rr) else self._usual_rr + FOLLOWS * (rr - self._usual_rr)
        if is_fibrillating:
            self._since = time if math.isnan(self._since) else self._since
            self._others = 0
        else:
            self._others += 1
            if self._others >= OTHERS:
                self._since = math.nan

    def pattern(self) -> tuple[str, int] | None:
        """Return the pattern that the last beats end, and how many they are; None if they end none."""
        signs = "".join(self._signs)
        for name, cycle in PATTERNS.items():
            if signs.endswith(CYCLES * cycle):
                return name, CYCLES * len(cycle)
        return None

    def is_r_on_t(self) -> bool:
        """Tell whether the last beat is a ventricular one that fell on the T wave before it."""
        if not self._signs or self._signs[-1] != "V" or list(self._signs)[-2:-1] == ["V"]:
            return False
        return self._rr + BEGIN_S <= QT * math.sqrt(self._usual_rr) if self._usual_rr > 0.0 else False

    def fibrillates_since(self, time: float) -> float | None:
        """Return since when the atria fibrillate, in s, if they have done so for long enough; else None."""
        return self._since if self._others == 0 and time - self._since >= AF_S else None

    def snapshot(self) -> list[Any]:
        """Return the carried state as plain values."""
        return ["".join(self._signs), self._usual_rr, self._rr, self._since, self._others]

    def restore(self, state: list[Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        signs, self._usual_rr, self._rr, self._since, self._others = state
        self._signs = deque(signs, maxlen=KEPT)
