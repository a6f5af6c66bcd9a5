"""One patient's beats through the sequence network, with what is carried from beat to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.sequence.compiled import AS_IT_IS, USUAL_P, USUAL_RR, USUAL_SHAPE, CompiledSequence
from pipeline.detection.sequence.heads import LIKELY
from pipeline.detection.sequence.reference import log_interval
from pipeline.detection.sequence.tokens import BEFORE, HELD_COLUMN, READ, follow_beats, new_memory
from pipeline.jit import jit, jit_helper

__all__ = ["SequenceReader", "SequenceReading"]

Floats = NDArray[np.float64]

# The score is the network's log odds of an abnormal beat, brought to a scale on which a usual beat has about 0.
UNIT, USUAL = 3.0, -6.0
HIGHEST_ODDS = 30.0
BISECTIONS = 40  # of the median interval: to 1e-12 of the range
LEAST_SCALE = -5.5  # log scale of a logistic distribution, as training has it


@dataclass(frozen=True, slots=True, eq=False)
class SequenceReading:
    """What the sequence network says of beats; columns of shape (n,).

    Attributes
    ----------
    score : ndarray of float64
        Log odds that the beat is abnormal, over :data:`UNIT`, from what a usual beat has; NaN for a beat without shape.
    rhythm, shape, p_wave : ndarray of float64
        How much of the score its interval, shape and P wave bring: what would be gone if that were as usual.
    ventricular : ndarray of float64
        Log odds that it is ventricular rather than supraventricular, if it is abnormal.
    expected_rr : ndarray of float64
        Median of the interval that a normal beat would have had, in s; NaN where nothing is known of the rate.
    earlier : ndarray of float64
        Share of normal beats that would have come as early or earlier; NaN where the interval is not known.
    state : ndarray of uint8
        The rhythm after the beat, an index into :data:`pipeline.records.RHYTHMS`; 0 where none is likely.
    state_probability : ndarray of float32
        Probability of the likeliest one.
    held : ndarray of bool
        Whether the references are held, so that the beat changes nothing of what is usual.
    """

    score: Floats
    rhythm: Floats
    shape: Floats
    p_wave: Floats
    ventricular: Floats
    expected_rr: Floats
    earlier: Floats
    state: NDArray[np.uint8]
    state_probability: NDArray[np.float32]
    held: NDArray[np.bool_]


class SequenceReader:
    """Follow one patient.

    Parameters
    ----------
    network : CompiledSequence
        Shared by all patients.
    """

    def __init__(self, network: CompiledSequence) -> None:
        self._network = network
        self._memory = new_memory()
        self._state = network.new_state()

    def read(
        self,
        rr: Floats,
        shape: Floats,
        p_wave: Floats,
        noise: Floats,
        held: NDArray[np.bool_] | None = None,
    ) -> SequenceReading:
        """Read beats that follow each other; arguments as :func:`pipeline.detection.sequence.tokens.follow_beats`.

        A beat of ``held`` is read, and nothing of it is kept but that an interval ended there.
        """
        n = len(rr)
        held = np.zeros(n, dtype=np.bool_) if held is None else held
        token = np.empty((n, READ), dtype=np.float32)
        before = np.empty((n, BEFORE))
        follow_beats(rr, shape, p_wave, noise, held, self._memory, token, before)
        classes, interval, states = self._network.run(token, before, held, self._state)
        out = np.empty((7, n))
        state, probability = np.empty(n, dtype=np.uint8), np.empty(n, dtype=np.float32)
        _conclude(rr, shape, before[:, 0].copy(), classes, interval, states, out, state, probability)
        return SequenceReading(
            score=out[0],
            rhythm=out[1],
            shape=out[2],
            p_wave=out[3],
            ventricular=out[4],
            expected_rr=out[5],
            earlier=out[6],
            state=state,
            state_probability=probability,
            held=token[:, HELD_COLUMN] > 0,
        )

    def read_apart(
        self,
        rr: Floats,
        shape: Floats,
        p_wave: Floats,
        noise: Floats,
        held: NDArray[np.bool_] | None = None,
    ) -> SequenceReading:
        """Read each beat as the next one, and go back to where the sequence stands."""
        before, parts = self.snapshot(), []
        for i in range(len(rr)):
            at = slice(i, i + 1)
            parts.append(self.read(rr[at], shape[at], p_wave[at], noise[at]))
            self.restore(before)
        if not parts:
            return self.read(rr, shape, p_wave, noise, held)
        return SequenceReading(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in SequenceReading.__slots__)
        )

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {"memory": self._memory.copy(), "state": self._state.copy()}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._memory[:], self._state[:] = state["memory"], state["state"]


@jit
def _conclude(
    rr: Floats,
    shape: Floats,
    slow: Floats,
    classes: NDArray[np.float32],
    interval: NDArray[np.float32],
    states: NDArray[np.float32],
    out: NDArray[np.float64],
    state: NDArray[np.uint8],
    probability: NDArray[np.float32],
) -> None:
    for i in range(len(rr)):
        odds, known, scored = _odds(classes[i, AS_IT_IS]), rr[i] > 0.0, not np.isnan(shape[i])
        out[0, i] = (odds - USUAL) / UNIT if scored else np.nan
        out[1, i] = (odds - _odds(classes[i, USUAL_RR])) / UNIT if scored and known else 0.0
        out[2, i] = (odds - _odds(classes[i, USUAL_SHAPE])) / UNIT if scored else 0.0
        out[3, i] = (odds - _odds(classes[i, USUAL_P])) / UNIT if scored else 0.0
        out[4, i] = np.float64(classes[i, AS_IT_IS, 2]) - np.float64(classes[i, AS_IT_IS, 1])
        out[5, i] = np.exp(slow[i] + _median(interval[i])) if not np.isnan(slow[i]) else np.nan
        out[6, i] = _share_below(interval[i], log_interval(rr[i]) - slow[i]) if known and slow[i] == slow[i] else np.nan
        total, best = 0.0, 0
        for k in range(states.shape[1]):
            if states[i, k] > states[i, best]:
                best = k
        for k in range(states.shape[1]):
            total += np.exp(np.float64(states[i, k]) - np.float64(states[i, best]))
        probability[i] = 1.0 / total
        state[i] = best + 1 if probability[i] >= LIKELY else 0


@jit_helper
def _odds(classes: NDArray[np.float32]) -> float:
    """Return the log odds of an abnormal beat."""
    normal, a, b = np.float64(classes[0]), np.float64(classes[1]), np.float64(classes[2])
    highest = max(a, b)
    odds = highest + np.log(np.exp(a - highest) + np.exp(b - highest)) - normal
    return float(min(max(odds, -HIGHEST_ODDS), HIGHEST_ODDS))


@jit_helper
def _share_below(interval: NDArray[np.float32], x: float) -> float:
    """Return the share of a mixture of logistics that lies below ``x``."""
    mixtures = len(interval) // 3
    highest, total, below = -np.inf, 0.0, 0.0
    for k in range(mixtures):
        highest = max(highest, np.float64(interval[k]))
    for k in range(mixtures):
        weight = np.exp(np.float64(interval[k]) - highest)
        scale = np.exp(min(max(np.float64(interval[2 * mixtures + k]), LEAST_SCALE + 1.0), 2.0) - 1.0)
        total += weight
        below += weight / (1.0 + np.exp(min(max(-(x - np.float64(interval[mixtures + k])) / scale, -700.0), 700.0)))
    return float(below / total)


@jit_helper
def _median(interval: NDArray[np.float32]) -> float:
    low, high = -2.0, 2.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if _share_below(interval, middle) < 0.5:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
