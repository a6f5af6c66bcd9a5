"""What is usual for this patient: running templates of the beat, their noise, and the rhythm.

A network that rebuilds whole beats rebuilds abnormal ones too well. So each beat is first set against the patient's own
running beat, and the residual is given in units of that patient's own beat-to-beat noise, per sample and lead: what is
left for the network is normal variation around the usual. Everything here learns without labels, after it has been
used: test, then train.

Guard against learning anomalies: only a beat that looks like a template moves it. Others gather in candidates, and a
candidate is trusted only after beats on time, many in a row, have earned it credit; premature beats lose credit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.contextual import ContextualBeats
from pipeline.detection.rhythm import (
    BEATS,
    PREMATURITY,
    RHYTHM,
    RR,
    follow_rate,
    follow_rhythm,
    forget_changes,
    new_rhythm,
)
from pipeline.detection.surroundings import LEVELS, follow_levels, measure_levels
from pipeline.detection.templates import (
    FIRST,
    MARGIN,
    P_CLIP,
    P_CREDIT,
    P_LEARN,
    P_MEAN,
    P_NEAR,
    P_PCOST,
    P_PREM,
    P_RUN,
    PARAMETERS,
    QRS,
    SLOTS,
    TRUSTED,
    WINDOW,
    clear_leads,
    copy,
    first_template,
    follow_scale,
    learn_beat,
    nearest,
    new_candidate,
    noise_of,
    residual_of,
    trust,
)
from pipeline.jit import jit

__all__ = ["FIRST", "MARGIN", "QRS", "WINDOW", "Context"]

State = dict[str, NDArray[np.generic]]

RECENT_RATE = 0.5  # how fast the recent residual follows: it holds the last few usual beats
RECENT_CLIP = 4.0  # units of noise


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
        self._recent = np.zeros((n_leads, WINDOW))
        self._levels = np.zeros((n_leads, LEVELS))
        self._rhythm = new_rhythm()
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
        held: NDArray[np.bool_] | None = None,
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
        held : ndarray of bool, shape (n,), optional
            True for a beat that must not teach, as those inside fibrillation: it is set against the context, and but
            for its own time nothing of it is kept.
        learn : bool
            If False, every beat is set against the context as it stands, which stays as it is.
        """
        if not learn:
            parts = []
            for i in range(len(time)):
                state = self.snapshot()
                one = slice(i, i + 1)
                parts.append(self.advance(time[one], window[one], present[one], broken[one]))
                self.restore(state)
            if parts:
                return ContextualBeats(
                    *(np.concatenate([getattr(part, name) for part in parts]) for name in ContextualBeats.__slots__)
                )
        n, leads = len(time), self.n_leads
        held = np.zeros(n, dtype=np.bool_) if held is None else held
        clear = present.copy()
        waves = np.zeros((5, n, leads, WINDOW), dtype=np.float32)  # residual, template, noise, recent, seen
        offsets = np.zeros((n, leads), dtype=np.float32)
        scale = np.zeros((n, leads), dtype=np.float32)
        excess = np.zeros((n, leads, LEVELS - 1), dtype=np.float32)
        rhythm = np.full((len(RHYTHM), n), np.nan)
        member = np.full(n, -1, dtype=np.int64)
        near = np.zeros(n, dtype=np.bool_)
        on_time = np.zeros(n, dtype=np.bool_)
        _advance(
            time, window, present, clear, broken, held, self._parameters, self._templates, self._slots, self._scale,
            self._recent, self._levels, self._rhythm, self._first, self._first_facts, self._first_count,
            waves, offsets, scale, excess, rhythm, member, near, on_time,
        )  # fmt: skip
        return ContextualBeats(
            residual=waves[0], template=waves[1], noise=waves[2], recent=waves[3], seen=waves[4], offset=offsets,
            scale=scale, present=clear, excess=excess, rr=rhythm[RR], prematurity=rhythm[PREMATURITY],
            member=member, near=near, on_time=on_time,
        )  # fmt: skip

    def snapshot(self) -> State:
        """Return the carried state; places without a template take no room."""
        return {
            "templates": self._templates[:, self._slots[:, 0] > 0],
            "slots": self._slots.copy(),
            "scale": self._scale.copy(),
            "recent": self._recent.copy(),
            "levels": self._levels.copy(),
            "rhythm": self._rhythm.copy(),
            "first": self._first[: self._first_count[0] % FIRST].copy(),  # empty once the first template stands
            "first_facts": self._first_facts.copy(),
            "first_count": self._first_count.copy(),
        }

    def restore(self, state: State) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._slots[:], self._scale[:] = state["slots"], state["scale"]
        self._templates[:, self._slots[:, 0] > 0] = state["templates"]
        self._recent[:], self._levels[:] = state["recent"], state["levels"]
        self._rhythm[:] = state["rhythm"]
        self._first[: len(state["first"])] = state["first"]
        self._first_facts[:], self._first_count[:] = state["first_facts"], state["first_count"]


@jit
def _advance(
    time: NDArray[np.float64],
    window: NDArray[np.float64],
    present: NDArray[np.bool_],
    clear: NDArray[np.bool_],
    broken: NDArray[np.bool_],
    held: NDArray[np.bool_],
    p: NDArray[np.float64],
    templates: NDArray[np.float64],
    slots: NDArray[np.float64],
    scale: NDArray[np.float64],
    recent: NDArray[np.float64],
    levels: NDArray[np.float64],
    rhythm: NDArray[np.float64],
    first: NDArray[np.float32],
    first_facts: NDArray[np.float64],
    first_count: NDArray[np.int64],
    waves: NDArray[np.float32],
    offsets: NDArray[np.float32],
    scales: NDArray[np.float32],
    excess: NDArray[np.float32],
    rhythms: NDArray[np.float64],
    member: NDArray[np.int64],
    near: NDArray[np.bool_],
    on_time: NDArray[np.bool_],
) -> None:
    n_leads = window.shape[1]
    x = np.empty((n_leads, WINDOW + 2 * MARGIN))
    residual = np.empty(WINDOW)
    noise = np.empty(WINDOW)
    level = np.empty((n_leads, LEVELS))
    before = np.empty(len(rhythm))
    for i in range(len(time)):
        if held[i]:
            copy(rhythm, before)
        on_time[i] = follow_rhythm(time[i], broken[i], p[P_PREM], rhythm, rhythms, i)
        if held[i]:
            copy(before, rhythm)
            forget_changes(time[i], rhythm)
            if first_count[0] < FIRST:
                continue
        is_there = False
        for lead in range(n_leads):
            is_there = is_there or present[i, lead]
        if not is_there:
            continue
        if first_count[0] < FIRST:
            k = first_count[0]
            for lead in range(n_leads):
                copy(window[i, lead], first[k, lead])
            first_facts[k, 0] = rhythms[RR, i]
            for lead in range(n_leads):
                first_facts[k, 1 + lead] = 1.0 if present[i, lead] else 0.0
            first_count[0] += 1
            follow_rate(rhythms[RR, i], True, p[P_MEAN], p[P_RUN], rhythm)
            if first_count[0] == FIRST:
                first_template(first, first_facts, p, templates, slots, scale, rhythm[BEATS])
            continue
        for lead in range(n_leads):
            if present[i, lead] and not held[i]:
                follow_scale(window[i, lead], p, scale, lead)
            unit = max(scale[lead], 1e-3)
            scales[i, lead] = unit
            for j in range(WINDOW + 2 * MARGIN):
                x[lead, j] = min(max(window[i, lead, j] / unit, -p[P_CLIP]), p[P_CLIP])
        early = not on_time[i] and not np.isnan(rhythms[PREMATURITY, i])
        clear_leads(present[i], templates, slots, p, clear[i])
        slot, shift, least = nearest(x, clear[i], templates, slots, 0, TRUSTED, p)
        if slot >= 0:
            member[i] = slot
            for lead in range(n_leads):
                noise_of(templates[1, slot, lead], p, noise)
                for j in range(WINDOW):
                    waves[1, i, lead, j] = templates[0, slot, lead, j]
                    waves[2, i, lead, j] = noise[j]
                    waves[3, i, lead, j] = recent[lead, j]
                    waves[4, i, lead, j] = x[lead, j + MARGIN + shift]
                if not clear[i, lead]:
                    continue
                offsets[i, lead], _ = residual_of(x[lead], shift, templates[0, slot, lead], noise, residual)
                measure_levels(residual, levels[lead], level[lead], excess[i, lead])
                for j in range(WINDOW):
                    waves[0, i, lead, j] = residual[j] / noise[j]
            near[i] = least < p[P_NEAR]
        if held[i]:
            continue
        if near[i] and on_time[i]:
            for lead in range(n_leads):
                if clear[i, lead]:
                    follow_levels(level[lead], levels[lead])
                    for j in range(WINDOW):
                        clipped = min(max(np.float64(waves[0, i, lead, j]), -RECENT_CLIP), RECENT_CLIP)
                        recent[lead, j] += RECENT_RATE * (clipped - recent[lead, j])
        follow_rate(rhythms[RR, i], near[i], p[P_MEAN], p[P_RUN], rhythm)
        if near[i]:
            slots[slot, 2] = rhythm[BEATS]
            if not early and least < p[P_LEARN]:
                learn_beat(x, present[i], slot, shift, templates, slots, p)
            continue
        slot, shift, least = nearest(x, clear[i], templates, slots, TRUSTED, SLOTS, p)
        if slot >= 0 and least < p[P_NEAR]:
            learn_beat(x, present[i], slot, shift, templates, slots, p)
            in_a_row = slots[slot, 2] == rhythm[BEATS] - 1.0
            slots[slot, 2] = rhythm[BEATS]
            if early:
                slots[slot, 1] = max(0.0, slots[slot, 1] - p[P_PCOST])
            elif in_a_row:
                slots[slot, 1] += 1.0
            if slots[slot, 1] >= p[P_CREDIT]:
                trust(slot, rhythm[BEATS], templates, slots, p)
        else:
            new_candidate(x, rhythm[BEATS], templates, slots)
