"""Whether a silence without beats can be believed: a heart at rest leaves a lead that is clear and still.

Beats that were missed, and artefacts that hide them, move a lead as much as the patient's beats did, or more. So what
each second of a lead spans is held against what it usually spans with beats in it.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

__all__ = ["Stillness"]

SECONDS = 5  # that are remembered
SILENT = 3  # of a silence, its last, that are looked at
AFTER_S = 0.15  # s after an R peak in which its beat is over
STILL = 0.5  # of what a lead usually spans: less is no beat, and no artefact
SHAKEN = 3.0  # times the usual: an artefact after which levels and electrodes need time
SETTLE_S = 8.0  # s of it
RATE, MOST = 0.05, 1.5  # how fast the usual span follows, and by how much a second may differ to count


class Stillness:
    """What the leads of one patient span, second by second."""

    def __init__(self) -> None:
        self._usual: list[float] = []  # mV, of each lead; NaN where it is not known
        self._last: deque[tuple[float, tuple[float, ...]]] = deque(maxlen=SECONDS)  # ends and spans
        self._shaken: list[float] = []  # when each lead was shaken last, in s

    def second(self, stop: float, spread: tuple[float, ...], *, has_beats: bool) -> None:
        """Take what each lead spans in the second up to ``stop``, in mV, NaN for one that is away.

        Parameters
        ----------
        stop : float
            End of the second in s.
        spread : tuple of float
            Greatest less least value of each lead.
        has_beats : bool
            Whether there were beats in the last seconds, from which the usual span is learnt.
        """
        if len(self._usual) != len(spread):
            self._usual, self._shaken = [math.nan] * len(spread), [-math.inf] * len(spread)
        self._last.append((stop, spread))
        for lead, usual in enumerate(self._usual):
            if spread[lead] > SHAKEN * usual:
                self._shaken[lead] = stop
            if not has_beats or len(self._last) < SECONDS:
                continue
            widest = max(second[lead] for _, second in self._last)
            if not widest > 0.0:  # NaN, or nothing
                continue
            ratio = widest / usual if usual > 0.0 else math.inf
            self._usual[lead] = widest if math.isinf(ratio) else usual * min(max(ratio, 1.0 / MOST), MOST) ** RATE

    def is_still(self, start: float, until: float) -> bool:
        """Tell whether a lead was clear and still in the whole seconds between two moments; True if nobody knows.

        Parameters
        ----------
        start, until : float
            The last R peak, and the moment up to which there is no other, in s.
        """
        silent = [second for stop, second in self._last if start + AFTER_S <= stop - 1.0 and stop <= until][-SILENT:]
        if not silent or all(math.isnan(usual) for usual in self._usual):
            return True
        for lead, usual in enumerate(self._usual):
            spans = [second[lead] for second in silent]
            if math.isnan(usual) or any(math.isnan(span) for span in spans):
                continue
            if max(spans) <= STILL * usual and until - self._shaken[lead] >= SETTLE_S:
                return True
        return False

    def snapshot(self) -> list[Any]:
        """Return the carried state as plain values."""
        return [self._usual, list(self._last), self._shaken]

    def restore(self, state: list[Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        usual, last, shaken = state
        self._usual, self._shaken = list(usual), list(shaken)
        self._last = deque(((stop, tuple(second)) for stop, second in last), maxlen=SECONDS)
