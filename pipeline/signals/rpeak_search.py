"""The search for R peaks through envelopes, sample by sample, compiled.

The leads are fused, each in units of its own level and weighted by its own signal-to-noise ratio. A maximum of the
fused envelope is decided once :data:`LOOK` more samples are known; the levels follow the beats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit, jit_helper
from pipeline.signals.envelopes import absences, envelopes
from pipeline.signals.resample import FS
from pipeline.signals.rpeak_decision import FEATURES, LOWEST, describe, is_beat
from pipeline.sorting import median

__all__ = ["LOOK", "PARAMETERS", "REFRACTORY", "RING", "RRS", "START", "find", "search"]

LOOK = int(0.26 * FS)  # samples from a maximum to its decision
REFRACTORY = int(0.22 * FS)  # no two beats stand closer than the ventricles can follow
RING = 128  # samples of the fused envelope that are kept; more than LOOK + REFRACTORY
RRS = 8  # R-R intervals in the running median
START = int(2.0 * FS)  # the first 2 s set the level; their beats are given out as soon as it stands
HEARD = int(1.2 * FS)  # samples of each of the three stretches that set it anew

# What is carried in whole numbers.
CLOCK = 0  # position of the next sample
LAST = 1  # the last beat
CLEAN = 2  # samples in the noise sum since then
KNOWN = 3  # R-R intervals known
INTERVALS = 4  # the last RRS of them
ABSENT = 4 + RRS  # the last sample at which no lead was there
GIVEN = 5 + RRS  # the last beat that was given out
SIZED = 6 + RRS  # the last beat of some size
HEARING = 7 + RRS  # samples of a silence that were listened to
INTS = 8 + RRS

# How the levels follow, chosen on mitdb. Levels are in units of a usual beat's envelope.
PARAMETERS = {
    "level_rate": 0.08,  # how fast the level follows the beats
    "level_clip": 1.5,  # a beat counts for no more than this many times the level, and no less than one over it
    "slow_rate": 0.01,  # the long-term level
    "silence": 3.0,  # s without a beat after which level and noise floor fall
    "fall": 0.55,  # the level to no less than this share of its long-term value
    "calm": 0.3,  # and the noise floor to no less than this share of the level
    "fall_rate": 0.02,  # per sample
    "noise_rate": 0.05,  # how fast the noise floor follows, per beat
    "fast": 0.34,  # s; where R-R intervals are shorter, what lies between beats is beats, and no noise
    "favour": 2.0,  # weight of the first lead against the others at the same signal-to-noise ratio
    "quiet": 5.0,  # s without a beat of some size, after which the levels are no longer believed
    "size": 0.25,  # that size, in units of a usual beat's envelope
    "peaky": 3.5,  # a lead has beats whose peaks are so many times the mean; noise has 2 to 3
    "faintest": 0.03,  # mV; what is fainter is no beat to go by
    "greatest": 3.0,  # mV; a level above that was never a heart's
}
# Positions in the parameter vector; numba reads them as constants.
(
    P_RATE, P_CLIP, P_SLOW, P_SILENCE, P_FALL, P_CALM, P_FALLRATE, P_NRATE, P_FAST,
    P_FAVOUR, P_QUIET, P_SIZE, P_PEAKY, P_FAINTEST, P_GREATEST,
) = range(len(PARAMETERS))  # fmt: skip
_P = np.array(list(PARAMETERS.values()))


@jit_helper
def _median_rr(ints: NDArray[np.int64]) -> float:
    known = min(ints[KNOWN], RRS)
    if known == 0:
        return 0.8 * FS
    values = np.empty(RRS)
    for k in range(known):
        values[k] = ints[INTERVALS + k]
    return median(values, known)


@jit_helper
def _listen(
    e: NDArray[np.float64],
    bad: NDArray[np.bool_],
    at: int,
    ints: NDArray[np.int64],
    last_h: NDArray[np.float64],
    leads: NDArray[np.float64],
) -> None:
    """Hear sample ``at`` of a silence; after three stretches of it, set the levels of the leads that have beats anew.

    Silence is where no beat comes near the level. An artefact can lift a level, or the noise floor, so far above the
    beats that none is found any more, and both follow beats alone. Where peaks stand out as only beats do, the level is
    wrong and not the heart still. It becomes the middle one of the greatest values of the stretches, so that one more
    artefact does not count. The longer the silence, the smaller it may be beside the level before: the P waves of
    ventricles at rest are not soon taken for beats.
    """
    level, slow, noise, noise_sum, total = leads[0], leads[1], leads[2], leads[3], leads[4]
    heard = ints[HEARING]
    if heard == 0:
        for k in range(4, 8):
            for lead in range(len(e)):
                leads[k, lead] = 0.0
    greatest = leads[5 + heard // HEARD]
    for lead in range(len(e)):
        total[lead] += np.inf if bad[lead, at] else e[lead, at]
        greatest[lead] = max(greatest[lead], e[lead, at])
    ints[HEARING] = heard + 1
    if heard + 1 < 3 * HEARD:
        return
    ints[HEARING] = 0
    since_s = (ints[CLOCK] - LOOK - ints[SIZED]) / FS
    stretches = np.empty(3)
    for lead in range(len(e)):
        for k in range(3):
            stretches[k] = leads[5 + k, lead]
        middle = median(stretches, 3)
        least = min(slow[lead], _P[P_GREATEST]) / since_s
        if middle > max(_P[P_FAINTEST], _P[P_PEAKY] * total[lead] / (3 * HEARD), least):
            level[lead] = slow[lead] = middle
            noise[lead] = 0.15 * middle
            for other in range(len(e)):  # they share the count
                noise_sum[other] = 0.0
            ints[CLEAN] = 0
            last_h[0] = 0.0


@jit
def find(
    signal: NDArray[np.float64],
    states: NDArray[np.uint8],
    m: int,
    weights: NDArray[np.float64],
    ints: NDArray[np.int64],
    last_h: NDArray[np.float64],
    leads: NDArray[np.float64],
    ring: NDArray[np.float64],
    lead_ring: NDArray[np.float64],
    opening: NDArray[np.float64],
    found: NDArray[np.int64],
    facts: NDArray[np.float64],
    candidates: NDArray[np.float64],
) -> tuple[int, int]:
    """Search through the last ``m`` samples of a band-passed signal; the rest is as :func:`search` has it.

    ``signal`` and ``states`` are what a :class:`pipeline.signals.peaks.PeakFinder` takes.
    """
    n_leads = len(signal)
    e, h = np.empty((n_leads, m)), np.empty((n_leads, m))
    bad, gone = np.empty((n_leads, m), np.bool_), np.empty(m, np.bool_)
    envelopes(signal, m, e, h)
    absences(states, m, bad, gone)
    return search(e, h, bad, gone, weights, ints, last_h, leads, ring, lead_ring, opening, found, facts, candidates)


@jit_helper
def search(
    e: NDArray[np.float64],
    h: NDArray[np.float64],
    bad: NDArray[np.bool_],
    gone: NDArray[np.bool_],
    weights: NDArray[np.float64],
    ints: NDArray[np.int64],  # see CLOCK and those after it
    last_h: NDArray[np.float64],  # H of the last beat
    leads: NDArray[np.float64],  # level, long-term level, noise floor, noise in the sum, and what was heard
    ring: NDArray[np.float64],  # fused E and H by sample modulo RING
    lead_ring: NDArray[np.float64],  # E of each lead by sample modulo RING
    opening: NDArray[np.float64],  # e, h and bad of each lead, and gone, of the first START samples, until they are in
    found: NDArray[np.int64],
    facts: NDArray[np.float64],
    candidates: NDArray[np.float64],
) -> tuple[int, int]:
    """Search through envelopes; return how many beats were found, and how many maxima were decided.

    Everything is written in place: what is carried (``ints`` to ``lead_ring``), and what is found. A column of
    ``found`` holds a beat's R peak, the sample at which it was decided, and whether no lead was there for a while
    before it; one of ``facts`` its prominence and quality (:class:`pipeline.signals.peaks.Peaks`); a row of
    ``candidates`` the position and the features of a maximum, as far as there are rows.

    Parameters
    ----------
    e, h : ndarray of float64, shape (leads, m)
        Envelopes at 10 and 20 Hz in mV.
    bad : ndarray of bool, shape (leads, m)
        True where a lead is missing or flat.
    gone : ndarray of bool, shape (m,)
        True where all are.
    weights : ndarray of float64
        Of the decision, see :func:`pipeline.signals.rpeak_decision.read_weights`.
    """
    # The first seconds set the level: their greatest envelope is a beat's. Then they are searched like all others.
    level, slow, noise, n_leads = leads[0], leads[1], leads[2], e.shape[0]
    taken = 0
    while taken < e.shape[1] and ints[CLOCK] < START:
        n = ints[CLOCK]
        for lead in range(n_leads):
            if n >= 0:
                opening[lead, n], opening[n_leads + lead, n] = e[lead, taken], h[lead, taken]
                opening[2 * n_leads + lead, n] = 1.0 if bad[lead, taken] else 0.0
                opening[3 * n_leads, n] = 1.0 if gone[taken] else 0.0
            if not bad[lead, taken]:
                level[lead] = max(level[lead], e[lead, taken])
        ints[CLOCK] = n + 1
        taken += 1
    if ints[CLOCK] < START:
        return 0, 0
    if taken:
        for lead in range(n_leads):
            slow[lead] = level[lead]
            noise[lead] = 0.15 * level[lead]
        ints[LAST] = ints[SIZED] = -1
        ints[CLOCK] = 0
        size = START + e.shape[1] - taken
        all_e, all_h = np.empty((n_leads, size)), np.empty((n_leads, size))
        all_bad, all_gone = np.empty((n_leads, size), np.bool_), np.empty(size, np.bool_)
        for n in range(size):
            at = n - START + taken  # in what is new
            all_gone[n] = opening[3 * n_leads, n] > 0.0 if n < START else gone[at]
            for lead in range(n_leads):
                if n < START:
                    all_e[lead, n], all_h[lead, n] = opening[lead, n], opening[n_leads + lead, n]
                    all_bad[lead, n] = opening[2 * n_leads + lead, n] > 0.0
                else:
                    all_e[lead, n], all_h[lead, n] = e[lead, at], h[lead, at]
                    all_bad[lead, n] = bad[lead, at]
        e, h, bad, gone = all_e, all_h, all_bad, all_gone
    return _decide(e, h, bad, gone, weights, ints, last_h, leads, ring, lead_ring, found, facts, candidates)


@jit_helper
def _decide(
    e: NDArray[np.float64],
    h: NDArray[np.float64],
    bad: NDArray[np.bool_],
    gone: NDArray[np.bool_],
    weights: NDArray[np.float64],
    ints: NDArray[np.int64],
    last_h: NDArray[np.float64],
    leads: NDArray[np.float64],
    ring: NDArray[np.float64],
    lead_ring: NDArray[np.float64],
    found: NDArray[np.int64],
    facts: NDArray[np.float64],
    candidates: NDArray[np.float64],
) -> tuple[int, int]:
    p = _P
    n_leads = e.shape[0]
    count, n_candidates = 0, 0
    features = np.empty(len(FEATURES))
    weight = np.empty(n_leads)
    level, slow, noise, noise_sum = leads[0], leads[1], leads[2], leads[3]
    for i in range(e.shape[1]):
        n = ints[CLOCK]
        ints[CLOCK] = n + 1
        if gone[i]:
            ints[ABSENT] = n
        # 1. Leads that are there, each in units of its own level, weighted by its own signal-to-noise ratio.
        total = 0.0
        for lead in range(n_leads):
            weight[lead] = 0.0
            if not bad[lead, i]:
                if level[lead] <= 0.0:  # a lead that comes up for the first time
                    level[lead] = max(e[lead, i], 1e-6)
                    slow[lead] = level[lead]
                    noise[lead] = 0.15 * level[lead]
                ratio = level[lead] / max(noise[lead], 0.02 * level[lead] + 1e-9)
                weight[lead] = ratio * ratio * (p[P_FAVOUR] if lead == 0 else 1.0)
                total += weight[lead]
        fused, fused_h, floor = 0.0, 0.0, 0.0
        if total > 0.0:
            for lead in range(n_leads):
                share = weight[lead] / total
                if share > 0.0:
                    unit = max(level[lead], 1e-6)
                    fused += share * e[lead, i] / unit
                    fused_h += share * h[lead, i] / unit
                    floor += share * noise[lead] / unit
        slot = n % RING
        ring[0, slot] = fused
        ring[1, slot] = fused_h
        for lead in range(n_leads):
            lead_ring[lead, slot] = 0.0 if bad[lead, i] else e[lead, i]
        # 2. Decide the sample whose future is now known.
        m = n - LOOK
        if m < 2:
            continue
        is_first = ints[GIVEN] < 0
        last = ints[LAST]
        since = m - last
        if since > REFRACTORY // 2:
            ints[CLEAN] += 1
            for lead in range(n_leads):
                noise_sum[lead] += lead_ring[lead, m % RING]
        if since > p[P_SILENCE] * FS:
            for lead in range(n_leads):
                if level[lead] > p[P_FALL] * slow[lead]:
                    level[lead] *= 1.0 - p[P_FALLRATE]
                # An artefact has lifted the noise floor, or beats would be found; it goes no lower than what is heard.
                calm = max(p[P_CALM] * level[lead], noise_sum[lead] / ints[CLEAN])
                noise[lead] = min(noise[lead], max(noise[lead] * (1.0 - p[P_FALLRATE]), calm))
        if m - ints[SIZED] > p[P_QUIET] * FS:
            _listen(e, bad, i, ints, last_h, leads)
        elif ints[HEARING]:
            ints[HEARING] = 0
        peak = ring[0, m % RING]
        if (since <= REFRACTORY and not is_first) or peak <= 0.0:
            continue
        if not (peak > ring[0, (m - 1) % RING] and peak >= ring[0, (m + 1) % RING]):
            continue
        if peak < LOWEST:
            continue
        larger = False
        for j in range(1, REFRACTORY + 1):
            if ring[0, (m + j) % RING] > peak:
                larger = True
                break
        if larger:
            continue
        peak_h, before, after, width = 0.0, 0.0, 0.0, 0.0
        for j in range(-6, 7):
            peak_h = max(peak_h, ring[1, (m + j) % RING])
        for j in range(REFRACTORY + 1, min(since, RING - LOOK - 2)):
            before = max(before, ring[0, (m - j) % RING])
        for j in range(-20, LOOK + 1):
            value = ring[0, (m + j) % RING]
            if j <= 20 and value > 0.5 * peak:
                width += 1.0
            if j >= 20:
                after = max(after, value)
        # The leads that were there at the maximum; the one that gave it may have come off since.
        total, there = 0.0, 0
        for lead in range(n_leads):
            weight[lead] = 0.0
            if lead_ring[lead, m % RING] > 0.0:
                ratio = level[lead] / max(noise[lead], 0.02 * level[lead] + 1e-9)
                weight[lead] = ratio * ratio * (p[P_FAVOUR] if lead == 0 else 1.0)
                total += weight[lead]
                there += 1
        floor, recent, least_lead, greatest_lead = 0.0, 0.0, np.inf, 0.0
        for lead in range(n_leads):
            if weight[lead] > 0.0:
                unit = max(level[lead], 1e-6)
                value = lead_ring[lead, m % RING] / unit
                least_lead, greatest_lead = min(least_lead, value), max(greatest_lead, value)
                floor += weight[lead] / total * noise[lead] / unit
                recent += weight[lead] / total * noise_sum[lead] / max(ints[CLEAN], 1) / unit
        # What came before the record is not known: its first beat is not early.
        since_s = max(since / FS, _median_rr(ints) / FS) if is_first else since / FS
        describe(
            peak, peak_h, last_h[0], since_s, _median_rr(ints) / FS, floor, recent, before, after, width, least_lead,
            greatest_lead, features,
        )  # fmt: skip
        if n_candidates < len(candidates):
            candidates[n_candidates, 0] = m
            for k in range(len(features)):
                candidates[n_candidates, 1 + k] = features[k]
            n_candidates += 1
        if not is_beat(features, weights[0 if there < 2 else 1]):
            continue
        # 3. A beat: the levels follow it.
        found[0, count] = m
        found[1, count] = max(n, START - 1)
        given = ints[GIVEN]
        found[2, count] = given < 0 or given < ints[ABSENT] < m
        ints[GIVEN] = m
        facts[0, count] = peak
        facts[1, count] = min(1.0, max(0.0, 1.0 - floor))
        count += 1
        is_heard = _median_rr(ints) > p[P_FAST] * FS
        for lead in range(n_leads):
            value = lead_ring[lead, m % RING]
            if value > 0.0:
                value = min(max(value, level[lead] / p[P_CLIP]), level[lead] * p[P_CLIP])
                level[lead] += p[P_RATE] * (value - level[lead])
                slow[lead] += p[P_SLOW] * (value - slow[lead])
                if ints[CLEAN] > 0 and is_heard:
                    noise[lead] += p[P_NRATE] * (noise_sum[lead] / ints[CLEAN] - noise[lead])
            noise_sum[lead] = 0.0
        ints[CLEAN] = 0
        last_h[0] = peak_h
        if since < 2.0 * FS and not is_first:
            ints[INTERVALS + ints[KNOWN] % RRS] = since
            ints[KNOWN] += 1
            if ints[KNOWN] >= 2 * RRS:
                ints[KNOWN] -= RRS  # keep the position in the ring and stay bounded
        ints[LAST] = m
        if peak > p[P_SIZE]:
            ints[SIZED] = m
    return count, n_candidates
