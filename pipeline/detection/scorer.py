"""One patient's scores: context, shared network, rhythm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.context import QRS, Context, State
from pipeline.detection.contextual import ContextualBeats
from pipeline.detection.model import BeatModel
from pipeline.detection.network import LEADS, inputs
from pipeline.detection.surroundings import NOISE_AFTER, NOISE_BEFORE, P_WAVE

__all__ = [
    "KIND_OTHER",
    "KIND_SUPRAVENTRICULAR",
    "KIND_VENTRICULAR",
    "NOISE_SHARE",
    "Prepared",
    "ScoreParts",
    "Scorer",
    "Scores",
    "fuse",
    "rhythm_term",
    "shares_of_shape",
]

# Chosen on DS1, as the model card tells.
CORE = slice(50, 75)  # R - 10 to R + 15: the QRS itself, which noise and a changed T wave leave the clearest
NOISE_SHARE = 0.5  # share of a noise burst that is taken off the distance, both being logs
LEAST = 0.4  # share of the nearest lead in the fused distance; the rest is the mean

# The rhythm term: earliness in units of the patient's own variability, saturating.
RHYTHM_HEIGHT = 2.5  # at most so much is added to the score
RHYTHM_GAIN = 0.4 / 3.0
RHYTHM_FLOOR = 0.02  # variability that even the steadiest rhythm is granted
P_GAIN = 0.04  # by how much a changed P wave makes a slightly early beat earlier, and a usual one less early
P_USUAL = 0.5  # deviation above the usual, in logs, that tells nothing
P_CHANGED = 0.7  # and that tells most: far beyond it lies noise, or the T wave before
P_REACH = 0.15  # a beat that is much earlier needs no P wave to tell

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
        What the network reads, see :func:`pipeline.detection.network.inputs`.
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
    window, expected : ndarray of float32, shape (n, samples, leads)
        The beat and what was expected, in mV; NaN in a lead that is not there.
    """

    score: NDArray[np.float64]
    shape: NDArray[np.float64]
    rhythm: NDArray[np.float64]
    kind: NDArray[np.uint8]
    rr: NDArray[np.float64]
    noise: NDArray[np.float64]
    window: NDArray[np.float32]
    expected: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ScoreParts:
    """What scores are made of, lead by lead.

    Attributes
    ----------
    foreseen, error : ndarray of float32, shape (n, leads, samples of ``QRS``)
        The residual as the network gives it, and what is left of the true one, in units of the patient's noise.
    distance : ndarray of float64, shape (n, leads)
        Log of the error, the network's and the template's: what the shape's part is before noise is taken off.
    noise : ndarray of float32, shape (n, leads)
        Log of the noise around the beat over the patient's usual, of which ``NOISE_SHARE`` is taken off.
    unknown : ndarray of bool, shape (n, leads)
        True where a lead has no say.
    shape, rhythm : ndarray of float64, shape (n,)
        The two parts of the score.
    p_wave : ndarray of float64, shape (n,)
        Log of the P wave's deviation over the patient's usual, noise taken off: its say in the rhythm.
    """

    foreseen: NDArray[np.float32]
    error: NDArray[np.float32]
    distance: NDArray[np.float64]
    noise: NDArray[np.float32]
    unknown: NDArray[np.bool_]
    shape: NDArray[np.float64]
    rhythm: NDArray[np.float64]
    p_wave: NDArray[np.float64]


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
        *,
        learn: bool = True,
    ) -> Prepared:
        """Set beats against the patient's context, which learns them; arguments as in :meth:`Context.advance`."""
        return self.read(self._context.advance(time, window, present, broken, learn=learn))

    def read(self, beats: ContextualBeats) -> Prepared:
        """Lay out what this model's network reads of beats in context."""
        return Prepared(beats, *inputs(beats, self.model.network.shape))

    def finish(self, prepared: Prepared, rebuilt: NDArray[np.float32]) -> Scores:
        """Turn what the network rebuilt, shape (n, steps, channels), into scores."""
        beats, parts = prepared.beats, self.dissect(prepared, rebuilt)
        expected = beats.template + beats.offset[:, :, None]
        expected[:, :, QRS] += parts.foreseen * beats.noise[:, :, QRS]
        gone = np.where(beats.present, np.float32(1), np.float32(np.nan))[:, :, None] * beats.scale[:, :, None]
        kind = np.where(
            parts.shape >= VENTRICULAR_SHAPE,
            KIND_VENTRICULAR,
            np.where(parts.rhythm >= SUPRAVENTRICULAR_RHYTHM, KIND_SUPRAVENTRICULAR, KIND_OTHER),
        )
        return Scores(
            score=parts.shape + parts.rhythm,
            shape=parts.shape,
            rhythm=parts.rhythm,
            kind=kind.astype(np.uint8),
            rr=beats.rr,
            noise=np.nan_to_num(fuse(np.where(parts.unknown, np.nan, parts.noise))),
            window=(beats.seen * gone).transpose(0, 2, 1),
            expected=np.where((beats.member < 0)[:, None, None], np.float32(np.nan), expected * gone).transpose(
                0, 2, 1
            ),
        )

    def dissect(self, prepared: Prepared, rebuilt: NDArray[np.float32]) -> ScoreParts:
        """Turn what the network rebuilt, shape (n, steps, channels), into what scores are made of."""
        beats = prepared.beats
        n, leads = beats.present.shape
        shape = self.model.network.shape

        def by_lead(values: NDArray[np.float32]) -> NDArray[np.float32]:
            steps = values.reshape(n, shape.steps, LEADS, shape.step).transpose(0, 2, 1, 3)
            return steps.reshape(n, LEADS, shape.steps * shape.step)[:, :leads]

        error = by_lead(prepared.residual - rebuilt)
        # The template's own error stands beside the network's: the network explains normal variation, and what it
        # explains too well the template still sees.
        distance = 0.5 * log_distance(error) + 0.5 * log_distance(beats.residual[:, :, QRS])
        noise = np.clip(np.maximum(beats.excess[:, :, NOISE_BEFORE], beats.excess[:, :, NOISE_AFTER]), 0.0, 3.0)
        unknown = ~beats.present | (beats.member < 0)[:, None]
        p_wave = fuse(np.where(unknown, np.nan, beats.excess[:, :, P_WAVE] - NOISE_SHARE * noise))
        return ScoreParts(
            foreseen=by_lead(rebuilt),
            error=error,
            distance=distance,
            noise=noise,
            unknown=unknown,
            shape=fuse(np.where(unknown, np.nan, distance - NOISE_SHARE * noise)),
            rhythm=rhythm_term(beats.early, beats.variability, p_wave),
            p_wave=p_wave,
        )

    def snapshot(self) -> State:
        """Return the carried state."""
        return self._context.snapshot()

    def restore(self, state: State) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._context.restore(state)


def log_distance(error: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the log of the root mean square of errors, shape (n, leads, samples of ``QRS``), shape (n, leads).

    Half of it is taken over all samples, half over the QRS complex itself.
    """
    square = np.square(error, dtype=np.float64)
    core = square[:, :, CORE.start - QRS.start : CORE.stop - QRS.start]
    distance: NDArray[np.float64] = 0.25 * np.log(square.mean(axis=2) + 1e-9) + 0.25 * np.log(core.mean(axis=2) + 1e-9)
    return distance


def shares_of_shape(
    error: NDArray[np.float32], residual: NDArray[np.float32], distance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each sample's share of the shape's part of the score.

    The shape's part is a weighted sum of logs of mean squares (:func:`log_distance`, :func:`fuse`), so this is its
    slope along the log of each sample's square: how much goes when the sample comes nearer to what was expected.

    Parameters
    ----------
    error, residual : ndarray of float32, shape (n, leads, samples of ``QRS``)
        What the network and what the template left unexplained, in units of the patient's noise.
    distance : ndarray of float64, shape (n, leads)
        What is fused; NaN in a lead that has no say.

    Returns
    -------
    ndarray of float64, shape (n, leads, samples of ``QRS``)
        Shares that sum to 1 in each beat; 0 in a lead that has no say.
    """
    core = slice(CORE.start - QRS.start, CORE.stop - QRS.start)
    share = np.zeros(error.shape)
    for values in (error, residual):
        square = np.square(values, dtype=np.float64) + 1e-12
        share += 0.25 * square / square.sum(axis=2, keepdims=True)
        share[:, :, core] += 0.25 * square[:, :, core] / square[:, :, core].sum(axis=2, keepdims=True)
    there = ~np.isnan(distance)
    nearest = np.where(there, distance, np.inf)
    is_nearest = there & (nearest == nearest.min(axis=1, keepdims=True))
    of_mean = there / np.maximum(there.sum(axis=1, keepdims=True), 1)
    of_least = is_nearest / np.maximum(is_nearest.sum(axis=1, keepdims=True), 1)
    shared: NDArray[np.float64] = share * ((1.0 - LEAST) * of_mean + LEAST * of_least)[:, :, None]
    return shared


def fuse(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fuse the leads' log distances, shape (n, leads), NaN where absent: partly their mean, partly the least.

    The least alone would need every lead to agree; the mean alone is at the mercy of one bad electrode.
    """
    there = ~np.isnan(distance)
    count = there.sum(axis=1)
    mean = np.where(there, distance, 0.0).sum(axis=1) / np.maximum(count, 1)
    least = np.where(there, distance, np.inf).min(axis=1)
    return np.where(count > 0, (1.0 - LEAST) * mean + LEAST * np.where(count > 0, least, 0.0), np.nan)


def rhythm_term(
    early: NDArray[np.float64], variability: NDArray[np.float64], p_wave: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what a beat's timing adds to its score; 0 where the interval before it is not known.

    The P wave has a say where a beat is slightly early, as sinus beats and premature atrial beats both are.
    """
    early = np.maximum(0.0, np.nan_to_num(early))
    beyond = np.maximum(p_wave - P_CHANGED, 0.0) / P_CHANGED
    changed = np.minimum(p_wave, P_CHANGED) * np.exp(-(beyond**2))
    evidence = np.nan_to_num(np.clip((changed - P_USUAL) / P_USUAL, -1.0, 1.0))
    early = early + P_GAIN * evidence * np.exp(-((early / P_REACH) ** 2)) * np.minimum(early / 0.03, 1.0)
    usual = np.nan_to_num(variability, nan=0.1)
    return RHYTHM_HEIGHT * np.tanh(RHYTHM_GAIN * np.maximum(early, 0.0) / (RHYTHM_FLOOR + usual))
