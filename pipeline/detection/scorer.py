"""One patient's scores: context, shared networks, the sequence of the beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.context import QRS, Context, State
from pipeline.detection.contextual import ContextualBeats
from pipeline.detection.model import BeatModel
from pipeline.detection.reading import inputs
from pipeline.detection.score_parts import ScoreParts, take_apart
from pipeline.detection.sequence.reader import SequenceReader, SequenceReading
from pipeline.detection.width import likeness_of, width_of
from pipeline.jit import jit
from pipeline.snapshot import joined, part_of

__all__ = ["KIND_OTHER", "KIND_SUPRAVENTRICULAR", "KIND_VENTRICULAR", "Prepared", "Scorer", "Scores"]

# Log odds of a ventricular beat that a strange shape adds to the sequence's, and from where. Chosen on DS1 and svdb 800
# to 859: the sequence alone finds more ventricular beats there, and calls more others so.
WIDE, STRANGE = 2.0, 0.9

KIND_NORMAL, KIND_VENTRICULAR, KIND_SUPRAVENTRICULAR, KIND_OTHER = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Beats that wait for the network.

    Attributes
    ----------
    beats : ContextualBeats
        The beats in context.
    residual, condition : ndarray of float32
        What the network reads, see :func:`pipeline.detection.reading.inputs`.
    held : ndarray of bool, shape (n,)
        True for a beat that must not teach.
    """

    beats: ContextualBeats
    residual: NDArray[np.float32]
    condition: NDArray[np.float32]
    held: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores of beats, in columns of shape (n,).

    Attributes
    ----------
    score : ndarray of float64
        Log odds of an abnormal beat, as the sequence network tells them; NaN for a beat that cannot be scored.
    shape : ndarray of float64
        Log of the reconstruction error in units of the patient's own noise, which the sequence network reads.
    kind : ndarray of uint8
        What the beat would be called if it were an anomaly: 1 ventricular, 2 supraventricular, 3 other.
    sequence : SequenceReading
        What else the sequence network tells.
    rr : ndarray of float64
        R-R interval in s, NaN where unknown.
    noise : ndarray of float64
        Log of the noise around the beat over the patient's usual, leads fused; 0 where it is not known or less.
    likeness, width : ndarray of float64
        How much the QRS is like the patient's own, as a correlation, and how wide it is, as the log of its deviation
        over that of its slope in samples; means over the leads, NaN where nothing is known.
    window, expected : ndarray of float32, shape (n, samples, leads)
        The beat and what was expected, in mV; NaN in a lead that is not there or has no say.
    """

    score: NDArray[np.float64]
    shape: NDArray[np.float64]
    kind: NDArray[np.uint8]
    sequence: SequenceReading
    rr: NDArray[np.float64]
    noise: NDArray[np.float64]
    likeness: NDArray[np.float64]
    width: NDArray[np.float64]
    window: NDArray[np.float32]
    expected: NDArray[np.float32]


class Scorer:
    """Score one patient's beats and keep learning what is usual for that patient.

    The work is cut in two, so that the network, which is common to all patients, runs once over the beats of many.

    Parameters
    ----------
    model : BeatModel
        What all patients share.
    n_leads : int
        Number of leads, 1 or 2.
    """

    def __init__(self, model: BeatModel, n_leads: int) -> None:
        self.model = model
        self._context = Context(n_leads)
        self._sequence = SequenceReader(model.sequence)

    def prepare(
        self,
        time: NDArray[np.float64],
        window: NDArray[np.float64],
        present: NDArray[np.bool_],
        broken: NDArray[np.bool_],
        held: NDArray[np.bool_] | None = None,
        *,
        learn: bool = True,
    ) -> Prepared:
        """Set beats against the patient's context, which learns them; arguments as in :meth:`Context.advance`.

        Beats that have been prepared with ``learn`` are to be scored once each, in their order.
        """
        return self.read(self._context.advance(time, window, present, broken, held, learn=learn), held)

    def read(self, beats: ContextualBeats, held: NDArray[np.bool_] | None = None) -> Prepared:
        """Lay out what this model's network reads of beats in context."""
        held = np.zeros(len(beats.rr), dtype=np.bool_) if held is None else held
        return Prepared(beats, *inputs(beats, self.model.shape), held)

    def finish(self, prepared: Prepared, rebuilt: NDArray[np.float32], *, learn: bool = True) -> Scores:
        """Turn what the network rebuilt, shape (n, steps, channels), into scores."""
        return self.scores(prepared, take_apart(prepared.beats, prepared.residual, rebuilt), learn=learn)

    def scores(self, prepared: Prepared, parts: ScoreParts, *, learn: bool = True) -> Scores:
        """Put scores together from their parts, and let the sequence go on; without ``learn`` it stays where it is."""
        beats = prepared.beats
        n, leads, samples = beats.seen.shape
        window = np.empty((n, samples, leads), dtype=np.float32)
        expected = np.empty((n, samples, leads), dtype=np.float32)
        likeness, width = np.empty(n), np.empty(n)
        _conclude(
            beats.seen, beats.template, beats.offset, beats.noise, beats.scale, beats.present, beats.member,
            parts.foreseen, window, expected, likeness, width,
        )  # fmt: skip
        read = self._sequence.read if learn else self._sequence.read_apart
        sequence = read(beats.rr, parts.shape, parts.p_wave, parts.burst, prepared.held)
        is_ventricular = sequence.ventricular + WIDE * (parts.shape - STRANGE) > 0.0
        kind = np.where(is_ventricular, KIND_VENTRICULAR, KIND_SUPRAVENTRICULAR)
        return Scores(
            score=sequence.score,
            shape=parts.shape,
            kind=np.where(np.isnan(sequence.score), KIND_OTHER, kind).astype(np.uint8),
            sequence=sequence,
            rr=beats.rr,
            noise=parts.burst,
            likeness=likeness,
            width=width,
            window=window,
            expected=expected,
        )

    def snapshot(self) -> State:
        """Return the carried state."""
        return joined({"context": self._context.snapshot(), "sequence": self._sequence.snapshot()})

    def restore(self, state: State) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._context.restore(part_of(state, "context"))
        self._sequence.restore(part_of(state, "sequence"))


@jit
def _conclude(
    seen: NDArray[np.float32],
    template: NDArray[np.float32],
    offset: NDArray[np.float32],
    unit: NDArray[np.float32],
    scale: NDArray[np.float32],
    present: NDArray[np.bool_],
    member: NDArray[np.int64],
    foreseen: NDArray[np.float32],
    window: NDArray[np.float32],
    expected: NDArray[np.float32],
    likeness: NDArray[np.float64],
    width: NDArray[np.float64],
) -> None:
    n, leads, samples = seen.shape
    for i in range(n):
        like = wide = 0.0
        heard = 0
        for lead in range(leads):
            if member[i] >= 0 and present[i, lead]:
                like += likeness_of(seen[i, lead], template[i, lead])
                wide += width_of(seen[i, lead])
                heard += 1
            for j in range(samples):
                if not present[i, lead]:
                    window[i, j, lead] = np.nan
                    expected[i, j, lead] = np.nan
                    continue
                window[i, j, lead] = seen[i, lead, j] * scale[i, lead]
                value = template[i, lead, j] + offset[i, lead]
                if QRS.start <= j < QRS.stop:
                    value += foreseen[i, lead, j - QRS.start] * unit[i, lead, j]
                expected[i, j, lead] = value * scale[i, lead] if member[i] >= 0 else np.nan
        likeness[i] = like / heard if heard else np.nan
        width[i] = wide / heard if heard else np.nan
