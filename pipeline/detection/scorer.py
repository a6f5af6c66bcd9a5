"""One patient's scores: context, shared network, rhythm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.context import QRS, Context, State
from pipeline.detection.contextual import ContextualBeats
from pipeline.detection.model import BeatModel
from pipeline.detection.reading import inputs
from pipeline.detection.score_parts import ScoreParts, fuse_leads, take_apart
from pipeline.detection.width import likeness_of, width_of
from pipeline.jit import jit

__all__ = ["KIND_OTHER", "KIND_SUPRAVENTRICULAR", "KIND_VENTRICULAR", "Prepared", "Scorer", "Scores"]

# Where an anomaly's shape alone is strange enough to call it ventricular, and its timing to call it supraventricular.
VENTRICULAR_SHAPE = 0.75
SUPRAVENTRICULAR_RHYTHM = 1.1
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
    """

    beats: ContextualBeats
    residual: NDArray[np.float32]
    condition: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores of beats, in columns of shape (n,).

    Attributes
    ----------
    score : ndarray of float64
        Shape plus rhythm: log of the reconstruction error in units of the patient's own noise, plus the rhythm term.
        NaN for a beat that cannot be scored.
    shape, rhythm : ndarray of float64
        Its two parts.
    kind : ndarray of uint8
        What the beat would be called if it were an anomaly: 1 ventricular, 2 supraventricular, 3 other.
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
    rhythm: NDArray[np.float64]
    kind: NDArray[np.uint8]
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
        """Set beats against the patient's context, which learns them; arguments as in :meth:`Context.advance`."""
        return self.read(self._context.advance(time, window, present, broken, held, learn=learn))

    def read(self, beats: ContextualBeats) -> Prepared:
        """Lay out what this model's network reads of beats in context."""
        return Prepared(beats, *inputs(beats, self.model.shape))

    def finish(self, prepared: Prepared, rebuilt: NDArray[np.float32]) -> Scores:
        """Turn what the network rebuilt, shape (n, steps, channels), into scores."""
        return self.scores(prepared, take_apart(prepared.beats, prepared.residual, rebuilt))

    def scores(self, prepared: Prepared, parts: ScoreParts) -> Scores:
        """Put scores together from their parts."""
        beats = prepared.beats
        n, leads, samples = beats.seen.shape
        window = np.empty((n, samples, leads), dtype=np.float32)
        expected = np.empty((n, samples, leads), dtype=np.float32)
        noise, likeness, width = np.empty(n), np.empty(n), np.empty(n)
        kind = np.empty(n, dtype=np.uint8)
        _conclude(
            beats.seen, beats.template, beats.offset, beats.noise, beats.scale, beats.present, beats.member,
            parts.foreseen, parts.noise, parts.unknown, parts.shape, parts.rhythm, window, expected, noise, kind,
            likeness, width,
        )  # fmt: skip
        return Scores(
            score=parts.shape + parts.rhythm,
            shape=parts.shape,
            rhythm=parts.rhythm,
            kind=kind,
            rr=beats.rr,
            noise=noise,
            likeness=likeness,
            width=width,
            window=window,
            expected=expected,
        )

    def snapshot(self) -> State:
        """Return the carried state."""
        return self._context.snapshot()

    def restore(self, state: State) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._context.restore(state)


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
    noise: NDArray[np.float32],
    unknown: NDArray[np.bool_],
    shape: NDArray[np.float64],
    rhythm: NDArray[np.float64],
    window: NDArray[np.float32],
    expected: NDArray[np.float32],
    fused_noise: NDArray[np.float64],
    kind: NDArray[np.uint8],
    likeness: NDArray[np.float64],
    width: NDArray[np.float64],
) -> None:
    n, leads, samples = seen.shape
    of_leads = np.empty(leads)
    for i in range(n):
        like = wide = 0.0
        heard = 0
        for lead in range(leads):
            if member[i] >= 0 and present[i, lead]:
                like += likeness_of(seen[i, lead], template[i, lead])
                wide += width_of(seen[i, lead])
                heard += 1
            of_leads[lead] = np.nan if unknown[i, lead] else noise[i, lead]
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
        fused = fuse_leads(of_leads)
        fused_noise[i] = 0.0 if np.isnan(fused) else fused
        if shape[i] >= VENTRICULAR_SHAPE:
            kind[i] = KIND_VENTRICULAR
        elif rhythm[i] >= SUPRAVENTRICULAR_RHYTHM:
            kind[i] = KIND_SUPRAVENTRICULAR
        else:
            kind[i] = KIND_OTHER
