"""Which lead is there, sample by sample: missing samples, flat lines and what follows them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit, jit_helper
from pipeline.signals.resample import FS

__all__ = ["FLAT", "Conditioner", "condition", "flat_limits", "new_steps"]

FLAT = int(0.3 * FS)  # a signal that is constant for so long is no signal: no electrode, or the converter's rail
AFTER_FLAT = int(0.5 * FS)  # an electrode that comes back settles first
AFTER_MISSING = int(0.12 * FS)  # after a gap the envelopes still see what was held through it
SAME = 1e-5  # mV; below the step of any converter

# A converter of coarse steps, such as 0.1 mV, stands still between two beats: there a longer standstill is no signal.
COARSE_MV = 0.03
COARSE_FLAT = int(2.0 * FS)
CHANGES = 100  # of the value, before the least of them counts as the converter's step


class Conditioner:
    """Make the signal continuous and say where each lead can be trusted.

    A missing sample repeats the last one. When the signal returns elsewhere, the jump is taken out: every stage that
    follows is blind to a constant, and a jump would look like a QRS complex. The signal begins at zero.

    Parameters
    ----------
    n_leads : int
        Number of leads.
    """

    def __init__(self, n_leads: int) -> None:
        # Per lead: last output, offset, last input; then run of equal samples, run of missing ones, samples to settle.
        self.levels = np.full((n_leads, 3), np.nan)
        self.levels[:, :2] = 0.0
        self.runs = np.zeros((n_leads, 3), dtype=np.int64)
        self.runs[:, 1] = FLAT  # nothing has been seen yet

    def process(self, signal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Take the next samples, shape (leads, m) in mV, NaN where missing.

        Returns
        -------
        continuous : ndarray of float64, shape (leads, m)
            Finite everywhere.
        state : ndarray of uint8, shape (leads, m)
            0 good, 1 settling, 2 a short hole that was held, 3 missing, 4 flat.
        """
        out = np.empty_like(signal)
        state = np.empty(signal.shape, dtype=np.uint8)
        for lead, row in enumerate(signal):
            limits = np.full(len(row), FLAT, dtype=np.int64)
            _condition(row, self.levels[lead], self.runs[lead], limits, out[lead], state[lead])
        return out, state

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {"levels": self.levels.copy(), "runs": self.runs.copy()}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self.levels[:], self.runs[:] = state["levels"], state["runs"]


@jit_helper
def condition(
    signal: NDArray[np.float64],
    levels: NDArray[np.float64],
    runs: NDArray[np.int64],
    limits: NDArray[np.int64],
    out: NDArray[np.float64],
    state: NDArray[np.uint8],
) -> None:
    """Do it for one lead; ``levels`` and ``runs`` are carried, ``limits`` says what is flat (:func:`flat_limits`)."""
    last, offset, before = levels[0], levels[1], levels[2]
    equal, missing, settle = runs[0], runs[1], runs[2]
    for n in range(len(signal)):
        value = signal[n]
        if not np.isfinite(value):
            missing += 1
            equal = 0
            out[n] = last
            state[n] = 3 if missing >= FLAT else 2
            if missing >= FLAT:
                settle = max(settle, AFTER_MISSING)
            continue
        if missing > 0:
            offset = last - value
            missing = 0
        elif abs(value - before) < SAME:
            equal += 1
        else:
            equal = 0
        before = value
        last = value + offset
        out[n] = last
        if equal >= limits[n]:
            state[n] = 4
            settle = AFTER_FLAT
        elif settle > 0:
            state[n] = 1
            settle -= 1
        else:
            state[n] = 0
    levels[0], levels[1], levels[2] = last, offset, before
    runs[0], runs[1], runs[2] = equal, missing, settle


def new_steps(n_leads: int) -> NDArray[np.float64]:
    """Return what :func:`flat_limits` carries, before any sample: last value, least change, changes, next sample."""
    steps = np.zeros((n_leads, 4))
    steps[:, 0], steps[:, 1] = np.nan, np.inf
    return steps


@jit_helper
def flat_limits(
    raw: NDArray[np.float64],
    start: int,
    first: int,
    step: int,
    den: int,
    steps: NDArray[np.float64],
    limits: NDArray[np.int64],
) -> None:
    """Say for each resampled sample of one lead how many equal ones are a flat line, by the steps of its converter.

    What a sample is told depends on the input up to its own time, so it does not depend on the chunking.

    Parameters
    ----------
    raw : ndarray, shape (n,)
        Input from sample ``start`` on, in mV.
    start, first, step, den : int
        Resampled sample ``first`` and those after it stand at input samples ``k * step / den``.
    steps : ndarray of float64, shape (4,)
        Carried, see :func:`new_steps`.
    limits : ndarray of int64, shape (m,)
        Is filled.
    """
    last, least, changes, position = steps[0], steps[1], steps[2], int(steps[3])
    for n in range(len(limits)):
        until = (first + n) * step // den
        while position <= until:
            value = raw[position - start]
            if np.isfinite(value):
                change = abs(value - last)
                if change > 0.1 * SAME:  # not from or to nothing
                    changes += 1.0
                    least = min(least, change)
                last = value
            position += 1
        limits[n] = COARSE_FLAT if changes >= CHANGES and least >= COARSE_MV else FLAT
    steps[0], steps[1], steps[2], steps[3] = last, least, changes, float(position)


_condition = jit(condition)
