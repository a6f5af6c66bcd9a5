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
ALIGNED = (30, 105)  # the part that is aligned: R - 30 to R + 45

TRUSTED = 2  # the usual beat and one more, such as the other state of a block that comes and goes
CANDIDATES = 6
SLOTS = TRUSTED + CANDIDATES
FIRST = 32  # beats that the first template is taken from
RRS = 128  # R-R differences in the running variability

# Chosen on DS1. Distances are logs of the mean absolute residual in units of the noise: a usual beat has about -0.3.
PARAMETERS = {
    "template_rate": 0.01,  # how fast a template follows its beats
    "noise_rate": 0.01,  # how fast its noise does
    "shrink": 0.6,  # share of a sample's noise that is the lead's mean noise
    "noise_floor": 0.05,  # added to the noise, in units of the lead's deviation
    "near": 0.6,  # distance up to which a beat belongs to a template or a candidate
    "learn": 0.3,  # distance up to which a trusted template learns a beat: its noise must not run away
    "idle": 2000.0,  # beats without a member after which a trusted template gives its place to another
    "credit": 28.0,  # beats on time in a row, net of premature ones, that make a candidate trusted
    "premature": 0.10,  # log ratio of R-R intervals from which a beat is no longer on time
    "premature_cost": 2.0,  # credit that it costs
    "scale_rate": 0.003,  # how fast a lead's deviation follows
    "slow_rate": 0.03,  # how fast the mean R-R interval follows
    "run_rate": 0.01,  # the same in a run of beats of strange shape: their rate is not the patient's usual one
    "clip": 8.0,  # deviations at which a sample is cut off
}
(P_TRATE, P_NRATE, P_SHRINK, P_FLOOR, P_NEAR, P_LEARN, P_IDLE, P_CREDIT, P_PREM, P_PCOST, P_SRATE, P_SLOW, P_RUN,
 P_CLIP) = range(len(PARAMETERS))  # fmt: skip
LONGEST_RR = 3.0  # s: a longer interval is a pause or a gap and tells nothing about the rate

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
        self._rhythm = np.zeros(7 + RRS)  # beats, time of the last, log mean R-R, three log R-R, run, then changes
        self._rhythm[1] = np.nan
        self._changes = np.zeros(1, dtype=np.int64)
        # The first beats, as they came, with their R-R intervals and leads; given up once the first template stands.
        self._first = np.zeros((FIRST, n_leads, WINDOW + 2 * MARGIN), dtype=np.float32)
        self._first_facts = np.zeros((FIRST, 1 + n_leads))
        self._first_count = np.zeros(1, dtype=np.int64)

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
            self._changes, self._first, self._first_facts, self._first_count, waves, offsets, scale, distance, rhythm,
            member, near, on_time,
        )  # fmt: skip
        return ContextualBeats(
            residual=waves[0], template=waves[1], noise=waves[2], seen=waves[3], offset=offsets, scale=scale,
            present=present, distance=distance, rr=rhythm[0], prematurity=rhythm[1], variability=rhythm[2],
            member=member, near=near, on_time=on_time,
        )  # fmt: skip

    def snapshot(self) -> State:
        """Return the carried state; places without a template take no room."""
        return {
            "templates": self._templates[:, self._slots[:, 0] > 0],
            "slots": self._slots.copy(),
            "scale": self._scale.copy(),
            "rhythm": self._rhythm.copy(),
            "changes": self._changes.copy(),
            "first": self._first[: self._first_count[0] % FIRST].copy(),  # empty once the first template stands
            "first_facts": self._first_facts.copy(),
            "first_count": self._first_count.copy(),
        }

    def restore(self, state: State) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._slots[:], self._scale[:] = state["slots"], state["scale"]
        self._templates[:, self._slots[:, 0] > 0] = state["templates"]
        self._rhythm[:], self._changes[:] = state["rhythm"], state["changes"]
        self._first[: len(state["first"])] = state["first"]
        self._first_facts[:], self._first_count[:] = state["first_facts"], state["first_count"]


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
    first: NDArray[np.float32],
    first_facts: NDArray[np.float64],
    first_count: NDArray[np.int64],
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
    noise = np.empty(WINDOW)
    for i in range(len(time)):
        on_time[i] = _follow_rhythm(time[i], broken[i], p, rhythm, changes, rhythms[:, i])
        if not present[i].any():
            continue
        if first_count[0] < FIRST:
            k = first_count[0]
            first[k] = window[i]
            first_facts[k, 0] = rhythms[0, i]
            for lead in range(n_leads):
                first_facts[k, 1 + lead] = 1.0 if present[i, lead] else 0.0
            first_count[0] += 1
            _follow_rate(rhythms[0, i], p[P_SLOW], rhythm)
            if first_count[0] == FIRST:
                _first_template(first, first_facts, p, templates, slots, scale, rhythm[0])
            continue
        for lead in range(n_leads):
            if present[i, lead]:
                _follow_scale(window[i, lead], p, scale, lead)
            unit = max(scale[lead], 1e-3)
            scales[i, lead] = unit
            for j in range(WINDOW + 2 * MARGIN):
                x[lead, j] = min(max(window[i, lead, j] / unit, -p[P_CLIP]), p[P_CLIP])
        early = on_time[i] == False and not np.isnan(rhythms[1, i])  # noqa: E712
        slot, shift, least = _nearest(x, present[i], templates, slots, 0, TRUSTED, p)
        if slot >= 0:
            member[i] = slot
            for lead in range(n_leads):
                _noise(templates[1, slot, lead], p, noise)
                for j in range(WINDOW):
                    waves[1, i, lead, j] = templates[0, slot, lead, j]
                    waves[2, i, lead, j] = noise[j]
                    waves[3, i, lead, j] = x[lead, j + MARGIN + shift]
                if not present[i, lead]:
                    continue
                offsets[i, lead], distance[i, lead] = _residual(
                    x[lead], shift, templates[0, slot, lead], noise, residual
                )
                for j in range(WINDOW):
                    waves[0, i, lead, j] = residual[j] / noise[j]
            near[i] = least < p[P_NEAR]
        rhythm[6] = 0.0 if near[i] else rhythm[6] + 1.0
        _follow_rate(rhythms[0, i], p[P_SLOW] if rhythm[6] < 2.0 else p[P_RUN], rhythm)
        if near[i]:
            slots[slot, 2] = rhythm[0]
            if not early and least < p[P_LEARN]:
                _learn(x, present[i], slot, shift, templates, slots, p)
            continue
        slot, shift, least = _nearest(x, present[i], templates, slots, TRUSTED, SLOTS, p)
        if slot >= 0 and least < p[P_NEAR]:
            _learn(x, present[i], slot, shift, templates, slots, p)
            in_a_row = slots[slot, 2] == rhythm[0] - 1.0
            slots[slot, 2] = rhythm[0]
            if early:
                slots[slot, 1] = max(0.0, slots[slot, 1] - p[P_PCOST])
            elif in_a_row:
                slots[slot, 1] += 1.0
            if slots[slot, 1] >= p[P_CREDIT]:
                _trust(slot, rhythm[0], templates, slots, p)
        else:
            _new_candidate(x, rhythm[0], templates, slots)


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
    if broken or not time > last:  # NaN compares false: nothing is known of the interval
        rhythm[3] = rhythm[4] = rhythm[5] = 0.0  # no change is known across a gap
        return False
    rr = min(time - last, LONGEST_RR)
    log_rr = np.log(rr)
    if rhythm[2] == 0.0:
        rhythm[2] = log_rr
    out[0] = time - last
    out[1] = rhythm[2] - log_rr
    known = min(changes[0], RRS)
    out[2] = np.median(rhythm[7 : 7 + known]) if known > 0 else 0.1
    # The least change against the last three: a bigeminy repeats itself, fibrillation does not.
    least = np.inf
    for j in range(3, 6):
        if rhythm[j] != 0.0:
            least = min(least, abs(log_rr - rhythm[j]))
    if np.isfinite(least):
        rhythm[7 + changes[0] % RRS] = least
        changes[0] += 1
        if changes[0] >= 2 * RRS:
            changes[0] -= RRS
    rhythm[5], rhythm[4], rhythm[3] = rhythm[4], rhythm[3], log_rr
    return bool(out[1] < p[P_PREM])


@jit
def _follow_rate(rr: float, rate: float, rhythm: NDArray[np.float64]) -> None:
    if not np.isnan(rr):
        rhythm[2] = np.log((1.0 - rate) * np.exp(rhythm[2]) + rate * min(rr, LONGEST_RR))


@jit
def _follow_scale(window: NDArray[np.float64], p: NDArray[np.float64], scale: NDArray[np.float64], lead: int) -> None:
    deviation = np.std(window)
    if scale[lead] == 0.0:  # a lead that comes up for the first time
        scale[lead] = deviation
    scale[lead] += p[P_SRATE] * (min(deviation, 2.0 * scale[lead]) - scale[lead])


@jit
def _first_template(
    first: NDArray[np.float32],
    facts: NDArray[np.float64],
    p: NDArray[np.float64],
    templates: NDArray[np.float64],
    slots: NDArray[np.float64],
    scale: NDArray[np.float64],
    beat: float,
) -> None:
    """Take the first template from the half of the first on-time beats that lies closest together.

    The other half may be abnormal, and its residual is no noise.
    """
    n_leads = first.shape[1]
    x = np.zeros((FIRST, n_leads, WINDOW + 2 * MARGIN))
    for lead in range(n_leads):
        known = facts[:, 1 + lead] > 0
        if not known.any():
            continue
        deviations = np.empty(FIRST)
        for k in range(FIRST):
            deviations[k] = np.std(first[k, lead])
        scale[lead] = np.median(deviations[known])
        for k in range(FIRST):
            if known[k]:
                for j in range(WINDOW + 2 * MARGIN):
                    x[k, lead, j] = min(max(first[k, lead, j] / max(scale[lead], 1e-3), -p[P_CLIP]), p[P_CLIP])
    # The mean, not the median: in a bigeminy half of the intervals are short, and the mean lies between the two.
    usual_rr = np.nanmean(np.minimum(facts[:, 0], LONGEST_RR))
    on_time = ~(facts[:, 0] < (1.0 - p[P_PREM]) * usual_rr)
    half = max(4, on_time.sum() // 2)
    # The medoid: the beat whose nearest half is nearest.
    best, best_sum = -1, np.inf
    best_order = np.zeros(FIRST, dtype=np.int64)
    best_shift = np.zeros(FIRST, dtype=np.int64)
    for a in range(FIRST):
        if not on_time[a]:
            continue
        distance = np.full(FIRST, np.inf)
        shift = np.zeros(FIRST, dtype=np.int64)
        for b in range(FIRST):
            if on_time[b]:
                for s in range(-MARGIN, MARGIN + 1):
                    error = 0.0
                    for lead in range(n_leads):
                        for j in range(ALIGNED[0], ALIGNED[1]):
                            error += abs(x[b, lead, j + MARGIN + s] - x[a, lead, j + MARGIN])
                    if error < distance[b]:
                        distance[b], shift[b] = error, s
        order = np.argsort(distance)
        total = distance[order[:half]].sum()
        if total < best_sum:
            best, best_sum = a, total
            best_order[:], best_shift[:] = order, shift
    if best < 0:
        return
    values = np.empty(half)
    for lead in range(n_leads):
        for j in range(WINDOW):
            count = 0
            for k in range(half):
                b = best_order[k]
                if facts[b, 1 + lead] > 0:
                    values[count] = x[b, lead, j + MARGIN + best_shift[b]]
                    count += 1
            if count > 0:
                centre = np.median(values[:count])
                templates[0, 0, lead, j] = centre
                templates[1, 0, lead, j] = np.abs(values[:count] - centre).mean()
    slots[0, 0], slots[0, 1], slots[0, 2] = half, 0.0, beat


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
    """Return the nearest slot, the shift that aligns the beat with it (least L1), and the fused distance."""
    best, best_shift, least = -1, 0, np.inf
    residual = np.empty(WINDOW)
    noise = np.empty(WINDOW)
    for k in range(first, stop):
        if slots[k, 0] == 0.0:
            continue
        shift, smallest = 0, np.inf
        for s in range(-MARGIN, MARGIN + 1):
            error = 0.0
            for lead in range(x.shape[0]):
                if present[lead]:
                    for j in range(ALIGNED[0], ALIGNED[1]):
                        error += abs(x[lead, j + MARGIN + s] - templates[0, k, lead, j])
            if error < smallest:
                shift, smallest = s, error
        total, lowest, leads = 0.0, np.inf, 0
        for lead in range(x.shape[0]):
            if present[lead]:
                _noise(templates[1, k, lead], p, noise)
                _, value = _residual(x[lead], shift, templates[0, k, lead], noise, residual)
                total += value
                lowest = min(lowest, value)
                leads += 1
        fused = 0.5 * total / leads + 0.5 * lowest
        if fused < least:
            best, best_shift, least = k, shift, fused
    return best, best_shift, least


@jit
def _noise(running: NDArray[np.float64], p: NDArray[np.float64], noise: NDArray[np.float64]) -> None:
    """Write the noise of each sample: shrunk to the lead's mean, since one sample alone is measured on few beats."""
    mean = 0.0
    for j in range(QRS.start, QRS.stop):
        mean += running[j]
    mean /= QRS.stop - QRS.start
    for j in range(WINDOW):
        noise[j] = (1.0 - p[P_SHRINK]) * running[j] + p[P_SHRINK] * mean + p[P_FLOOR]


@jit
def _residual(
    x: NDArray[np.float64],
    shift: int,
    template: NDArray[np.float64],
    noise: NDArray[np.float64],
    residual: NDArray[np.float64],
) -> tuple[float, float]:
    """Write the residual without its precision-weighted offset; return the offset and the log distance."""
    weights, weighted = 0.0, 0.0
    for j in range(WINDOW):
        residual[j] = x[j + MARGIN + shift] - template[j]
        if j >= QRS.start:
            weight = 1.0 / (noise[j] * noise[j])
            weights += weight
            weighted += weight * residual[j]
    offset = weighted / weights
    total = 0.0
    for j in range(WINDOW):
        residual[j] -= offset
        if j >= QRS.start:
            total += abs(residual[j]) / noise[j]
    return offset, np.log(total / (QRS.stop - QRS.start) + 1e-9)


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
    rate = max(p[P_TRATE], 1.0 / slots[k, 0])
    noise_rate = max(p[P_NRATE], 1.0 / (slots[k, 0] + 4.0))
    residual = np.empty(WINDOW)
    noise = np.empty(WINDOW)
    for lead in range(x.shape[0]):
        if not present[lead]:
            continue
        _noise(templates[1, k, lead], p, noise)
        offset, _ = _residual(x[lead], shift, templates[0, k, lead], noise, residual)
        for j in range(WINDOW):
            templates[1, k, lead, j] += noise_rate * (abs(residual[j]) - templates[1, k, lead, j])
            templates[0, k, lead, j] += rate * (residual[j] + offset)


@jit
def _trust(
    k: int, beat: float, templates: NDArray[np.float64], slots: NDArray[np.float64], p: NDArray[np.float64]
) -> None:
    """Move a candidate to an empty place, else to that of the template that went longest without a beat."""
    place = 0
    for other in range(1, TRUSTED):
        if slots[place, 0] > 0 and (slots[other, 0] == 0 or slots[other, 2] < slots[place, 2]):
            place = other
    if slots[place, 0] > 0 and beat - slots[place, 2] < p[P_IDLE]:
        return
    templates[:, place] = templates[:, k]
    slots[place] = slots[k]
    slots[k] = 0.0


@jit
def _new_candidate(
    x: NDArray[np.float64],
    beat: float,
    templates: NDArray[np.float64],
    slots: NDArray[np.float64],
) -> None:
    place = TRUSTED
    for k in range(TRUSTED, SLOTS):  # an empty place, else the one that went longest without a beat
        if slots[place, 0] > 0 and (slots[k, 0] == 0 or slots[k, 2] < slots[place, 2]):
            place = k
    slots[place, 0], slots[place, 1], slots[place, 2] = 1.0, 0.0, beat
    for lead in range(x.shape[0]):
        for j in range(WINDOW):
            templates[0, place, lead, j] = x[lead, j + MARGIN]
            templates[1, place, lead, j] = templates[1, 0, lead, j]
