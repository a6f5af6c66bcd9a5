"""Stretches in which leads are not there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALL", "GONE", "GapTracker", "Hole"]

ALL = -1  # stands for: no lead is there at all
GONE = 3  # lead states from here on are absence: 3 missing, 4 flat
REASONS = {3: "missing", 4: "flat"}


@dataclass(frozen=True, slots=True)
class Hole:
    """One stretch without one lead, or without any.

    Attributes
    ----------
    lead : int
        Index of the lead; ``ALL`` if every lead was gone.
    start, stop : int
        Its limits in samples at the internal rate.
    reason : str
        ``missing`` or ``flat``, as it began.
    """

    lead: int
    start: int
    stop: int
    reason: str


class GapTracker:
    """Turn the states of the leads into stretches, whatever the chunking.

    Parameters
    ----------
    n_leads : int
        Number of leads.

    Attributes
    ----------
    is_open : bool
        True while a lead is gone: its stretch ends with samples to come.
    """

    def __init__(self, n_leads: int) -> None:
        self._open = np.full((n_leads + 1, 2), -1, dtype=np.int64)  # start and state of what is open; last row: all
        self.is_open = False

    def process(self, states: NDArray[np.uint8], first: int) -> list[Hole]:
        """Take the states of the next samples, shape (leads, m), from sample ``first`` on; return what has closed.

        Samples in which every lead is there may be left out while nothing is open.
        """
        closed: list[Hole] = []
        rows = np.concatenate([states, states.min(axis=0, keepdims=True)]) if states.shape[1] else states
        for row, state in enumerate(rows):
            gone = state >= GONE
            is_open = self._open[row, 0] >= 0
            if not is_open and not gone.any():
                continue
            edges = np.flatnonzero(np.diff(gone, prepend=is_open))
            for edge in edges:
                if gone[edge]:
                    self._open[row] = first + edge, state[edge]
                else:
                    lead = row if row < len(states) else ALL
                    start, reason = self._open[row]
                    closed.append(Hole(lead, int(start), int(first + edge), REASONS[int(reason)]))
                    self._open[row] = -1
        self.is_open = bool((self._open[:, 0] >= 0).any())
        return closed

    def still_open(self, now: int) -> list[Hole]:
        """Return the stretches that have not ended by sample ``now``."""
        if not self.is_open:
            return []
        last = len(self._open) - 1
        return [
            Hole(row if row < last else ALL, int(start), now, REASONS[int(reason)])
            for row, (start, reason) in enumerate(self._open.tolist())
            if start >= 0
        ]

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {"open": self._open.copy()}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._open[:] = state["open"]
        self.is_open = bool((self._open[:, 0] >= 0).any())
