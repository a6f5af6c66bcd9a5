"""How far a beat's shape is from what was expected: what the sequence network reads beside its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.context import QRS
from pipeline.detection.contextual import ContextualBeats
from pipeline.detection.surroundings import NOISE_AFTER, NOISE_BEFORE, P_WAVE
from pipeline.jit import jit, jit_helper

__all__ = ["NOISE_SHARE", "ScoreParts", "fuse", "fuse_leads", "shares_of_shape", "take_apart"]

# Chosen on DS1, as the model card tells.
CORE = slice(50, 75)  # R - 10 to R + 15: the QRS itself, which noise and a changed T wave leave the clearest
NOISE_SHARE = 0.5  # share of a noise burst that is taken off the distance, both being logs
LEAST = 0.4  # share of the nearest lead in the fused distance; the rest is the mean


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
    shape : ndarray of float64, shape (n,)
        How far the shape is from what was expected: the distances fused, noise taken off; NaN where no lead has a say.
    p_wave : ndarray of float64, shape (n,)
        Log of the P wave's deviation over the patient's usual, noise taken off: what the sequence network reads.
    burst : ndarray of float64, shape (n,)
        Log of the noise around the beat over the patient's usual, leads fused; 0 where it is not known or less.
    """

    foreseen: NDArray[np.float32]
    error: NDArray[np.float32]
    distance: NDArray[np.float64]
    noise: NDArray[np.float32]
    unknown: NDArray[np.bool_]
    shape: NDArray[np.float64]
    p_wave: NDArray[np.float64]
    burst: NDArray[np.float64]


def take_apart(beats: ContextualBeats, residual: NDArray[np.float32], rebuilt: NDArray[np.float32]) -> ScoreParts:
    """Say what the scores of beats are made of.

    Parameters
    ----------
    beats : ContextualBeats
        The beats in context.
    residual, rebuilt : ndarray of float32, shape (n, steps, channels)
        What the network read of them (:func:`pipeline.detection.reading.inputs`), and what it made of it.
    """
    n, leads = beats.present.shape
    foreseen = np.empty((n, leads, QRS.stop - QRS.start), dtype=np.float32)
    error = np.empty_like(foreseen)
    distance = np.empty((n, leads))
    noise = np.empty((n, leads), dtype=np.float32)
    unknown = np.empty((n, leads), dtype=np.bool_)
    shape, p_wave, burst = np.empty(n), np.empty(n), np.empty(n)
    _take_apart(
        residual, rebuilt, beats.residual, beats.excess, beats.present,
        beats.member, foreseen, error, distance, noise, unknown, shape, p_wave, burst,
    )  # fmt: skip
    return ScoreParts(
        foreseen=foreseen,
        error=error,
        distance=distance,
        noise=noise,
        unknown=unknown,
        shape=shape,
        p_wave=p_wave,
        burst=burst,
    )


@jit
def _take_apart(
    residual: NDArray[np.float32],
    rebuilt: NDArray[np.float32],
    against_template: NDArray[np.float32],
    excess: NDArray[np.float32],
    present: NDArray[np.bool_],
    member: NDArray[np.int64],
    foreseen: NDArray[np.float32],
    error: NDArray[np.float32],
    distance: NDArray[np.float64],
    noise: NDArray[np.float32],
    unknown: NDArray[np.bool_],
    shape: NDArray[np.float64],
    p_wave: NDArray[np.float64],
    burst: NDArray[np.float64],
) -> None:
    n, leads = present.shape
    step = foreseen.shape[2] // residual.shape[1]
    fused = np.empty((3, leads))
    for i in range(n):
        for lead in range(leads):
            for j in range(foreseen.shape[2]):
                t, column = j // step, lead * step + j % step
                foreseen[i, lead, j] = rebuilt[i, t, column]
                error[i, lead, j] = residual[i, t, column] - rebuilt[i, t, column]
            # The template's own error stands beside the network's: the network explains normal variation, and what
            # it explains too well the template still sees.
            distance[i, lead] = 0.5 * log_distance(error[i, lead])
            distance[i, lead] += 0.5 * log_distance(against_template[i, lead, QRS.start : QRS.stop])
            rough = max(excess[i, lead, NOISE_BEFORE], excess[i, lead, NOISE_AFTER])
            noise[i, lead] = min(max(rough, 0.0), 3.0)
            unknown[i, lead] = not present[i, lead] or member[i] < 0
            taken_off = NOISE_SHARE * noise[i, lead]
            fused[0, lead] = np.nan if unknown[i, lead] else distance[i, lead] - taken_off
            fused[1, lead] = np.nan if unknown[i, lead] else excess[i, lead, P_WAVE] - taken_off
            fused[2, lead] = np.nan if unknown[i, lead] else noise[i, lead]
        shape[i] = fuse_leads(fused[0])
        p_wave[i] = fuse_leads(fused[1])
        around = fuse_leads(fused[2])
        burst[i] = 0.0 if np.isnan(around) else around


@jit_helper
def log_distance(error: NDArray[np.float32]) -> float:
    """Return the log of the root mean square of the errors of one lead, shape (samples of ``QRS``,).

    Half of it is taken over all samples, half over the QRS complex itself.
    """
    whole, core = 0.0, 0.0
    for j in range(len(error)):
        square = np.float64(error[j]) * np.float64(error[j])
        whole += square
        if CORE.start <= j + QRS.start < CORE.stop:
            core += square
    whole, core = whole / len(error), core / (CORE.stop - CORE.start)
    return float(0.25 * np.log(whole + 1e-9) + 0.25 * np.log(core + 1e-9))


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
    return np.array([fuse_leads(row) for row in distance])


@jit_helper
def fuse_leads(distance: NDArray[np.float64]) -> float:
    """Fuse one beat's log distances, shape (leads,), see :func:`fuse`; NaN where no lead is there."""
    total, count, least = 0.0, 0, np.inf
    for lead in range(len(distance)):
        if not np.isnan(distance[lead]):
            total += distance[lead]
            least = min(least, distance[lead])
            count += 1
    return float((1.0 - LEAST) * total / count + LEAST * least) if count else np.nan
