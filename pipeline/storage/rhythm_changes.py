"""Where the rhythm changes, from the rhythm after each beat: what a rhythm annotation stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.records import RHYTHMS

__all__ = ["LASTS", "RhythmChanges"]

LASTS = 4  # beats that a rhythm has to last; a ventricular run is one from three on
RUN, RUN_LASTS = RHYTHMS.index("(VT"), 3


class RhythmChanges:
    """Find the beats at which another rhythm begins, however the beats are cut into pieces.

    A rhythm counts once it has lasted, so the last beats of a piece wait for the next one.
    """

    def __init__(self) -> None:
        self._told = 0
        self._waiting = np.empty(0, dtype=np.uint8)

    @property
    def waiting(self) -> int:
        """Beats at the end of what was taken in that are not decided yet."""
        return len(self._waiting)

    def advance(self, state: NDArray[np.uint8], *, last: bool = False) -> NDArray[np.uint8]:
        """Take the rhythms after the next beats; return the rhythm that begins at each decided beat, 0 for none.

        Parameters
        ----------
        state : ndarray of uint8, shape (n,)
            Indices into :data:`pipeline.records.RHYTHMS`.
        last : bool
            Whether no beats follow: then nothing waits.
        """
        states = np.concatenate([self._waiting, state])
        begins = np.zeros(len(states), dtype=np.uint8)
        i = 0
        while i < len(states):
            same = np.flatnonzero(states[i:] != states[i])
            length = int(same[0]) if len(same) else len(states) - i
            lasts = RUN_LASTS if states[i] == RUN else LASTS
            if length < lasts and i + length == len(states) and states[i] not in (0, self._told) and not last:
                break  # it may still last
            if length >= lasts and states[i] not in (0, self._told):
                begins[i] = self._told = states[i]
            i += length
        self._waiting = states[i:]
        return begins[:i]
