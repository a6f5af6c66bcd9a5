"""A causal R-peak detector with carried state.

Per lead, two Morlet envelopes of the signal: E at 10 Hz, where QRS complexes of every shape have their energy, and H at
20 Hz, which a T wave lacks. The leads are fused in units of their own level, weighted by their own signal-to-noise
ratio. Maxima of the fused envelope are decided once the next 0.26 s are known (:mod:`pipeline.signals.rpeak_decision`).
The beats of the first 2 s are decided once these have set the level. Levels follow the beats; where they have lost them
to an artefact, they are set anew after some seconds of silence.

Nothing here looks ahead further than that, and nothing is taken back: a beat that was given out stands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit
from pipeline.signals.peaks import Peaks
from pipeline.signals.resample import FS
from pipeline.signals.rpeak_decision import FEATURES, read_weights
from pipeline.signals.rpeak_search import CLOCK, GIVEN, INTS, LAST, REFRACTORY, RING, RRS, START, find, search

__all__ = ["RPeakDetector"]

WEIGHTS = read_weights()
NO_PEAKS = Peaks(
    np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0), np.empty(0), np.empty(0, dtype=np.bool_)
)
_search = jit(search)
NO_CANDIDATES = np.empty((0, 1 + len(FEATURES)))
_Floats = NDArray[np.float64]
_Carried = tuple[_Floats, NDArray[np.int64], _Floats, _Floats, _Floats, _Floats, _Floats]


class RPeakDetector:
    """Find R peaks in envelopes as they come.

    Parameters
    ----------
    n_leads : int
        Number of leads; the first is favoured.
    clock : int
        Position of the first sample that will be given.
    weights : ndarray, optional
        Of the decision, see :func:`pipeline.signals.rpeak_decision.read_weights`; by default those that ship.
    keep_candidates : bool
        If True, ``candidates`` gathers every maximum that was decided: its position and features, one row each.
    """

    def __init__(
        self,
        n_leads: int,
        *,
        clock: int = 0,
        weights: NDArray[np.float64] | None = None,
        keep_candidates: bool = False,
    ) -> None:
        self.candidates: list[NDArray[np.float64]] = []
        self._keep = keep_candidates
        self._weights = WEIGHTS if weights is None else weights
        self._ints = np.zeros(INTS, dtype=np.int64)
        self._ints[CLOCK] = clock
        self._ints[LAST] = -10 * RRS * int(FS)  # the last beat
        self._ints[GIVEN] = -1  # none was given out yet
        self._last_h = np.zeros(1)
        # Level, long-term level, noise floor, noise sum since the last beat; sum and greatest values of a silence.
        self._leads = np.zeros((8, n_leads))
        self._ring = np.zeros((2, RING))
        self._lead_ring = np.zeros((n_leads, RING))
        # The first seconds, until they set the level: e, h and bad of each lead, and whether all are gone.
        self._opening = np.zeros((3 * n_leads + 1, START))

    def find(self, signal: NDArray[np.float64], states: NDArray[np.uint8], m: int) -> Peaks:
        """Return the beats that the last ``m`` samples decide; see :class:`pipeline.signals.peaks.PeakFinder`."""
        found, facts, candidates = self._room(m)
        counts = find(signal, states, m, *self._carried(), found, facts, candidates)
        return self._peaks(counts, found, facts, candidates)

    def process(self, e: NDArray[np.float64], h: NDArray[np.float64], bad: NDArray[np.bool_]) -> Peaks:
        """Take the next samples of envelopes and of the leads' state; return the beats now decided.

        Parameters
        ----------
        e, h : ndarray of float64, shape (leads, m)
            Envelopes at 10 and 20 Hz in mV, of the same instants.
        bad : ndarray of bool, shape (leads, m)
            True where a lead is missing or flat.
        """
        found, facts, candidates = self._room(e.shape[1])
        counts = _search(e, h, bad, np.asarray(bad.all(axis=0)), *self._carried(), found, facts, candidates)
        return self._peaks(counts, found, facts, candidates)

    def _carried(self) -> _Carried:
        return self._weights, self._ints, self._last_h, self._leads, self._ring, self._lead_ring, self._opening

    def _room(self, m: int) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        most = m // REFRACTORY + RING // REFRACTORY + START // REFRACTORY + 2
        candidates = np.empty(((m + START) // 2 + RING, 1 + len(FEATURES))) if self._keep else NO_CANDIDATES
        return np.empty((3, most), dtype=np.int64), np.empty((2, most)), candidates

    def _peaks(
        self,
        counts: tuple[int, int],
        found: NDArray[np.int64],
        facts: NDArray[np.float64],
        candidates: NDArray[np.float64],
    ) -> Peaks:
        n, n_candidates = counts
        if self._opening.size and self._ints[CLOCK] >= START:
            self._opening = np.zeros((0, 0))
        if self._keep:
            self.candidates.append(candidates[:n_candidates].copy())
        if not n:
            return NO_PEAKS
        return Peaks(found[0, :n], found[1, :n], facts[0, :n], facts[1, :n], found[2, :n].astype(np.bool_))

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {
            "ints": self._ints.copy(),
            "last_h": self._last_h.copy(),
            "leads": self._leads.copy(),
            "ring": self._ring.copy(),
            "lead_ring": self._lead_ring.copy(),
            "opening": self._opening.copy(),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._ints[:], self._last_h[:], self._leads[:] = state["ints"], state["last_h"], state["leads"]
        self._ring[:], self._lead_ring[:] = state["ring"], state["lead_ring"]
        self._opening = np.array(state["opening"], dtype=np.float64)
