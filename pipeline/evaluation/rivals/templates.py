"""Adaptive templates: the distance of a beat from the patient's own running beats, in units of its own noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.protocol import LEARNING_S
from pipeline.evaluation.rivals.rhythm import prematurity, rhythm_term
from pipeline.evaluation.rivals.windows import in_own_units, learning
from pipeline.jit import jit

__all__ = ["one_template", "two_templates"]

Floats = NDArray[np.float64]

FIRST, LAST = 30, 105  # steps of the window that are compared: R - 30 .. R + 45 at 180 Hz, QRS and ST
SHIFT = 5  # steps that a beat may be moved by to fit
CANDIDATES = 8  # shapes that wait for trust
NEAR = 0.7  # log error up to which a beat belongs to a template
TEMPLATE_RATE = 0.015
NOISE_RATE = 0.01
NOISE_FLOOR = 0.05  # of a lead's deviation
ON_TIME = 0.1  # prematurity up to which a beat may change a template
CREDITS = 32.0  # on-time beats in a row, less twice the premature ones, that make a candidate trusted


def one_template(windows: NDArray[np.float32], r_peak_s: Floats, learning_s: float = LEARNING_S) -> Floats:
    """Return log(distance from one running template / running noise) + 8 x prematurity.

    Parameters
    ----------
    windows : ndarray of float32, shape (n, 110, leads)
        Beats in mV at 180 Hz, R - 60 .. R + 50 samples, filtered causally; NaN in a lead that is missing.
    r_peak_s : ndarray, shape (n,)
        R peaks in s, ascending.
    learning_s : float
        Length of the learning period in s.

    Returns
    -------
    ndarray of float64, shape (n,)
        Higher is stranger; NaN for a beat without a lead, or without a beat in the learning period.
    """
    early = prematurity(r_peak_s)
    return _distance(windows, r_peak_s, early, learning_s, trusted_at_most=1, take_offset=False) + 8.0 * early


def two_templates(windows: NDArray[np.float32], r_peak_s: Floats, learning_s: float = LEARNING_S) -> Floats:
    """Return the log error against up to two trusted templates, offsets taken out, plus a bounded rhythm term.

    The first template is the median beat of the learning period. Beats that are near to no trusted template gather in
    candidates; a candidate is trusted once enough beats in a row came on time, so that a bundle branch block that
    comes to stay is learnt and ectopic beats, which come early, are not. Parameters and result are those of
    :func:`one_template`.
    """
    early = prematurity(r_peak_s)
    return _distance(windows, r_peak_s, early, learning_s, trusted_at_most=2, take_offset=True) + rhythm_term(r_peak_s)


def _distance(
    windows: NDArray[np.float32],
    r_peak_s: Floats,
    early: Floats,
    learning_s: float,
    *,
    trusted_at_most: int,
    take_offset: bool,
) -> Floats:
    is_learning = learning(r_peak_s, learning_s)
    x = in_own_units(windows, is_learning)
    learnt = x[is_learning, FIRST:LAST]
    if not len(learnt) or np.isnan(learnt).all():
        return np.full(len(x), np.nan)
    template, noise = _first_template(learnt)
    return _follow(np.nan_to_num(x), ~np.isnan(x[:, 0, :]), early, template, noise, trusted_at_most, take_offset)


def _first_template(learnt: Floats) -> tuple[Floats, Floats]:
    """Return the median beat of the learning period and the mean residual of the half that is nearest to it.

    The other half may be abnormal beats, whose residual is no noise.
    """
    seen = ~np.isnan(learnt[:, 0, :])
    template = np.zeros(learnt.shape[1:])
    noise = np.ones(learnt.shape[1:])
    for lead in np.flatnonzero(seen.any(axis=0)):
        beats = learnt[seen[:, lead], :, lead]
        template[:, lead] = np.median(beats, axis=0)
        residual = np.abs(beats - template[:, lead])
        nearest = np.argsort(residual.sum(axis=1), kind="stable")[: max(1, len(beats) // 2)]
        noise[:, lead] = residual[nearest].mean(axis=0) + NOISE_FLOOR
    return template, noise


@jit
def _follow(
    x: Floats,
    seen: NDArray[np.bool_],
    early: Floats,
    first_template: Floats,
    first_noise: Floats,
    trusted_at_most: int,
    take_offset: bool,
) -> Floats:
    """Score each beat against the trusted templates, then let it change the one it is near to."""
    n, _, leads = x.shape
    slots = CANDIDATES + trusted_at_most
    steps = LAST - FIRST
    template = np.zeros((slots, steps, leads))
    raw = np.ones((slots, steps, leads))  # running mean of |residual|
    noise = np.ones((slots, steps, leads))  # the same, shrunk half to the lead's mean
    in_use = np.zeros(slots, dtype=np.bool_)
    trusted = np.zeros(slots, dtype=np.bool_)
    credit = np.zeros(slots)
    members = np.zeros(slots)
    last_use = np.zeros(slots, dtype=np.int64)
    template[0] = first_template
    raw[0] = first_noise
    _shrink(raw[0], noise[0])
    in_use[0] = True
    trusted[0] = True
    n_trusted = 1
    previous = 0  # where the beat before went
    score = np.full(n, np.nan)
    for i in range(n):
        if not seen[i].any():
            continue
        best = np.inf
        best_slot = 0
        best_start = FIRST
        waiting = np.inf
        waiting_slot = 0
        waiting_start = FIRST
        for k in range(slots):
            if not in_use[k]:
                continue
            start = _align(x[i], seen[i], template[k])
            error = _log_error(x[i, start : start + steps], seen[i], template[k], noise[k], take_offset)
            if trusted[k] and error < best:
                best, best_slot, best_start = error, k, start
            elif not trusted[k] and error < waiting:
                waiting, waiting_slot, waiting_start = error, k, start
        score[i] = best

        if best < NEAR:
            slot, start = best_slot, best_start
        elif waiting < NEAR:
            slot, start = waiting_slot, waiting_start
        else:
            slot = _free_slot(in_use, trusted, last_use)
            template[slot] = x[i, FIRST:LAST]
            raw[slot] = raw[best_slot]
            noise[slot] = noise[best_slot]
            in_use[slot] = True
            credit[slot] = 0.0
            members[slot] = 1.0
            last_use[slot] = i
            previous = slot
            continue
        members[slot] += 1.0
        last_use[slot] = i
        if early[i] < ON_TIME or not trusted[slot]:
            rate = TEMPLATE_RATE if trusted[slot] else max(TEMPLATE_RATE, 1.0 / members[slot])
            _update(x[i, start : start + steps], seen[i], template[slot], raw[slot], noise[slot], rate, take_offset)
        if not trusted[slot]:
            if early[i] > ON_TIME:
                credit[slot] = max(0.0, credit[slot] - 2.0)
            elif previous == slot:
                credit[slot] += 1.0
            if credit[slot] >= CREDITS and n_trusted < trusted_at_most:
                trusted[slot] = True
                n_trusted += 1
        previous = slot
    return score


@jit
def _free_slot(in_use: NDArray[np.bool_], trusted: NDArray[np.bool_], last_use: NDArray[np.int64]) -> int:
    """Return an empty slot, or that of the candidate that was not used for longest."""
    slot = -1
    for k in range(len(in_use)):
        if not in_use[k]:
            return k
        if not trusted[k] and (slot < 0 or last_use[k] < last_use[slot]):
            slot = k
    return slot


@jit
def _align(beat: Floats, seen: NDArray[np.bool_], template: Floats) -> int:
    """Return the first step of the stretch of the beat that is nearest to a template (least L1)."""
    steps, leads = template.shape
    nearest = np.inf
    best = FIRST
    for start in range(FIRST - SHIFT, FIRST + SHIFT + 1):
        distance = 0.0
        for s in range(steps):
            for lead in range(leads):
                if seen[lead]:
                    distance += abs(beat[start + s, lead] - template[s, lead])
        if distance < nearest:
            nearest = distance
            best = start
    return best


@jit
def _offset(x: Floats, template: Floats, noise: Floats) -> float:
    """Return the precision-weighted mean of the residual of one lead: baseline, not shape."""
    total = 0.0
    weights = 0.0
    for s in range(len(x)):
        precision = 1.0 / (noise[s] * noise[s])
        total += precision * (x[s] - template[s])
        weights += precision
    return total / weights


@jit
def _log_error(x: Floats, seen: NDArray[np.bool_], template: Floats, noise: Floats, take_offset: bool) -> float:
    """Return half the mean and half the least over the leads of the log of the mean residual in units of noise."""
    steps, leads = template.shape
    total = 0.0
    least = np.inf
    count = 0
    for lead in range(leads):
        if not seen[lead]:
            continue
        offset = _offset(x[:, lead], template[:, lead], noise[:, lead]) if take_offset else 0.0
        error = 0.0
        for s in range(steps):
            error += abs(x[s, lead] - template[s, lead] - offset) / noise[s, lead]
        log_error = np.log(error / steps + 1e-9)
        total += log_error
        least = min(least, log_error)
        count += 1
    return 0.5 * total / count + 0.5 * least


@jit
def _update(
    x: Floats, seen: NDArray[np.bool_], template: Floats, raw: Floats, noise: Floats, rate: float, take_offset: bool
) -> None:
    """Move a template and its noise a little to a beat, in place."""
    steps, leads = template.shape
    for lead in range(leads):
        if not seen[lead]:
            continue
        offset = _offset(x[:, lead], template[:, lead], noise[:, lead]) if take_offset else 0.0
        for s in range(steps):
            residual = x[s, lead] - template[s, lead]
            raw[s, lead] += NOISE_RATE * (abs(residual - offset) + NOISE_FLOOR - raw[s, lead])
            template[s, lead] += rate * residual
    _shrink(raw, noise)


@jit
def _shrink(raw: Floats, noise: Floats) -> None:
    """Write the noise shrunk half to its lead's mean: a step alone is measured on too few beats."""
    steps, leads = raw.shape
    for lead in range(leads):
        mean = raw[:, lead].mean()
        for s in range(steps):
            noise[s, lead] = 0.5 * raw[s, lead] + 0.5 * mean
