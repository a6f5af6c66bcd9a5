"""What is usual for this patient: running templates of the beat, their noise, and the rhythm.

A network that rebuilds whole beats rebuilds abnormal ones too well. So each beat is first set against the patient's own
running beat, and the residual is given in units of that patient's own beat-to-beat noise, per sample and lead: what is
left for the network is normal variation around the usual. Everything here learns without labels, after it has been
used: test, then train.

Guard against learning anomalies: only a beat that looks like a template moves it. Others gather in candidates, and a
candidate is trusted only after beats on time, many in a row, have earned it credit; premature beats lose credit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit

__all__ = ["MARGIN", "QRS", "WINDOW", "Context", "ContextualBeats"]

WINDOW = 110  # samples of a window at 180 Hz: R - 60 to R + 50
MARGIN = 5  # samples by which a window may be moved to align it; windows come with so many more on either side
QRS = slice(30, 110)  # the part that is rebuilt and scored: R - 30 to R + 50
CORE = (42, 84)  # the part that is aligned: R - 18 to R + 24

TRUSTED = 3  # the usual beat and at most two more, such as the other state of a block that comes and goes
CANDIDATES = 3
SLOTS = TRUSTED + CANDIDATES
RRS = 128  # R-R differences in the running variability

# Chosen on DS1. Distances are mean absolute residuals in units of the noise, so a usual beat has about 1.
PARAMETERS = {
    "template_rate": 0.03,  # how fast a template follows its beats
    "noise_rate": 0.03,  # how fast its noise does
    "shrink": 0.5,  # share of a sample's noise that is the lead's mean noise
    "noise_floor": 0.04,  # added to the noise, in units of the lead's deviation
    "near": 1.5,  # distance up to which a beat belongs to a template
    "near_candidate": 1.8,  # and to a candidate
    "credit": 16.0,  # beats on time, net of premature ones, that make a candidate trusted
    "first_credit": 3.0,  # the same as long as nothing is trusted
    "premature": 0.12,  # log ratio of R-R intervals from which a beat is no longer on time
    "premature_cost": 4.0,  # credit that it costs
    "scale_rate": 0.01,  # how fast a lead's deviation follows
    "slow_rate": 0.03,  # how fast the mean R-R interval follows
    "shift_cost": 0.004,  # distance per sample of shift: of two alignments as good as each other the smaller
    "clip": 8.0,  # deviations at which a sample is cut off
}
(P_TRATE, P_NRATE, P_SHRINK, P_FLOOR, P_NEAR, P_CNEAR, P_CREDIT, P_FIRST, P_PREM, P_PCOST, P_SRATE, P_SLOW, P_SHIFT,
 P_CLIP) = range(len(PARAMETERS))  # fmt: skip

State = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, eq=False)
class ContextualBeats:
    """Beats set against what was usual before each of them.

    Attributes
    ----------
    residual : ndarray of float32, shape (n, leads, WINDOW)
        Beat minus template, an offset per lead taken out, in units of the noise; 0 in a lead that is not there.
    template, noise : ndarray of float32, shape (n, leads, WINDOW)
        The nearest trusted template and its noise, in deviations of the lead.
    seen, offset : ndarray of float32, shapes (n, leads, WINDOW) and (n, leads)
        The aligned beat, and the offset that was taken out of its residual, in deviations of the lead.
    scale : ndarray of float32, shape (n, leads)
        Deviation of each lead in mV.
    present : ndarray of bool, shape (n, leads)
        False in a lead that is not there.
    distance : ndarray of float64, shape (n, leads)
        Log of the mean absolute residual over the QRS part; NaN in a lead that is not there.
    rr, prematurity, variability : ndarray of float64, shape (n,)
        R-R interval in s; log of the running mean R-R interval over it; median beat-to-beat change of its log. NaN
        where the interval is not known.
    member : ndarray of int64, shape (n,)
        Slot of the template that the beat was set against; -1 where none was trusted yet, so that it has no score.
    near, on_time : ndarray of bool, shape (n,)
        Evidence that a beat is usual, that does not rest on its score: its shape is near, its time is not early.
    """

    residual: NDArray[np.float32]
    template: NDArray[np.float32]
    noise: NDArray[np.float32]
    seen: NDArray[np.float32]
    offset: NDArray[np.float32]
    scale: NDArray[np.float32]
    present: NDArray[np.bool_]
    distance: NDArray[np.float64]
    rr: NDArray[np.float64]
    prematurity: NDArray[np.float64]
    variability: NDArray[np.float64]
    member: NDArray[np.int64]
    near: NDArray[np.bool_]
    on_time: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.member)


class Context:
    """The running context of one patient.

    Parameters
    ----------
    n_leads : int
        Number of leads.
    parameters : dict, optional
        Values that replace those of ``PARAMETERS``.
    """

    def __init__(self, n_leads: int, parameters: dict[str, float] | None = None) -> None:
        values = PARAMETERS | (parameters or {})
        self.n_leads = n_leads
        self._parameters = np.array([values[name] for name in PARAMETERS])
        self._templates = np.zeros((2, SLOTS, n_leads, WINDOW))  # the templates, then their noise
        self._slots = np.zeros((SLOTS, 3))  # members, credit, number of the last member
        self._scale = np.zeros(n_leads)
        self._rhythm = np.zeros(6 + RRS)  # beats, time of the last, log mean R-R, three log R-R, then their changes
        self._rhythm[1] = np.nan
        self._changes = np.zeros(1, dtype=np.int64)

    def advance(
        self,
        time: NDArray[np.float64],
        window: NDArray[np.float64],
        present: NDArray[np.bool_],
        broken: NDArray[np.bool_],
        *,
        learn: bool = True,
    ) -> ContextualBeats:
        """Set beats against the context, one after the other, and learn each after it has been set.

        Parameters
        ----------
        time : ndarray of float64, shape (n,)
            R peaks in s, increasing.
        window : ndarray of float64, shape (n, leads, WINDOW + 2 * MARGIN)
            Filtered windows in mV.
        present : ndarray of bool, shape (n, leads)
            False in a lead that is not there.
        broken : ndarray of bool, shape (n,)
            True where signal was missing since the beat before.
        learn : bool
            If False, every beat is set against the context as it stands, which stays as it is.
        """
        if not learn:
            parts = []
            for i in range(len(time)):
                state = self.snapshot()
                parts.append(self.advance(time[i : i + 1], window[i : i + 1], present[i : i + 1], broken[i : i + 1]))
                self.restore(state)
            if parts:
                return ContextualBeats(
                    *(np.concatenate([getattr(part, name) for part in parts]) for name in ContextualBeats.__slots__)
                )
        n, leads = len(time), self.n_leads
        waves = np.zeros((4, n, leads, WINDOW), dtype=np.float32)  # residual, template, noise, seen
        offsets = np.zeros((n, leads), dtype=np.float32)
        scale = np.zeros((n, leads), dtype=np.float32)
        distance = np.full((n, leads), np.nan)
        rhythm = np.full((3, n), np.nan)
        member = np.full(n, -1, dtype=np.int64)
        near = np.zeros(n, dtype=np.bool_)
        on_time = np.zeros(n, dtype=np.bool_)
        _advance(
            time, window, present, broken, self._parameters, self._templates, self._slots, self._scale, self._rhythm,
            self._changes, waves, offsets, scale, distance, rhythm, member, near, on_time,
        )  # fmt: skip
        return ContextualBeats(
            residual=waves[0], template=waves[1], noise=waves[2], seen=waves[3], offset=offsets, scale=scale,
            present=present, distance=distance, rr=rhythm[0], prematurity=rhythm[1], variability=rhythm[2],
            member=member, near=near, on_time=on_time,
        )  # fmt: skip

    def snapshot(self) -> State:
        """Return the carried state."""
        return {
            "templates": self._templates.copy(),
            "slots": self._slots.copy(),
            "scale": self._scale.copy(),
            "rhythm": self._rhythm.copy(),
            "changes": self._changes.copy(),
        }

    def restore(self, state: State) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._templates[:], self._slots[:], self._scale[:] = state["templates"], state["slots"], state["scale"]
        self._rhythm[:], self._changes[:] = state["rhythm"], state["changes"]


@jit
def _advance(
    time: NDArray[np.float64],
    window: NDArray[np.float64],
    present: NDArray[np.bool_],
    broken: NDArray[np.bool_],
    p: NDArray[np.float64],
    templates: NDArray[np.float64],
    slots: NDArray[np.float64],
    scale: NDArray[np.float64],
    rhythm: NDArray[np.float64],
    changes: NDArray[np.int64],
    waves: NDArray[np.float32],
    offsets: NDArray[np.float32],
    scales: NDArray[np.float32],
    distance: NDArray[np.float64],
    rhythms: NDArray[np.float64],
    member: NDArray[np.int64],
    near: NDArray[np.bool_],
    on_time: NDArray[np.bool_],
) -> None:
    n_leads = window.shape[1]
    x = np.empty((n_leads, WINDOW + 2 * MARGIN))
    residual = np.empty(WINDOW)
    for i in range(len(time)):
        on_time[i] = _follow_rhythm(time[i], broken[i], p, rhythm, changes, rhythms[:, i])
        any_lead = False
        for lead in range(n_leads):
            if present[i, lead]:
                any_lead = True
                _follow_scale(window[i, lead], rhythm[0], p, scale, lead)
            unit = max(scale[lead], 1e-3)
            scales[i, lead] = unit
            for j in range(WINDOW + 2 * MARGIN):
                x[lead, j] = min(max(window[i, lead, j] / unit, -p[P_CLIP]), p[P_CLIP])
        if not any_lead:
            continue
        best, best_shift, best_distance = _nearest(x, present[i], templates, slots, 0, TRUSTED, p)
        if best >= 0:
            member[i] = best
            for lead in range(n_leads):
                for j in range(WINDOW):
                    waves[1, i, lead, j] = templates[0, best, lead, j]
                    waves[3, i, lead, j] = x[lead, j + MARGIN + best_shift]
                lead_noise = _mean_noise(templates[1, best, lead])
                for j in range(WINDOW):
                    waves[2, i, lead, j] = (
                        (1.0 - p[P_SHRINK]) * templates[1, best, lead, j] + p[P_SHRINK] * lead_noise + p[P_FLOOR]
                    )
                if not present[i, lead]:
                    continue
                offset = _residual(x[lead], best_shift, templates[0, best, lead], waves[2, i, lead], residual)
                offsets[i, lead] = offset
                total = 0.0
                for j in range(WINDOW):
                    waves[0, i, lead, j] = residual[j] / waves[2, i, lead, j]
                    if j >= QRS.start:
                        total += abs(residual[j] / waves[2, i, lead, j])
                distance[i, lead] = np.log(total / (QRS.stop - QRS.start) + 1e-6)
        if best >= 0 and best_distance < p[P_NEAR]:
            near[i] = True
            slots[best, 2] = rhythm[0]
            _learn(x, present[i], best, best_shift, templates, slots, p)
            continue
        k, shift, candidate_distance = _nearest(x, present[i], templates, slots, TRUSTED, SLOTS, p)
        if k >= 0 and candidate_distance < p[P_CNEAR]:
            _learn(x, present[i], k, shift, templates, slots, p)
            slots[k, 1] = slots[k, 1] + 1.0 if on_time[i] else max(0.0, slots[k, 1] - p[P_PCOST])
            slots[k, 2] = rhythm[0]
            if slots[k, 1] >= (p[P_CREDIT] if slots[0, 0] > 0 else p[P_FIRST]):
                _trust(k, templates, slots)
        else:
            _new_candidate(x, on_time[i], rhythm[0], templates, slots)


@jit
def _follow_rhythm(
    time: float,
    broken: bool,
    p: NDArray[np.float64],
    rhythm: NDArray[np.float64],
    changes: NDArray[np.int64],
    out: NDArray[np.float64],
) -> bool:
    rhythm[0] += 1.0
    last = rhythm[1]
    rhythm[1] = time
    if broken or np.isnan(last):
        rhythm[3] = rhythm[4] = rhythm[5] = 0.0  # no change is known across a gap
        return False
    rr = time - last
    log_rr = np.log(rr)
    if rhythm[2] == 0.0:
        rhythm[2] = log_rr
    out[0] = rr
    out[1] = rhythm[2] - log_rr
    known = min(changes[0], RRS)
    out[2] = np.median(rhythm[6 : 6 + known]) if known > 0 else 0.1
    # The least change against the last three: a bigeminy repeats itself, fibrillation does not.
    least = np.inf
    for j in range(3, 6):
        if rhythm[j] != 0.0:
            least = min(least, abs(log_rr - rhythm[j]))
    if np.isfinite(least):
        rhythm[6 + changes[0] % RRS] = least
        changes[0] += 1
        if changes[0] >= 2 * RRS:
            changes[0] -= RRS
    rhythm[5], rhythm[4], rhythm[3] = rhythm[4], rhythm[3], log_rr
    rhythm[2] = np.log((1.0 - p[P_SLOW]) * np.exp(rhythm[2]) + p[P_SLOW] * min(rr, 2.0))
    return bool(out[1] < p[P_PREM])


@jit
def _follow_scale(
    window: NDArray[np.float64], beats: float, p: NDArray[np.float64], scale: NDArray[np.float64], lead: int
) -> None:
    mean = 0.0
    for j in range(len(window)):
        mean += window[j]
    mean /= len(window)
    total = 0.0
    for j in range(len(window)):
        total += (window[j] - mean) ** 2
    deviation = np.sqrt(total / len(window))
    if deviation <= 0.0:
        return
    if scale[lead] == 0.0:
        scale[lead] = deviation
    rate = max(p[P_SRATE], 1.0 / (beats + 1.0))
    scale[lead] += rate * (min(deviation, 2.0 * scale[lead]) - scale[lead])


@jit
def _nearest(
    x: NDArray[np.float64],
    present: NDArray[np.bool_],
    templates: NDArray[np.float64],
    slots: NDArray[np.float64],
    first: int,
    stop: int,
    p: NDArray[np.float64],
) -> tuple[int, int, float]:
    best, best_shift, least = -1, 0, np.inf
    for k in range(first, stop):
        if slots[k, 0] == 0.0:
            continue
        for shift in range(-MARGIN, MARGIN + 1):
            total, leads = 0.0, 0
            for lead in range(x.shape[0]):
                if not present[lead]:
                    continue
                noise, error = 0.0, 0.0
                for j in range(CORE[0], CORE[1]):
                    noise += templates[1, k, lead, j]
                    error += abs(x[lead, j + MARGIN + shift] - templates[0, k, lead, j])
                total += error / noise
                leads += 1
            if leads > 0:
                value = total / leads + p[P_SHIFT] * abs(shift)
                if value < least:
                    best, best_shift, least = k, shift, value
    return best, best_shift, least


@jit
def _mean_noise(noise: NDArray[np.float64]) -> float:
    total = 0.0
    for j in range(QRS.start, QRS.stop):
        total += noise[j]
    return total / (QRS.stop - QRS.start)


@jit
def _residual(
    x: NDArray[np.float64],
    shift: int,
    template: NDArray[np.float64],
    noise: NDArray[np.float32],
    residual: NDArray[np.float64],
) -> float:
    weights, weighted = 0.0, 0.0
    for j in range(WINDOW):
        residual[j] = x[j + MARGIN + shift] - template[j]
        if j >= QRS.start:
            weight = 1.0 / (noise[j] * noise[j])
            weights += weight
            weighted += weight * residual[j]
    offset = weighted / weights
    for j in range(WINDOW):
        residual[j] -= offset
    return offset


@jit
def _learn(
    x: NDArray[np.float64],
    present: NDArray[np.bool_],
    k: int,
    shift: int,
    templates: NDArray[np.float64],
    slots: NDArray[np.float64],
    p: NDArray[np.float64],
) -> None:
    slots[k, 0] += 1.0
    rate = max(p[P_TRATE], 1.0 / (slots[k, 0] + 1.0))
    noise_rate = max(p[P_NRATE], 1.0 / (slots[k, 0] + 4.0))
    residual = np.empty(WINDOW)
    noise = np.empty(WINDOW, dtype=np.float32)
    for lead in range(x.shape[0]):
        if not present[lead]:
            continue
        lead_noise = _mean_noise(templates[1, k, lead])
        for j in range(WINDOW):
            noise[j] = (1.0 - p[P_SHRINK]) * templates[1, k, lead, j] + p[P_SHRINK] * lead_noise + p[P_FLOOR]
        offset = _residual(x[lead], shift, templates[0, k, lead], noise, residual)
        if (
            k >= TRUSTED
        ):  # a candidate's noise is not its own yet, so it cannot weigh an offset: it learns the beat as it is
            for j in range(WINDOW):
                residual[j] += offset
        for j in range(WINDOW):
            old = templates[1, k, lead, j]
            # One beat moves the noise by no more than four times itself.
            templates[1, k, lead, j] = old + noise_rate * (min(abs(residual[j]), 4.0 * old + 0.05) - old)
            templates[0, k, lead, j] += rate * residual[j]


@jit
def _trust(k: int, templates: NDArray[np.float64], slots: NDArray[np.float64]) -> None:
    place = 0
    if slots[0, 0] > 0:
        place = 1
        for other in range(2, TRUSTED):  # an empty place, else the one that went longest without a beat
            if slots[place, 0] > 0 and (slots[other, 0] == 0 or slots[other, 2] < slots[place, 2]):
                place = other
    templates[:, place] = templates[:, k]
    slots[place] = slots[k]
    slots[k] = 0.0


@jit
def _new_candidate(
    x: NDArray[np.float64], on_time: bool, beat: float, templates: NDArray[np.float64], slots: NDArray[np.float64]
) -> None:
    k = TRUSTED
    for other in range(TRUSTED, SLOTS):
        if slots[k, 0] == 0:
            break
        if (
            slots[other, 0] == 0
            or slots[other, 1] < slots[k, 1]
            or (slots[other, 1] == slots[k, 1] and slots[other, 2] < slots[k, 2])
        ):
            k = other
    slots[k, 0], slots[k, 1], slots[k, 2] = 1.0, 1.0 if on_time else 0.0, beat
    for lead in range(x.shape[0]):
        for j in range(WINDOW):
            templates[0, k, lead, j] = x[lead, j + MARGIN]
            templates[1, k, lead, j] = templates[1, 0, lead, j] if slots[0, 0] > 0 else 0.15
