"""What a person is told against the rhythms that somebody has annotated: lethal episodes, and quiet hours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.annotations import SINUS_RHYTHMS, Annotations
from pipeline.evaluation.alarms import is_true
from pipeline.evaluation.annotated_rates import is_shown
from pipeline.evaluation.labels import reference_beats
from pipeline.evaluation.protocol import MATCH_S
from pipeline.records import Alarm, last_states

__all__ = [
    "CALM",
    "Interval",
    "LethalEpisode",
    "RhythmRecord",
    "Span",
    "interval_over",
    "judge_rhythms",
    "rhythm_spans",
]

TACHYCARDIA, RUN = "ventricular tachycardia", 3  # which is true of so many annotated ectopic beats, not of one
GRACE_S = 5.0  # an alarm so long after an episode's end is still about it
LETHAL = frozenset({"(VT", "(VF", "(VFIB", "(VFL", "(ASYS"})
FIBRILLATION = frozenset({"(VF", "(VFIB", "(VFL"})
CALM = SINUS_RHYTHMS | {"(NSR", "(BI", "(PM"}  # normal or paced rhythm, in the words of vfdb as well
PRIORITIES = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one annotated rhythm, in s from the record's start.

    ``sort`` is ``lethal``, ``calm`` (normal or paced), ``noise`` or ``other``.
    """

    start_s: float
    stop_s: float
    label: str
    sort: str


@dataclass(frozen=True, slots=True)
class LethalEpisode:
    """A lethal episode, and what became of it.

    Attributes
    ----------
    label : str
        Its rhythm, such as ``(VFL``.
    start_s, stop_s : float
        Its limits in s.
    raised_s : float or None
        When the first alarm of high priority was raised, from its start to 5 s after its end; None if none was.
    standing : bool
        True if one was raised, or one that was raised before still lasted.
    """

    label: str
    start_s: float
    stop_s: float
    raised_s: float | None
    standing: bool

    @property
    def seconds(self) -> float:
        """Its length in s."""
        return self.stop_s - self.start_s


@dataclass(frozen=True, slots=True)
class RhythmRecord:
    """The alarms of one record beside its rhythms.

    Attributes
    ----------
    record : str
        Name of the record.
    episodes : tuple of LethalEpisode
        Its lethal episodes.
    hours : dict of str to float
        Time by sort of rhythm in h.
    alarms : dict of str to dict of str to int
        Physiological alarms raised in each sort of rhythm, by priority; those about an anomalous beat that somebody
        annotated, or about a lethal episode, are left out.
    kinds : dict of str to int
        Those of high priority in calm rhythm, by kind.
    shown : int
        How many of these are pauses and rates that the annotated beats show, though nobody annotated the rhythm.
    """

    record: str
    episodes: tuple[LethalEpisode, ...]
    hours: dict[str, float]
    alarms: dict[str, dict[str, int]]
    kinds: dict[str, int]
    shown: int = 0


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval from a bootstrap over records; NaN where there is nothing to divide by."""

    value: float
    low: float
    high: float


def rhythm_spans(annotations: Annotations | None, stop_s: float) -> list[Span]:
    """Return the annotated rhythms of a record, from its start to its end.

    Ventricular flutter or fibrillation between ``[`` and ``]`` goes before a rhythm's label; without a ``]`` it lasts
    to the record's end. A record of which nobody said anything, and one with such marks alone up to the first of them,
    counts as calm.

    Parameters
    ----------
    annotations : Annotations or None
        What was annotated.
    stop_s : float
        The record's length in s.
    """
    marks: list[tuple[float, str]] = []
    fibrillation: list[tuple[float, float]] = []
    if annotations is not None:
        rhythm = ""
        for sample, label in zip(annotations.sample.tolist(), annotations.rhythms().tolist(), strict=True):
            if label != rhythm:
                marks.append((sample / annotations.fs, label))
                rhythm = label
        is_open = list(annotations.symbol).count("[") > list(annotations.symbol).count("]")
        fibrillation = [(first / annotations.fs, last / annotations.fs) for first, last in annotations.flutter()]
        if is_open and fibrillation:
            fibrillation[-1] = fibrillation[-1][0], stop_s
    first_s = fibrillation[0][0] if fibrillation else stop_s
    edges = sorted({0.0, stop_s, *(at for at, _ in marks), *(edge for pair in fibrillation for edge in pair)})
    spans: list[Span] = []
    for start, stop in pairwise(edges):
        label = next((name for at, name in reversed(marks) if at <= start), "")
        if any(first <= start < last for first, last in fibrillation):
            label = label if label in FIBRILLATION else "(VF"
        sort = _sort(label) if label else "calm" if stop <= first_s else "other"
        if spans and (spans[-1].label, spans[-1].sort) == (label, sort):
            spans[-1] = Span(spans[-1].start_s, stop, label, sort)
        else:
            spans.append(Span(start, stop, label, sort))
    return spans


def _sort(label: str) -> str:
    if label in LETHAL:
        return "lethal"
    if label in CALM:
        return "calm"
    return "noise" if label == "(NOISE" else "other"


def judge_rhythms(
    record: str,
    alarms: Sequence[Alarm],
    updates: Sequence[Alarm],
    annotations: Annotations | None,
    stop_s: float,
    *,
    start_s: float = 0.0,
) -> RhythmRecord:
    """Hold the alarms of a record against its rhythms.

    Parameters
    ----------
    record : str
        Its name.
    alarms, updates : sequence of Alarm
        What a person was told, and the other states of it.
    annotations : Annotations or None
        What was annotated; None for a healthy person of whom nothing was.
    stop_s : float
        The record's length in s.
    start_s : float
        What comes before is not judged.
    """
    spans = rhythm_spans(annotations, stop_s)
    lethal = [span for span in spans if span.sort == "lethal" and span.stop_s > start_s]
    anomalous_s = _anomalous(annotations)
    told = [alarm for alarm in alarms if alarm.physiological and alarm.raised_s >= start_s]
    high = [alarm for alarm in told if alarm.priority == "high"]
    ends = {alarm.key: alarm.ended_s for alarm in last_states([*alarms, *updates])}
    counts = {sort: dict.fromkeys(PRIORITIES, 0) for sort in ("calm", "noise", "other")}
    kinds: dict[str, int] = {}
    beats_s, shown = _beats(annotations), 0
    grace = [(span.start_s, span.stop_s + GRACE_S) for span in lethal]
    for alarm in told:
        of_beats = anomalous_s
        if alarm.kind == TACHYCARDIA:
            inside = (anomalous_s >= alarm.onset_s - MATCH_S) & (anomalous_s <= alarm.raised_s)
            of_beats = anomalous_s if inside.sum() >= RUN else np.empty(0)
        if is_true(alarm, of_beats, grace):
            continue
        sort = next((span.sort for span in spans if span.start_s <= alarm.raised_s < span.stop_s), spans[-1].sort)
        counts[sort if sort in counts else "other"][alarm.priority] += 1
        if sort == "calm" and alarm.priority == "high":
            kinds[alarm.kind] = kinds.get(alarm.kind, 0) + 1
            shown += is_shown(alarm, beats_s)
    hours = dict.fromkeys(("calm", "noise", "other", "lethal"), 0.0)
    for span in spans:
        hours[span.sort] += max(0.0, span.stop_s - max(span.start_s, start_s)) / 3600.0
    return RhythmRecord(record, tuple(_found(span, high, ends) for span in lethal), hours, counts, kinds, shown)


def _found(span: Span, high: Sequence[Alarm], ends: dict[str, float | None]) -> LethalEpisode:
    inside = [a.raised_s for a in high if span.start_s <= a.raised_s <= span.stop_s + GRACE_S]
    stands = any(a.raised_s < span.start_s and (ends[a.key] or np.inf) > span.start_s for a in high)
    return LethalEpisode(span.label, span.start_s, span.stop_s, min(inside, default=None), bool(inside) or stands)


def _beats(annotations: Annotations | None) -> np.ndarray:
    if annotations is None:
        return np.empty(0)
    sample, _ = annotations.beats()
    return np.asarray(sample) / annotations.fs


def _anomalous(annotations: Annotations | None) -> np.ndarray:
    if annotations is None:
        return np.empty(0)
    beats = reference_beats(annotations)
    return beats.sample[np.isin(beats.aami, ["S", "V", "F"])] / annotations.fs


def interval_over(
    records: Sequence[RhythmRecord],
    figure: Callable[[Sequence[RhythmRecord]], float],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return a figure over records with its 95 % interval from a bootstrap over them."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws if len(records) > 1 else 0):
        value = figure([records[i] for i in rng.integers(0, len(records), len(records))])
        if np.isfinite(value):
            drawn.append(value)
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (np.nan, np.nan)
    return Interval(figure(records), float(low), float(high))
