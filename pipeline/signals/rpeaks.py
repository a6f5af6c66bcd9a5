"""A causal R-peak detector with carried state.

Per lead, two Morlet envelopes of the signal: E at 10 Hz, where QRS complexes of every shape have their energy, and H at
20 Hz, which a T wave lacks. The leads are fused in units of their own level, weighted by their own signal-to-noise
ratio. Maxima of the fused envelope are decided once the next 0.26 s are known, against a threshold that falls with the
time since the last beat.

Nothing here looks ahead further than that, and nothing is taken back: a beat that was given out stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.jit import jit
from pipeline.signals.resample import FS

__all__ = ["Peaks", "RPeakDetector"]

LOOK = int(0.26 * FS)  # samples from a maximum to its decision
REFRACTORY = int(0.22 * FS)  # no two beats stand closer than the ventricles can follow
RING = 128  # samples of the fused envelope that are kept; more than LOOK + REFRACTORY
RRS = 8  # R-R intervals in the running median
START = int(2.0 * FS)  # the first 2 s set the level; their beats are given out as soon as it stands

# What is tuned on mitdb, by cross-validation over records. Levels are in units of a usual beat's envelope.
PARAMETERS = {
    "early": 0.40,  # threshold at half of the median R-R interval,
    "on_time": 0.32,  # at the median,
    "late": 0.27,  # and at 1.6 of it
    "noise_gain": 0.5,  # rise of the threshold with the noise floor
    "noise_free": 0.10,  # the noise floor below which it does not rise
    "t_wave_rr": 0.40,  # s: a maximum closer than this to the last beat may be its T wave
    "t_wave_h": 0.50,  # and is, if its H is below this share of that beat's
    "t_wave_e": 0.85,  # as long as its E is below this: no T wave has the energy of a QRS complex at 10 Hz
    "level_rate": 0.08,  # how fast the level follows the beats
    "level_clip": 1.5,  # a beat counts for no more than this many times the level, and no less than one over it
    "slow_rate": 0.01,  # the long-term level
    "silence": 3.0,  # s without a beat after which the level falls
    "fall": 0.55,  # but to no less than this share of its long-term value
    "fall_rate": 0.02,  # per sample
    "noise_rate": 0.05,  # how fast the noise floor follows, per beat
    "favour": 2.0,  # weight of the first lead against the others at the same signal-to-noise ratio
    "alone": 0.9,  # share of its own envelope that one clean lead is heard with, whatever the others say
    "clean": 0.12,  # the noise floor below which a lead is clean
}
PARAMETER_NAMES = tuple(PARAMETERS)
# Positions in the parameter vector; numba reads them as constants.
(P_EARLY, P_ON_TIME, P_LATE, P_NGAIN, P_NFREE, P_TRR, P_TH, P_TE, P_RATE, P_CLIP, P_SLOW, P_SILENCE, P_FALL, P_FALLRATE,
 P_NRATE, P_FAVOUR, P_ALONE, P_CLEAN) = range(len(PARAMETERS))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """R peaks, in the order of time.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Positions at the internal rate.
    decided : ndarray of int64, shape (n,)
        The sample at which each was decided.
    prominence : ndarray of float64, shape (n,)
        Fused envelope at the peak, in units of a usual beat's.
    quality : ndarray of float64, shape (n,)
        Signal quality, 1 - noise floor / level, between 0 and 1.
    """

    sample: NDArray[np.int64]
    decided: NDArray[np.int64]
    prominence: NDArray[np.float64]
    quality: NDArray[np.float64]


class RPeakDetector:
    """Find R peaks in envelopes as they come.

    Parameters
    ----------
    n_leads : int
        Number of leads; the first is favoured.
    parameters : dict, optional
        Values that replace those of ``PARAMETERS``.
    clock : int
        Position of the first sample that will be given.
    """

    def __init__(self, n_leads: int, parameters: dict[str, float] | None = None, *, clock: int = 0) -> None:
        values = PARAMETERS | (parameters or {})
        self._parameters = np.array([values[name] for name in PARAMETER_NAMES])
        self._ints = np.zeros(4 + RRS, dtype=np.int64)
        self._ints[0] = clock
        self._ints[1] = -10 * RRS * int(FS)  # the last beat
        self._last_h = np.zeros(1)
        self._leads = np.zeros((4, n_leads))  # level, long-term level, noise floor, noise sum since the last beat
        self._ring = np.zeros((2, RING))
        self._lead_ring = np.zeros((n_leads, RING))

    def process(self, e: NDArray[np.float64], h: NDArray[np.float64], bad: NDArray[np.bool_]) -> Peaks:
        """Take the next samples of the two envelopes and of the leads' state; return the beats now decided.

        Parameters
        ----------
        e, h : ndarray of float64, shape (leads, m)
            Envelopes at 10 and 20 Hz in mV, of the same instants.
        bad : ndarray of bool, shape (leads, m)
            True where a lead is missing or flat.
        """
        room = e.shape[1] // REFRACTORY + RING // REFRACTORY + START // REFRACTORY + 2
        found = np.empty((2, room), dtype=np.int64)
        facts = np.empty((2, room))
        n = _detect(
            e,
            h,
            bad,
            self._parameters,
            self._ints,
            self._last_h,
            self._leads,
            self._ring,
            self._lead_ring,
            found,
            facts,
        )
        return Peaks(found[0, :n], found[1, :n], facts[0, :n], facts[1, :n])

    def snapshot(self) -> dict[str, NDArray[np.generic]]:
        """Return the carried state."""
        return {
            "ints": self._ints.copy(),
            "last_h": self._last_h.copy(),
            "leads": self._leads.copy(),
            "ring": self._ring.copy(),
            "lead_ring": self._lead_ring.copy(),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._ints[:], self._last_h[:], self._leads[:] = state["ints"], state["last_h"], state["leads"]
        self._ring[:], self._lead_ring[:] = state["ring"], state["lead_ring"]


@jit
def _median_rr(ints: NDArray[np.int64]) -> float:
    known = min(ints[3], RRS)
    if known == 0:
        return 0.8 * FS
    return float(np.median(ints[4 : 4 + known]))


@jit
def _threshold(since: float, rr: float, floor: float, p: NDArray[np.float64]) -> float:
    t = since / rr
    if t <= 0.5:
        level = p[P_EARLY]
    elif t <= 1.0:
        level = p[P_EARLY] + (p[P_ON_TIME] - p[P_EARLY]) * (t - 0.5) / 0.5
    elif t <= 1.6:
        level = p[P_ON_TIME] + (p[P_LATE] - p[P_ON_TIME]) * (t - 1.0) / 0.6
    else:
        level = p[P_LATE]
    return float(level + p[P_NGAIN] * max(0.0, floor - p[P_NFREE]))


@jit
def _detect(
    e: NDArray[np.float64],
    h: NDArray[np.float64],
    bad: NDArray[np.bool_],
    p: NDArray[np.float64],
    ints: NDArray[np.int64],  # clock, last beat, samples in the noise sum, R-R intervals known, then those intervals
    last_h: NDArray[np.float64],  # H of the last beat
    leads: NDArray[np.float64],
    ring: NDArray[np.float64],  # fused E and H by sample modulo RING
    lead_ring: NDArray[np.float64],  # E of each lead by sample modulo RING
    found: NDArray[np.int64],
    facts: NDArray[np.float64],
) -> int:
    n_leads = e.shape[0]
    count = 0
    weight = np.empty(n_leads)
    level, slow, noise, noise_sum = leads[0], leads[1], leads[2], leads[3]
    for i in range(e.shape[1]):
        n = ints[0]
        ints[0] = n + 1
        # 1. The first seconds set the level: their greatest envelope is a beat's.
        if n < START:
            for lead in range(n_leads):
                if not bad[lead, i]:
                    level[lead] = max(level[lead], e[lead, i])
        if n == START - 1:
            for lead in range(n_leads):
                slow[lead] = level[lead]
                noise[lead] = 0.15 * level[lead]
            ints[1] = n - START
        # 2. Leads that are there, each in units of its own level, weighted by its own signal-to-noise ratio.
        total = 0.0
        for lead in range(n_leads):
            weight[lead] = 0.0
            if not bad[lead, i]:
                if n >= START and level[lead] <= 0.0:  # a lead that comes up for the first time
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
            # A beat that is small in one lead may be plain in another, such as an aberrant one in V1.
            for lead in range(n_leads):
                unit = max(level[lead], 1e-6)
                if weight[lead] > 0.0 and noise[lead] < p[P_CLEAN] * unit:
                    fused = max(fused, p[P_ALONE] * e[lead, i] / unit)
        slot = n % RING
        ring[0, slot] = fused
        ring[1, slot] = fused_h
        for lead in range(n_leads):
            lead_ring[lead, slot] = 0.0 if bad[lead, i] else e[lead, i]
        # 3. Decide the sample whose future is now known.
        m = n - LOOK
        if n < START or m < 2:
            continue
        last = ints[1]
        since = m - last
        if since > REFRACTORY // 2:
            ints[2] += 1
            for lead in range(n_leads):
                noise_sum[lead] += lead_ring[lead, m % RING]
        if since > p[P_SILENCE] * FS:
            for lead in range(n_leads):
                if level[lead] > p[P_FALL] * slow[lead]:
                    level[lead] *= 1.0 - p[P_FALLRATE]
        peak = ring[0, m % RING]
        if since <= REFRACTORY or peak <= 0.0:
            continue
        if not (peak > ring[0, (m - 1) % RING] and peak >= ring[0, (m + 1) % RING]):
            continue
        rr = _median_rr(ints)
        if peak < _threshold(float(since), rr, floor, p):
            continue
        larger = False
        for j in range(1, REFRACTORY + 1):
            if ring[0, (m + j) % RING] > peak:
                larger = True
                break
        if larger:
            continue
        peak_h = 0.0
        for j in range(-6, 7):
            peak_h = max(peak_h, ring[1, (m + j) % RING])
        if since < p[P_TRR] * FS and peak_h < p[P_TH] * last_h[0] and peak < p[P_TE]:
            continue
        # 4. A beat: the levels follow it.
        found[0, count] = m
        found[1, count] = n
        facts[0, count] = peak
        facts[1, count] = min(1.0, max(0.0, 1.0 - floor))
        count += 1
        for lead in range(n_leads):
            value = lead_ring[lead, m % RING]
            if value > 0.0:
                value = min(max(value, level[lead] / p[P_CLIP]), level[lead] * p[P_CLIP])
                level[lead] += p[P_RATE] * (value - level[lead])
                slow[lead] += p[P_SLOW] * (value - slow[lead])
                if ints[2] > 0:
                    noise[lead] += p[P_NRATE] * (noise_sum[lead] / ints[2] - noise[lead])
            noise_sum[lead] = 0.0
        ints[2] = 0
        last_h[0] = peak_h
        if since < 2.0 * FS:
            ints[4 + ints[3] % RRS] = since
            ints[3] += 1
            if ints[3] >= 2 * RRS:
                ints[3] -= RRS  # keep the position in the ring and stay bounded
        ints[1] = m
    return count
