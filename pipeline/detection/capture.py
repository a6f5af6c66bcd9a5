"""Whether a pacemaker's pulses start beats: one that is followed by none has lost its capture."""

from __future__ import annotations

from collections import deque
from typing import Any

__all__ = ["FOLLOWS_S", "Capture"]

FOLLOWS_S = 0.3  # s after a pulse within which its QRS complex comes, as monitors in use have it
BEFORE_S = 0.35  # s before it in which a beat of the patient's own leaves the ventricle unable to answer
LOST = 2  # pulses in a row that start no beat
APART_S = 0.35  # s: pulses nearer to each other are those of two chambers, of which the last one counts
KEPT = 8
TOGETHER_S = 2.0  # s: pulses further apart are none in a row


class Capture:
    """The last beats of one patient, against which pulses are held."""

    def __init__(self) -> None:
        self._beats: deque[float] = deque(maxlen=KEPT)  # R peaks in s
        self._lost: list[float] = []  # first and last of the pulses in a row that started none, in s
        self._last = float("-inf")

    def beat(self, time: float) -> None:
        """Take a beat, in s."""
        self._beats.append(time)

    def pulse(self, at: float) -> float | None:
        """Take a pulse of which all beats are known that it could have started.

        Returns
        -------
        float or None
            Since when pulses have started no beat, in s, if that is so for long enough.
        """
        is_second, self._last = at - self._last < APART_S, at
        if any(at - BEFORE_S <= beat <= at + FOLLOWS_S for beat in self._beats):
            self._lost = []
        elif is_second and self._lost:
            self._lost[-1] = at
        elif self._lost and at - self._lost[-1] <= TOGETHER_S:
            self._lost = [self._lost[0], at]
        else:
            self._lost = [at]
        return self._lost[0] if len(self._lost) >= LOST else None

    def snapshot(self) -> list[Any]:
        """Return the carried state as plain values."""
        return [list(self._beats), self._lost, self._last]

    def restore(self, state: list[Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        beats, self._lost, self._last = state
        self._beats = deque(beats, maxlen=KEPT)
