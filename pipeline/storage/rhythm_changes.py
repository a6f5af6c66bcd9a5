"""Where the rhythm changes, from the rhythm after each beat: what a rhythm annotation stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.records import RHYTHMS

__all__ = ["LASTS", "UNKNOWN", "RhythmChanges"]

LASTS = 4  # beats that a rhythm has to last; a ventricular run is one from three on
UNKNOWN = 255  # begins where no rhythm is likely any more: a rhythm annotation would hold until the next one
RUN, RUN_LASTS = RHYTHMS.index("(VT"), 3


class RhythmChanges:
    """Find the beats at which another rhythm begins, however the beats are cut into pieces.

    A rhythm counts once it has lasted, so the last beats of a piece wait for the next one.
    """

    def __init__(self) -> None:
        self._told = 0
        self._waiting = np.empty(0, dtype=np.uint8)

    def advance(self, state: NDArray[np.uint8], *, last: bool = False) -> NDArray[np.uint8]:
        """Take the rhythms after the next beats; return the rhythm that begins at each decided beat, 0 for none.

        :data:`UNKNOWN` begins where a rhythm was told and none has been likely for as long as a rhythm has to last.

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
            others = np.flatnonzero(states[i:] != states[i])
            length = int(others[0]) if len(others) else len(states) - i
            if states[i] != self._told:
                if length >= (RUN_LASTS if states[i] == RUN else LASTS):
                    begins[i] = states[i] or UNKNOWN
                    self._told = states[i]
                elif i + length == len(states) and not last:
                    break  # it may still last
            i += length
        self._waiting = states[i:]
        return begins[:i]
