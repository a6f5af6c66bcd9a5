"""What is usual for this patient in shape: running templates of the beat and their noise.

Templates lie in places, the trusted ones first and then the candidates. A place has members, credit and the number
of its last beat; windows are in deviations of their lead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.sequence.reference import LONGEST
from pipeline.jit import jit_helper
from pipeline.sorting import median, sort_order

__all__ = [
    "FIRST",
    "MARGIN",
    "PARAMETERS",
    "QRS",
    "SLOTS",
    "TRUSTED",
    "WINDOW",
    "clear_leads",
    "copy",
    "first_template",
    "follow_scale",
    "learn_beat",
    "nearest",
    "new_candidate",
    "noise_of",
    "residual_of",
    "trust",
]

WINDOW = 110  # samples of a window at 180 Hz: R - 60 to R + 50
MARGIN = 5  # samples by which a window may be moved to align it; windows come with so many more on either side
QRS = slice(30, 110)  # the part that is rebuilt and scored: R - 30 to R + 50
ALIGNED = (30, 105)  # the part that is aligned: R - 30 to R + 45

TRUSTED = 2  # the usual beat and one more, such as the other state of a block that comes and goes
CANDIDATES = 6
SLOTS = TRUSTED + CANDIDATES
FIRST = 32  # beats that the first template is taken from

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
    "mean_rate": 0.03,  # how fast the mean R-R interval follows
    "run_rate": 0.01,  # and in a run of beats of strange shape: their rate is not the patient's usual one
    "clip": 8.0,  # deviations at which a sample is cut off
    "poor": 0.8,  # a lead whose template is smaller than so many times its noise has no say
    "clear": 2.0,  # while that of another lead is as large as this
}
(P_TRATE, P_NRATE, P_SHRINK, P_FLOOR, P_NEAR, P_LEARN, P_IDLE, P_CREDIT, P_PREM, P_PCOST, P_SRATE, P_MEAN,
 P_RUN, P_CLIP, P_POOR, P_CLEAR) = range(len(PARAMETERS))  # fmt: skip


@jit_helper
def copy(source: NDArray[np.float64], target: NDArray[Any]) -> None:
    """Copy a row; the library's own copying of rows takes seconds to compile, for the text of its errors."""
    for j in range(len(target)):
        target[j] = source[j]


@jit_helper
def follow_scale(window: NDArray[np.float64], p: NDArray[np.float64], scale: NDArray[np.float64], lead: int) -> None:
    """Let the deviation of a lead follow that of a window."""
    mean = 0.0
    for j in range(len(window)):
        mean += window[j]
    mean /= len(window)
    square = 0.0
    for j in range(len(window)):
        square += (window[j] - mean) * (window[j] - mean)
    deviation = (square / len(window)) ** 0.5
    if scale[lead] == 0.0:  # a lead that comes up for the first time
        scale[lead] = deviation
    scale[lead] += p[P_SRATE] * (min(deviation, 2.0 * scale[lead]) - scale[lead])


@jit_helper
def first_template(
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
    size = WINDOW + 2 * MARGIN
    x = np.empty((FIRST, n_leads, size))
    values, ordered = np.empty(FIRST), np.empty(FIRST)
    for lead in range(n_leads):
        known = 0
        for k in range(FIRST):
            if facts[k, 1 + lead] > 0:
                values[known] = _deviation(first[k, lead])
                known += 1
        if known:
            scale[lead] = median(values, known)
        for k in range(FIRST):
            is_known = facts[k, 1 + lead] > 0
            for j in range(size):
                value = min(max(first[k, lead, j] / max(scale[lead], 1e-3), -p[P_CLIP]), p[P_CLIP])
                x[k, lead, j] = value if is_known else 0.0
    # The mean, not the median: in a bigeminy half of the intervals are short, and the mean lies between the two.
    usual_rr, known, count = 0.0, 0, 0
    for k in range(FIRST):
        if not np.isnan(facts[k, 0]):
            usual_rr += min(facts[k, 0], LONGEST)
            known += 1
    usual_rr /= known
    on_time = np.empty(FIRST, dtype=np.bool_)
    for k in range(FIRST):
        on_time[k] = not facts[k, 0] < (1.0 - p[P_PREM]) * usual_rr
        count += on_time[k]
    half = max(4, count // 2)
    # The medoid: the beat whose nearest half is nearest.
    best, best_sum = -1, np.inf
    distance = np.empty(FIRST)
    order, shift = np.empty(FIRST, dtype=np.int64), np.empty(FIRST, dtype=np.int64)
    best_order, best_shift = np.empty(FIRST, dtype=np.int64), np.empty(FIRST, dtype=np.int64)
    for a in range(FIRST):
        if not on_time[a]:
            continue
        for b in range(FIRST):
            distance[b], shift[b] = np.inf, 0
            if on_time[b]:
                for s in range(-MARGIN, MARGIN + 1):
                    error = 0.0
                    for lead in range(n_leads):
                        for j in range(ALIGNED[0], ALIGNED[1]):
                            error += abs(x[b, lead, j + MARGIN + s] - x[a, lead, j + MARGIN])
                    if error < distance[b]:
                        distance[b], shift[b] = error, s
        sort_order(distance, order)
        total = 0.0
        for k in range(half):
            total += distance[order[k]]
        if total < best_sum:
            best, best_sum = a, total
            for k in range(FIRST):
                best_order[k], best_shift[k] = order[k], shift[k]
    if best < 0:
        return
    for lead in range(n_leads):
        for j in range(WINDOW):
            count = 0
            for k in range(half):
                b = best_order[k]
                if facts[b, 1 + lead] > 0:
                    values[count] = x[b, lead, j + MARGIN + best_shift[b]]
                    count += 1
            if count > 0:
                for k in range(count):
                    ordered[k] = values[k]
                centre = median(ordered, count)
                apart = 0.0
                for k in range(count):
                    apart += abs(values[k] - centre)
                templates[0, 0, lead, j] = centre
                templates[1, 0, lead, j] = apart / count
    slots[0, 0], slots[0, 1], slots[0, 2] = half, 0.0, beat


@jit_helper
def _deviation(window: NDArray[np.float32]) -> float:
    """Return the standard deviation of a window, its mean taken in float32 as it came."""
    mean = np.float32(0.0)
    for j in range(len(window)):
        mean += window[j]
    mean = np.float32(mean / len(window))
    square = 0.0
    for j in range(len(window)):
        square += (window[j] - mean) * (window[j] - mean)
    return float((square / len(window)) ** 0.5)


@jit_helper
def clear_leads(
    present: NDArray[np.bool_],
    templates: NDArray[np.float64],
    slots: NDArray[np.float64],
    p: NDArray[np.float64],
    clear: NDArray[np.bool_],
) -> None:
    """Write which of the leads that are there have a say: not one that holds noise while another holds the beat.

    A lead of noise finds every beat as usual as the last, a strange one too.
    """
    quality = np.empty(len(present))
    noise = np.empty(WINDOW)
    for lead in range(len(present)):
        quality[lead] = 0.0
    for k in range(TRUSTED):
        if slots[k, 0] == 0.0:
            continue
        for lead in range(len(present)):
            noise_of(templates[1, k, lead], p, noise)
            square, mean = 0.0, 0.0
            for j in range(QRS.start, QRS.stop):
                square += templates[0, k, lead, j] ** 2
                mean += noise[j]
            size = QRS.stop - QRS.start
            quality[lead] = max(quality[lead], np.sqrt(square / size) / (mean / size))
    best = 0.0
    for lead in range(len(present)):
        if present[lead]:
            best = max(best, quality[lead])
    for lead in range(len(present)):
        clear[lead] = present[lead] and (quality[lead] >= p[P_POOR] or best < p[P_CLEAR])


@jit_helper
def nearest(
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
                noise_of(templates[1, k, lead], p, noise)
                _, value = residual_of(x[lead], shift, templates[0, k, lead], noise, residual)
                total += value
                lowest = min(lowest, value)
                leads += 1
        fused = 0.5 * total / leads + 0.5 * lowest
        if fused < least:
            best, best_shift, least = k, shift, fused
    return best, best_shift, least


@jit_helper
def noise_of(running: NDArray[np.float64], p: NDArray[np.float64], noise: NDArray[np.float64]) -> None:
    """Write the noise of each sample: shrunk to the lead's mean, since one sample alone is measured on few beats."""
    mean = 0.0
    for j in range(QRS.start, QRS.stop):
        mean += running[j]
    mean /= QRS.stop - QRS.start
    for j in range(WINDOW):
        noise[j] = (1.0 - p[P_SHRINK]) * running[j] + p[P_SHRINK] * mean + p[P_FLOOR]


@jit_helper
def residual_of(
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


@jit_helper
def learn_beat(
    x: NDArray[np.float64],
    present: NDArray[np.bool_],
    k: int,
    shift: int,
    templates: NDArray[np.float64],
    slots: NDArray[np.float64],
    p: NDArray[np.float64],
) -> None:
    """Move a template and its noise towards a beat; the younger the template, the further."""
    slots[k, 0] += 1.0
    rate = max(p[P_TRATE], 1.0 / slots[k, 0])
    noise_rate = max(p[P_NRATE], 1.0 / (slots[k, 0] + 4.0))
    residual = np.empty(WINDOW)
    noise = np.empty(WINDOW)
    for lead in range(x.shape[0]):
        if not present[lead]:
            continue
        noise_of(templates[1, k, lead], p, noise)
        offset, _ = residual_of(x[lead], shift, templates[0, k, lead], noise, residual)
        for j in range(WINDOW):
            templates[1, k, lead, j] += noise_rate * (abs(residual[j]) - templates[1, k, lead, j])
            templates[0, k, lead, j] += rate * (residual[j] + offset)


@jit_helper
def trust(
    k: int, beat: float, templates: NDArray[np.float64], slots: NDArray[np.float64], p: NDArray[np.float64]
) -> None:
    """Move a candidate to an empty place, else to that of the template that went longest without a beat."""
    place = 0
    for other in range(1, TRUSTED):
        if slots[place, 0] > 0 and (slots[other, 0] == 0 or slots[other, 2] < slots[place, 2]):
            place = other
    if slots[place, 0] > 0 and beat - slots[place, 2] < p[P_IDLE]:
        return
    for lead in range(templates.shape[2]):
        copy(templates[0, k, lead], templates[0, place, lead])
        copy(templates[1, k, lead], templates[1, place, lead])
    for fact in range(slots.shape[1]):
        slots[place, fact], slots[k, fact] = slots[k, fact], 0.0


@jit_helper
def new_candidate(
    x: NDArray[np.float64],
    beat: float,
    templates: NDArray[np.float64],
    slots: NDArray[np.float64],
) -> None:
    """Begin a candidate with a beat, in an empty place, else in that of the one longest without a beat."""
    place = TRUSTED
    for k in range(TRUSTED, SLOTS):
        if slots[place, 0] > 0 and (slots[k, 0] == 0 or slots[k, 2] < slots[place, 2]):
            place = k
    slots[place, 0], slots[place, 1], slots[place, 2] = 1.0, 0.0, beat
    for lead in range(x.shape[0]):
        for j in range(WINDOW):
            templates[0, place, lead, j] = x[lead, j + MARGIN]
            templates[1, place, lead, j] = templates[1, 0, lead, j]
