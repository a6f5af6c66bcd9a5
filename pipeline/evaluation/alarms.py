"""What a person is told against what happened: episodes of anomalous beats and the alarms about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.evaluation.beats import JudgedBeats
from pipeline.evaluation.labels import in_sinus_rhythm
from pipeline.evaluation.protocol import LEARNING_S
from pipeline.records import Alarm, last_states

__all__ = ["AlarmFigures", "Episode", "RecordAlarms", "alarm_figures", "episodes", "is_true", "judge_alarms"]

RUN = 3  # anomalous beats in a row that make an episode
PATIENCE_S = 10.0  # an alarm that comes later than this after an episode's end is not about it


@dataclass(frozen=True, slots=True)
class Episode:
    """A run of anomalous reference beats: R peaks of its first and last beat in s, and how many there are."""

    start_s: float
    stop_s: float
    beats: int


@dataclass(frozen=True, slots=True)
class RecordAlarms:
    """The alarms of one record beside its episodes.

    Attributes
    ----------
    record : str
        Name of the record.
    hours : float
        Judged time in h.
    episodes, detected, lasting : int
        Episodes; those that an alarm told of, raised anew; and those that one told of, or in which one that had been
        raised before still lasted.
    alarms, false_alarms : int
        Physiological alarms, and those during which no anomalous beat came and no flutter was annotated.
    set_aside : int
        False alarms inside an annotated rhythm that is no sinus rhythm: in the second set of figures they do not count.
    delays_s : tuple of float
        From the first R peak of each episode to its first alarm.
    """

    record: str
    hours: float
    episodes: int
    detected: int
    lasting: int
    alarms: int
    false_alarms: int
    set_aside: int
    delays_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AlarmFigures:
    """Alarm figures over a set of records.

    Attributes
    ----------
    sensitivity, sensitivity_lasting : float
        Share of the episodes that were told of, and with those in which an alarm still lasted.
    fa_per_hour : float
        False alarms per patient-hour; ``fa_per_hour_set_aside`` without those in a rhythm that is no sinus rhythm.
    delay_median_s, delay_p90_s : float
        From the first R peak of an episode to its alarm.
    episodes, alarms : int
        How many there were.
    """

    sensitivity: float
    sensitivity_lasting: float
    fa_per_hour: float
    fa_per_hour_set_aside: float
    delay_median_s: float
    delay_p90_s: float
    episodes: int
    alarms: int


def episodes(beats: JudgedBeats, run: int = RUN) -> list[Episode]:
    """Return the runs of at least ``run`` anomalous reference beats in a row, detected or not.

    False detections do not interrupt a run; a normal beat and an unclassifiable one (Q) do.
    """
    real = beats.aami != "O"
    anomalous, time_s = beats.anomalous[real], beats.time_s[real]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], anomalous.astype(np.int8), [0]])))
    return [
        Episode(float(time_s[first]), float(time_s[stop - 1]), int(stop - first))
        for first, stop in zip(edges[::2], edges[1::2], strict=True)
        if stop - first >= run
    ]


def judge_alarms(
    beats: JudgedBeats,
    alarms: Sequence[Alarm],
    annotations: Annotations,
    *,
    updates: Sequence[Alarm] = (),
    run: int = RUN,
    patience_s: float = PATIENCE_S,
    start_s: float = LEARNING_S,
) -> RecordAlarms:
    """Hold the physiological alarms of a record against its episodes.

    An alarm is true if between its onset and the moment it was raised an anomalous beat came or flutter was annotated
    (any overlap, as EC57 counts episodes). An episode is detected if an alarm whose onset is not after its end was
    raised from its start to ``patience_s`` after its end: what was silenced was not told. One in which a true alarm
    that was raised before still lasted, as ``updates`` say, is counted apart. Technical alarms and those raised before
    ``start_s`` are not judged.
    """
    judged = [alarm for alarm in alarms if alarm.physiological and alarm.raised_s >= start_s]
    anomalous_s = beats.time_s[beats.anomalous]
    flutter_s = [(first / annotations.fs, last / annotations.fs) for first, last in annotations.flutter()]
    true = np.array([is_true(alarm, anomalous_s, flutter_s) for alarm in judged], dtype=np.bool_)
    onset_s = np.array([alarm.onset_s for alarm in judged])
    raised_s = np.array([alarm.raised_s for alarm in judged])
    ends = {alarm.key: alarm.ended_s for alarm in last_states([*alarms, *updates])}
    ended_s = np.array([np.inf if ends[alarm.key] is None else ends[alarm.key] for alarm in judged], dtype=np.float64)
    detected, lasting, delays = 0, 0, []
    found = episodes(beats, run)
    for episode in found:
        about = (raised_s >= episode.start_s) & (raised_s <= episode.stop_s + patience_s) & (onset_s <= episode.stop_s)
        lasts = true & (raised_s < episode.start_s) & (ended_s >= episode.start_s)
        detected += bool(about.any())
        lasting += bool(about.any() or lasts.any())
        if about.any():
            delays.append(float(raised_s[about].min() - episode.start_s))
    elsewhere = ~in_sinus_rhythm(np.round(raised_s * annotations.fs), annotations)
    return RecordAlarms(
        record=beats.record,
        hours=beats.hours,
        episodes=len(found),
        detected=detected,
        lasting=lasting,
        alarms=len(judged),
        false_alarms=int((~true).sum()),
        set_aside=int((~true & elsewhere).sum()),
        delays_s=tuple(delays),
    )


def alarm_figures(records: Sequence[RecordAlarms]) -> AlarmFigures:
    """Pool the alarms of several records; NaN where there is nothing to divide by."""
    nan = float("nan")
    hours = sum(r.hours for r in records)
    n_episodes = sum(r.episodes for r in records)
    false = sum(r.false_alarms for r in records)
    delays = np.array([delay for r in records for delay in r.delays_s])
    return AlarmFigures(
        sensitivity=sum(r.detected for r in records) / n_episodes if n_episodes else nan,
        sensitivity_lasting=sum(r.lasting for r in records) / n_episodes if n_episodes else nan,
        fa_per_hour=false / hours if hours > 0 else nan,
        fa_per_hour_set_aside=(false - sum(r.set_aside for r in records)) / hours if hours > 0 else nan,
        delay_median_s=float(np.median(delays)) if len(delays) else nan,
        delay_p90_s=float(np.quantile(delays, 0.9)) if len(delays) else nan,
        episodes=n_episodes,
        alarms=sum(r.alarms for r in records),
    )


def is_true(alarm: Alarm, anomalous_s: NDArray[np.float64], flutter_s: Sequence[tuple[float, float]]) -> bool:
    """Tell whether between an alarm's onset and when it was raised an anomalous beat came, or flutter was annotated."""
    # Half a window of the beat match on either side: an R peak that was found a little early is still that beat.
    first, last = alarm.onset_s - 0.15, alarm.raised_s + 0.15
    has_beat = np.searchsorted(anomalous_s, last, side="right") > np.searchsorted(anomalous_s, first)
    return bool(has_beat) or any(start <= last and stop >= first for start, stop in flutter_s)
