"""The rhythm that is told after each beat, beside the annotated one; and the runs of ectopic beats that are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.evaluation.beats import JudgedBeats
from pipeline.evaluation.labels import reference_beats
from pipeline.records import RHYTHMS

__all__ = ["LONG_RUN", "RecordRhythms", "RhythmFigures", "judge_states", "rhythm_figures"]

LONG_RUN = 6  # beats of a run that is to be told
TOLD = ("(AFIB", "(B", "(T")  # rhythms that annotators write and that are told beat by beat
LOOK_ALIKE = {"(AFIB": ("(AFL",)}  # telling the rhythm inside one of these is neither right nor wrong
RUNS = {"S": "(SVTA", "V": "(VT"}


@dataclass(frozen=True, slots=True)
class RecordRhythms:
    """Beats of one record by rhythm, and its runs.

    Attributes
    ----------
    record : str
        Name of the record.
    annotated, told, both : dict of str to int
        By rhythm: beats within it; beats after which it was told; and those of which both is true.
    runs, found : dict of str to int
        By class, S or V: runs of ``LONG_RUN`` such beats and more, and those within which a run of the kind was told.
    """

    record: str
    annotated: dict[str, int]
    told: dict[str, int]
    both: dict[str, int]
    runs: dict[str, int]
    found: dict[str, int]


@dataclass(frozen=True, slots=True)
class RhythmFigures:
    """Over several records; a rhythm or a run that nobody has is not among the keys.

    Attributes
    ----------
    annotated : dict of str to int
        Beats by rhythm.
    se, ppv : dict of str to float
        Share of the beats within a rhythm after which it was told; share of the beats after which it was told that
        lie within it. NaN for 0 of 0.
    records : dict of str to int
        Records that have the rhythm.
    runs, found : dict of str to int
        Runs by class, and those that were told.
    """

    annotated: dict[str, int]
    se: dict[str, float]
    ppv: dict[str, float]
    records: dict[str, int]
    runs: dict[str, int]
    found: dict[str, int]


def judge_states(beats: JudgedBeats, annotations: Annotations, state: NDArray[np.uint8]) -> RecordRhythms:
    """Hold the rhythms that were told after a record's beats against the annotated ones.

    Parameters
    ----------
    beats : JudgedBeats
        The record's beats beside its reference.
    annotations : Annotations
        The reference.
    state : ndarray of uint8, shape (m,)
        The rhythm told after each scored beat that ``beats`` was made of, indices into ``pipeline.records.RHYTHMS``.
    """
    reference = reference_beats(annotations)
    rhythm = annotations.rhythms()[annotations.is_beat()]
    counted, found = beats.matching.reference, beats.matching.detection
    order = np.argsort(counted, kind="stable")
    counted, found = counted[order], found[order]
    extra, state = state[beats.matching.extra], state[found]
    annotated, told, both = {}, {}, {}
    for name in TOLD:
        within = rhythm[counted] == name
        code = RHYTHMS.index(name)
        said = (state == code) & ~np.isin(rhythm[counted], LOOK_ALIKE.get(name, ()))
        annotated[name], told[name], both[name] = int(within.sum()), int(said.sum()), int((within & said).sum())
        told[name] += int((extra == code).sum())  # after a beat that is none
    runs, seen = {}, {}
    for letter, name in RUNS.items():
        # Beats that were missed belong to a run as well; it counts from the end of the learning period on.
        first = counted[0] if len(counted) else len(reference)
        stretches = [(a, b) for a, b in _stretches(reference.aami == letter) if a >= first]
        runs[letter] = len(stretches)
        told_at = counted[state == RHYTHMS.index(name)]
        seen[letter] = sum(bool(((told_at >= a) & (told_at < b)).any()) for a, b in stretches)
    return RecordRhythms(beats.record, annotated, told, both, runs, seen)


def rhythm_figures(records: Sequence[RecordRhythms]) -> RhythmFigures:
    """Add up the records."""

    def total(column: str, name: str) -> int:
        return sum(getattr(record, column)[name] for record in records)

    there = [name for name in TOLD if total("annotated", name)]
    runs = [letter for letter in RUNS if total("runs", letter)]
    return RhythmFigures(
        annotated={name: total("annotated", name) for name in there},
        se={name: _share(total("both", name), total("annotated", name)) for name in there},
        ppv={name: _share(total("both", name), total("told", name)) for name in there},
        records={name: sum(record.annotated[name] > 0 for record in records) for name in there},
        runs={letter: total("runs", letter) for letter in runs},
        found={letter: total("found", letter) for letter in runs},
    )


def _stretches(is_one: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where ``LONG_RUN`` and more are True in a row, as (first, stop)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_one, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= LONG_RUN]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
