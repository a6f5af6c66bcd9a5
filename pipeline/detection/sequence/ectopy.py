"""Rhythms written into records: what the sequence network learns to tell normal beats from.

Nobody labels a patient's premature beats, and those of a few dozen people are not those of the next. So they are made:
premature, interpolated and late beats, alone, in every second or third place or in runs, supraventricular and
ventricular, written into the intervals, shapes and P waves of real records. Beside them the normal variation that no
person of the training may have shown is written in as well: rates that step and wander, sinus arrhythmia, atrial
fibrillation (whose beats are as normal as that rhythm's beats can be), bursts of noise. A network that tells made beats
from a record's own estimates the ratio of their densities [1]_, and is trained where a density fitted to normal beats
alone would be left to chance: in its tail.

.. [1] M. Gutmann and A. Hyvärinen, "Noise-contrastive estimation", AISTATS 2010, PMLR 9:297-304.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.sequence.heads import CLASSES, STATES

__all__ = ["SequenceBeats", "write_rhythms"]

Floats = NDArray[np.float64]

NORMAL, SUPRAVENTRICULAR, VENTRICULAR = range(len(CLASSES))
SINUS, FIBRILLATION, TACHYCARDIA, BIGEMINY, TRIGEMINY, RUN = range(len(STATES))
UNTOUCHED = 0.2  # share of the records that are read as they are
REGULAR_BEATS, REGULAR_CHANGE = 31, 0.06  # beats around one, and the median change of log intervals in sinus rhythm
FASTEST = 0.22  # s: no interval that is made is shorter


@dataclass(frozen=True, slots=True, eq=False)
class SequenceBeats:
    """One record's beats as the sequence network's training takes them; columns of shape (n,).

    Attributes
    ----------
    rr : ndarray of float64
        R-R intervals in s, NaN where not known.
    shape, p_wave, noise : ndarray of float64
        As :func:`pipeline.detection.sequence.tokens.follow_beats` takes them.
    normal : ndarray of bool
        Beats that are learnt as normal; others are read, and never learnt as anything unless they were made.
    made : ndarray of int64
        Class of a beat that was made, an index into ``CLASSES``; 0 elsewhere.
    state : ndarray of int64
        Rhythm at the beat, an index into ``STATES``; -1 where not known.
    """

    rr: Floats
    shape: Floats
    p_wave: Floats
    noise: Floats
    normal: NDArray[np.bool_]
    made: NDArray[np.int64]
    state: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rr)

    @classmethod
    def of(cls, rr: Floats, shape: Floats, p_wave: Floats, noise: Floats, normal: NDArray[np.bool_]) -> SequenceBeats:
        """Return beats of which none was made and no rhythm is known."""
        nothing = np.zeros(len(rr), dtype=np.int64)
        return cls(rr, shape, p_wave, noise, normal & (rr > 0.0) & ~np.isnan(shape), nothing, nothing - 1)

    def copy(self) -> SequenceBeats:
        """Return beats that may be written to."""
        return replace(self, **{name: getattr(self, name).copy() for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class _Habits:
    """What one person's ectopic beats are like, drawn once for a record."""

    rate: float  # premature beats per beat
    ventricular: float  # share of them
    coupling: float  # interval over the one that was due
    ventricular_shape: float
    atrial_shape: float
    ventricular_p: float
    atrial_p: float
    interpolated: bool
    least_early: float  # log ratio under which a made beat could not be told from this person's normal ones

    @classmethod
    def draw(cls, rng: np.random.Generator, variation: float) -> _Habits:
        share = rng.uniform()
        ventricular = 0.0 if share < 0.35 else (1.0 if share < 0.55 else rng.uniform())
        coupling = rng.uniform(0.5, 0.9)
        atrial_p = rng.uniform(0.0, 1.6) if rng.uniform() < 0.8 else 0.0
        if atrial_p == 0.0 and coupling > 0.85:  # neither early nor changed: not to be told by anybody
            coupling = rng.uniform(0.6, 0.85)
        return cls(
            rate=_between(rng, 0.01, 0.4),
            ventricular=ventricular,
            coupling=coupling,
            ventricular_shape=rng.uniform(0.6, 2.8),
            atrial_shape=abs(rng.normal(0.0, 0.25)),
            ventricular_p=rng.uniform(-0.2, 1.8),
            atrial_p=atrial_p,
            interpolated=rng.uniform() < 0.3,
            least_early=3.5 * (0.02 + variation),
        )


def write_rhythms(record: SequenceBeats, rng: np.random.Generator) -> SequenceBeats:
    """Return a record's beats with another course of the rate, and with rhythms and ectopic beats written in."""
    if rng.uniform() < UNTOUCHED:
        return record
    beats = record.copy()
    n = len(beats)
    beats.state[:] = np.where(_is_regular(record.rr), SINUS, -1)
    sinus = rng.uniform(0.02, 0.12) if rng.uniform() < 0.35 else 0.0
    beats.rr[:] *= np.exp(_course_of_rate(n, rng))
    beats.rr[:] *= np.exp(sinus * np.sin(2.0 * np.pi * np.arange(n) / rng.uniform(3.0, 7.0) + rng.uniform(0.0, 6.3)))
    if rng.uniform() < 0.25:
        _write_fibrillation(beats, rng)
    _write_noise(beats, rng)
    if rng.uniform() < 0.25:
        return beats
    habits = _Habits.draw(rng, sinus)
    taken = np.zeros(n, dtype=np.bool_)
    _write_runs(beats, taken, habits, rng)
    forced = _patterns(beats, taken, habits, rng)
    return _write_single(beats, taken, forced, habits, rng)


def _is_regular(rr: Floats) -> NDArray[np.bool_]:
    """Tell where intervals are regular: what else a record's own rhythm may be, nobody has said."""
    change = np.abs(np.diff(np.log(np.where(rr > 0.0, rr, np.nan)), prepend=np.nan))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(change, REGULAR_BEATS // 2, mode="reflect"), REGULAR_BEATS)
    known = ~np.isnan(around)
    middle = np.sort(np.where(known, around, np.inf), axis=1)
    median = np.take_along_axis(middle, (known.sum(axis=1, keepdims=True) - 1).clip(min=0) // 2, axis=1)[:, 0]
    return np.asarray(median < REGULAR_CHANGE, dtype=np.bool_)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _stretches(n: int, per_beat: float, low: float, high: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw stretches that begin at so many a beat and are ``low`` to ``high`` beats long, none over another."""
    out: list[tuple[int, int]] = []
    end = 0
    for start in np.flatnonzero(rng.uniform(size=n) < per_beat).tolist():
        if start > end:
            end = min(n, start + int(_between(rng, low, high)))
            out.append((start, end))
    return out


def _course_of_rate(n: int, rng: np.random.Generator) -> Floats:
    """Return logs by which intervals are longer: levels that are gone to at once or slowly."""
    out, level = np.zeros(n), 0.0
    starts: list[int] = [*np.flatnonzero(rng.uniform(size=n) < 0.004).tolist(), n]
    for start, stop in pairwise(starts):
        to, rate = rng.uniform(-0.25, 0.15), rng.uniform(0.05, 0.5)
        out[start:stop] = to + (level - to) * (1.0 - rate) ** np.arange(1, stop - start + 1)
        level = out[stop - 1]
    return out


def _write_fibrillation(beats: SequenceBeats, rng: np.random.Generator) -> None:
    n = len(beats)
    switches = np.flatnonzero(rng.uniform(size=n) < 0.004).tolist()
    if rng.uniform() < 0.3:
        switches.insert(0, 0)
    for start, stop in zip(switches[::2], [*switches[1::2], n], strict=False):
        size = stop - start
        spread, mean = rng.uniform(0.1, 0.28), rng.uniform(0.65, 1.05)
        beats.rr[start:stop] = np.maximum(beats.rr[start:stop] * mean * np.exp(rng.normal(0.0, spread, size)), 0.28)
        beats.p_wave[start:stop] += rng.normal(0.2, 0.4, size)
        beats.state[start:stop] = FIBRILLATION


def _write_noise(beats: SequenceBeats, rng: np.random.Generator) -> None:
    for start, stop in _stretches(len(beats), 0.002, 3.0, 40.0, rng):
        size, height = stop - start, rng.uniform(0.3, 1.5)
        beats.noise[start:stop] += height * rng.uniform(0.5, 1.2, size)
        beats.shape[start:stop] += 0.5 * height * rng.uniform(0.0, 1.2, size)
        beats.p_wave[start:stop] += 0.5 * height * rng.uniform(-0.5, 1.0, size)


def _write_runs(beats: SequenceBeats, taken: NDArray[np.bool_], habits: _Habits, rng: np.random.Generator) -> None:
    kinds: list[int] = []
    if rng.uniform() < 0.35:
        kinds.append(TACHYCARDIA)
    if rng.uniform() < 0.1:
        kinds.append(SINUS)  # a junctional rhythm at about the sinus rate
    if rng.uniform() < 0.25:
        kinds.append(RUN)
    for kind in kinds:
        lengths = {TACHYCARDIA: (4.0, 900.0), SINUS: (2.0, 60.0), RUN: (3.0, 20.0)}[kind]
        for start, stop in _stretches(len(beats), 0.003, *lengths, rng):
            if taken[max(0, start - 2) : stop + 2].any() or not beats.normal[start]:
                continue
            size, before = stop - start, beats.rr[start]
            if kind == TACHYCARDIA:
                cycle, shape, p = before * rng.uniform(0.4, 0.78), habits.atrial_shape, habits.atrial_p
            elif kind == SINUS:
                cycle, shape, p = before * rng.uniform(0.75, 1.2), rng.uniform(0.5, 1.2), rng.uniform(0.4, 1.4)
            else:
                ratio = rng.uniform(0.4, 0.9) if rng.uniform() < 0.6 else rng.uniform(0.8, 1.3)
                cycle, shape, p = before * ratio, habits.ventricular_shape, habits.ventricular_p
            beats.rr[start:stop] = np.maximum(max(cycle, 0.25) * np.exp(rng.normal(0.0, 0.015, size)), FASTEST)
            if kind == RUN:
                _make_ventricular(beats.shape[start:stop], shape, rng)
            else:
                beats.shape[start:stop] += shape * rng.uniform(0.5, 1.3, size)
            beats.p_wave[start:stop] += p * rng.uniform(0.6, 1.3, size)
            made = VENTRICULAR if kind == RUN else SUPRAVENTRICULAR
            beats.made[start:stop] = np.where(beats.normal[start:stop], made, NORMAL)
            beats.normal[start:stop] = False
            beats.state[start:stop] = kind
            taken[start:stop] = True
            if kind == RUN and stop < len(beats):
                beats.rr[stop] *= rng.uniform(1.0, 1.6)


def _patterns(
    beats: SequenceBeats, taken: NDArray[np.bool_], habits: _Habits, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the class of the beats that a bigeminy or trigeminy makes premature; 0 elsewhere."""
    forced = np.zeros(len(beats), dtype=np.int64)
    if rng.uniform() < 0.3:
        for start, stop in _stretches(len(beats), 0.004, 6.0, 300.0, rng):
            every = 2 if rng.uniform() < 0.6 else 3
            kind = VENTRICULAR if rng.uniform() < habits.ventricular else SUPRAVENTRICULAR
            forced[start:stop:every] = kind
            beats.state[start:stop] = BIGEMINY if every == 2 else TRIGEMINY
        forced[taken | (beats.state == FIBRILLATION)] = 0
    return forced


def _write_single(
    beats: SequenceBeats,
    taken: NDArray[np.bool_],
    forced: NDArray[np.int64],
    habits: _Habits,
    rng: np.random.Generator,
) -> SequenceBeats:
    n = len(beats)
    can = beats.normal & ~taken
    can[:-1] &= can[1:] | (beats.rr[1:] > 0.0)
    can[-1] = False
    patterned = np.isin(beats.state, (BIGEMINY, TRIGEMINY))
    chosen = can & ((forced > 0) | (~patterned & (rng.uniform(size=n) < habits.rate)))
    chosen[1:] &= ~(chosen[:-1] & (forced[1:] == 0))  # the beat after one is normal
    at = np.flatnonzero(chosen)
    at = at[np.concatenate([[True], np.diff(at) > 1])] if len(at) else at
    size = len(at)
    kind = np.where(rng.uniform(size=size) < habits.ventricular, VENTRICULAR, SUPRAVENTRICULAR)
    kind = np.where(forced[at] > 0, forced[at], kind)
    is_ventricular = kind == VENTRICULAR
    fibrillates = beats.state[at] == FIBRILLATION
    keep = is_ventricular | ~fibrillates  # nobody tells an early atrial beat within fibrillation
    at, kind, is_ventricular, fibrillates = at[keep], kind[keep], is_ventricular[keep], fibrillates[keep]
    size = len(at)
    ratio = habits.coupling + rng.normal(0.0, 0.04, size)
    ratio = np.minimum(ratio, np.where(is_ventricular, 1.1, max(1.0 - habits.least_early, 0.6)))
    late = is_ventricular & (forced[at] == 0) & (rng.uniform(size=size) < 0.25)
    ratio = np.where(late, rng.uniform(0.8, 1.5, size), ratio)
    ratio = np.where(fibrillates, rng.uniform(0.5, 1.1, size), ratio)
    due = beats.rr[at].copy()
    came = np.maximum(due * ratio, FASTEST)
    beats.rr[at] = came
    made_shape = beats.shape[at].copy()
    _make_ventricular(made_shape, habits.ventricular_shape, rng)
    beats.shape[at] = np.where(
        is_ventricular, made_shape, beats.shape[at] + habits.atrial_shape * rng.uniform(0.3, 1.4, size)
    )
    beats.p_wave[at] += np.where(is_ventricular, habits.ventricular_p, habits.atrial_p) * rng.uniform(0.4, 1.4, size)
    beats.made[at], beats.normal[at] = kind, False
    between = is_ventricular & habits.interpolated & (ratio < 0.7) & ~fibrillates & (forced[at] == 0)
    # The pause after it: compensatory or not; a beat that came late leaves none.
    full = is_ventricular & (rng.uniform(size=size) < 0.8)
    share = np.where(full, 1.0, rng.uniform(size=size))
    beats.rr[at + 1] += np.where((came < due) & ~between, share * (due - came), 0.0)
    beats.shape[at + 1] += np.abs(rng.normal(0.0, 0.1, size))
    return _interpolate(beats, at[between], due[between], came[between], rng)


def _make_ventricular(shape: Floats, height: float, rng: np.random.Generator) -> None:
    shape[:] = 0.2 * np.maximum(shape, 0.0) + height * rng.uniform(0.75, 1.2, len(shape))


def _interpolate(
    beats: SequenceBeats, at: NDArray[np.int64], due: Floats, came: Floats, rng: np.random.Generator
) -> SequenceBeats:
    """Put a normal beat after each of the ventricular ones at ``at``: it comes when it was due, or nearly."""
    if not len(at):
        return beats
    size = len(at)
    put = {
        "rr": np.maximum(due * rng.uniform(1.0, 1.08, size) - came, 0.25),
        "shape": beats.shape[at - 1] + np.abs(rng.normal(0.0, 0.15, size)),
        "p_wave": beats.p_wave[at - 1] + rng.uniform(0.0, 1.3, size),
        "noise": beats.noise[at],
        "normal": np.ones(size, dtype=np.bool_),
        "made": np.zeros(size, dtype=np.int64),
        "state": beats.state[at],
    }
    return SequenceBeats(**{name: np.insert(getattr(beats, name), at + 1, values) for name, values in put.items()})
