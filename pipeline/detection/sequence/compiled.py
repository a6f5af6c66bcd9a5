"""The sequence network, compiled: one patient's beats, one after the other, with the state carried."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.recurrence import dense, dense_weights, layer_weights, squash, step, zeros
from pipeline.detection.sequence.heads import CLASSES, STATES, STRANGENESS, SequenceShape
from pipeline.detection.sequence.tokens import (
    INTERVAL,
    P_COLUMN,
    READ,
    SHAPE_COLUMN,
    UNTIMELY,
    USUAL_INTERVAL,
    squashed_shape,
)
from pipeline.jit import jit, jit_helper

__all__ = ["AS_IT_IS", "USUAL_P", "USUAL_RR", "USUAL_SHAPE", "CompiledSequence", "expected_weights"]

Floats = NDArray[np.float32]
TWO = 2  # layers are compiled for an even number of beats side by side; a sequence stands beside itself
AS_IT_IS, USUAL_RR, USUAL_SHAPE, USUAL_P = range(4)
_INTERVAL, _USUAL_INTERVAL = np.array(INTERVAL), np.array(USUAL_INTERVAL, dtype=np.float32)
WAYS = 4  # in which a beat is judged: as it is, at its usual interval, with its usual shape, with its usual P wave


def expected_weights(shape: SequenceShape) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the weights of a network."""
    out: dict[str, tuple[int, ...]] = {
        "lstm.weight_ih_l0": (4 * shape.hidden, READ),
        "lstm.weight_hh_l0": (4 * shape.hidden, shape.hidden),
        "lstm.bias_ih_l0": (4 * shape.hidden,),
        "lstm.bias_hh_l0": (4 * shape.hidden,),
    }
    for name, sizes in {
        "judge": (shape.judge, shape.hidden + READ),
        "classes": (len(CLASSES), shape.judge),
        "interval": (3 * shape.mixtures, shape.hidden),
        "states": (len(STATES), shape.hidden),
    }.items():
        out |= {f"{name}.weight": sizes, f"{name}.bias": sizes[:1]}
    return out


class CompiledSequence:
    """The forward pass of a :class:`pipeline.detection.sequence.network.SequenceNetwork`.

    Parameters
    ----------
    shape : SequenceShape
        Sizes of the network.
    weights : dict of ndarray of float32
        By the names that torch gives them.

    Raises
    ------
    ValueError
        If the weights are not those of such a network.
    """

    def __init__(self, shape: SequenceShape, weights: Mapping[str, Floats]) -> None:
        found, expected = {name: w.shape for name, w in weights.items()}, expected_weights(shape)
        if found != expected:
            wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
            raise ValueError(f"{', '.join(wrong)} is missing, of another shape, or too many")
        self.shape = shape
        self._lstm = layer_weights(weights, "lstm")
        self._dense = [dense_weights(weights, name) for name in ("judge", "classes", "interval", "states")]

    def new_state(self) -> Floats:
        """Return the state before the first beat, shape (2, hidden): cell and hidden."""
        return np.zeros((2, self.shape.hidden), dtype=np.float32)

    def run(
        self, token: Floats, before: NDArray[np.float64], held: NDArray[np.bool_], state: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Read beats that follow each other and let the state follow them.

        Parameters
        ----------
        token : ndarray of float32, shape (n, READ)
            The beats.
        before : ndarray of float64, shape (n, BEFORE)
            What held before each, as :func:`pipeline.detection.sequence.tokens.follow_beats` writes it.
        held : ndarray of bool, shape (n,)
            Beats that the state does not follow.
        state : ndarray of float32, shape (2, hidden)
            The carried state.

        Returns
        -------
        classes : ndarray of float32, shape (n, 4, 3)
            Logits of each beat's class: as it is, and as it would be at its usual interval, with its usual shape, and
            with its usual P wave.
        interval, states : ndarray of float32, shapes (n, 3 * mixtures) and (n, states)
            As :class:`pipeline.detection.sequence.network.SequenceOutput` describes them.
        """
        n = len(token)
        classes = np.empty((n, WAYS, len(CLASSES)), dtype=np.float32)
        interval = np.empty((n, 3 * self.shape.mixtures), dtype=np.float32)
        states = np.empty((n, len(STATES)), dtype=np.float32)
        judge, of_classes, of_interval, of_states = self._dense
        _read(
            token,
            before,
            held,
            state,
            *self._lstm,
            *judge,
            *of_classes,
            *of_interval,
            *of_states,
            classes,
            interval,
            states,
        )
        return classes, interval, states


@jit_helper
def _judge(
    token: Floats,
    before: NDArray[np.float64],
    hidden: Floats,
    units: int,
    judge: Floats,
    judge_bias: Floats,
    classes: Floats,
    classes_bias: Floats,
    out: Floats,
) -> None:
    read = zeros(WAYS, judge.shape[0])
    judged = zeros(WAYS, classes.shape[0])
    room = zeros(WAYS, judge.shape[1])
    for way in range(WAYS):
        for j in range(units):
            read[way, j] = hidden[j]
        for j in range(len(token)):
            read[way, units + j] = token[j]
    for k in range(len(INTERVAL)):
        read[USUAL_RR, units + _INTERVAL[k]] = _USUAL_INTERVAL[k]
    at = units + SHAPE_COLUMN
    read[USUAL_SHAPE, at] = before[1]
    read[USUAL_SHAPE, at + 1] = squashed_shape(before[1])
    read[USUAL_SHAPE, at + 2] = 0.0
    at = units + P_COLUMN
    read[USUAL_P, at] = before[2]
    read[USUAL_P, at + 1] = 0.0
    read[USUAL_P, units + UNTIMELY] = before[3]
    dense(room, read, judge, judge_bias)
    for way in range(WAYS):
        for k in range(room.shape[1]):
            judged[way, k] = squash(room[way, k])
    dense(out, judged, classes, classes_bias)
    for way in range(WAYS):
        strange = np.float32(STRANGENESS) * (read[way, units + SHAPE_COLUMN] + read[way, units + UNTIMELY])
        for k in range(1, out.shape[1]):
            out[way, k] += strange


@jit
def _read(
    token: Floats,
    before: NDArray[np.float64],
    held: NDArray[np.bool_],
    state: Floats,
    of_input: Floats,
    of_hidden: Floats,
    bias: Floats,
    judge: Floats,
    judge_bias: Floats,
    classes: Floats,
    classes_bias: Floats,
    interval: Floats,
    interval_bias: Floats,
    states: Floats,
    states_bias: Floats,
    told_classes: Floats,
    told_interval: Floats,
    told_states: Floats,
) -> None:
    units, columns = state.shape[1], token.shape[1]
    read = zeros(TWO, of_input.shape[0])
    gates = zeros(TWO, 4 * units)
    cell = zeros(TWO, units)
    hidden = zeros(TWO, of_hidden.shape[0])
    of_next = zeros(TWO, interval.shape[1])
    of_state = zeros(TWO, states.shape[1])
    for lane in range(TWO):
        for j in range(units):
            cell[lane, j], hidden[lane, j] = state[0, j], state[1, j]
    for i in range(len(token)):
        _judge(token[i], before[i], hidden[0], units, judge, judge_bias, classes, classes_bias, told_classes[i])
        dense(of_next, hidden, interval, interval_bias)
        for j in range(of_next.shape[1]):
            told_interval[i, j] = of_next[0, j]
        if not held[i]:
            for lane in range(TWO):
                for j in range(columns):
                    read[lane, j] = token[i, j]
            step(read, of_input, of_hidden, bias, gates, cell, hidden)
        dense(of_state, hidden, states, states_bias)
        for j in range(of_state.shape[1]):
            told_states[i, j] = of_state[0, j]
    for j in range(units):
        state[0, j], state[1, j] = cell[0, j], hidden[0, j]
