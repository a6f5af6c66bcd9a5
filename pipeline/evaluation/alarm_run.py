"""Run the monitor over annotated records and keep what it told; beside it, simple rivals on the same signal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.alarms import WAIT, AlarmEngine
from pipeline.detection.fibrillation import SMOOTH, USABLE, FibrillationWeights
from pipeline.detection.model import BeatModel
from pipeline.detection.shipped import DEFAULT_MODEL
from pipeline.evaluation.challenge import ChallengeAlarm, judge_alarm
from pipeline.evaluation.rhythm_alarms import RhythmRecord, judge_rhythms
from pipeline.monitor import Monitor
from pipeline.records import Alarm, Chunk, Record
from pipeline.settings import AlarmSettings, Settings
from pipeline.signals.beats import BeatFinder
from pipeline.signals.resample import FS
from pipeline.signals.window_features import FEATURES
from pipeline.signals.windows import WindowStage
from pipeline.sources import open_record

__all__ = ["METHODS", "AlarmTask", "Judged", "told_by_monitor", "told_by_rivals"]

OWN = "ecg-anomaly"
RATES = "rate rules alone"
CROSSINGS = "rate rules, threshold crossings"
METHODS = (OWN, RATES, CROSSINGS)
# Arafat, Chowdhury and Hasan 2011 (doi:10.1007/s11760-009-0136-2) call fibrillation what lies beyond a fifth of its
# greatest deviation for 48 % of the time. They take windows of 3 s with tapered ends; these are the windows used here.
CROSSED = 0.48
_BEYOND = FEATURES.index("share of samples beyond a fifth of the greatest")

Told = tuple[list[Alarm], list[Alarm]]


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one record.

    Attributes
    ----------
    record : str
        Its name.
    rhythms : dict of str to RhythmRecord
        By method, where its rhythms are measured.
    challenge : ChallengeAlarm or None
        The alarm of the Challenge 2015, where that is measured.
    told : dict of str to (bool, bool)
        By method: whether an alarm of that sort was raised up to 5:00, and whether one was or still lasted.
    alarms : tuple of (float, str)
        What the monitor told, and when in s.
    """

    record: str
    rhythms: dict[str, RhythmRecord]
    challenge: ChallengeAlarm | None
    told: dict[str, tuple[bool, bool]]
    alarms: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmTask:
    """One record to be monitored and judged.

    Attributes
    ----------
    name : str
        Its name in its folder.
    data_dir : Path
        The folder.
    settings : Settings
        Thresholds and alarms.
    challenge : ChallengeAlarm or None
        What the bedside monitor said, for a record of the Challenge 2015.
    rivals : bool
        Whether the rivals are measured as well.
    model : Path
        The model's file.
    fibrillation : FibrillationWeights or None
        Weights that have not seen the person; None for those that ship.
    waves : bool
        Whether pulse waves are heard beside the electrodes.
    """

    name: str
    data_dir: Path
    settings: Settings
    challenge: ChallengeAlarm | None = None
    rivals: bool = True
    model: Path = DEFAULT_MODEL
    fibrillation: FibrillationWeights | None = None
    waves: bool = True

    @property
    def record(self) -> str:
        """Name of the record."""
        return self.name

    def run(self) -> Judged:
        """Monitor and judge the record.

        Raises
        ------
        PipelineError
            If it or the model cannot be read.
        """
        record = open_record(self.name, data_dir=self.data_dir, settings=self.settings)
        heard = record if self.waves else _WithoutWaves(record)
        own, peaks = told_by_monitor(heard, BeatModel.load(self.model), self.settings, self.fibrillation)
        told = {OWN: own}
        if self.rivals:
            told |= told_by_rivals(record, peaks, self.settings.alarms)
        said = tuple((alarm.raised_s, alarm.kind) for alarm in own[0])
        if self.challenge is not None:
            of = {method: judge_alarm(self.challenge, *states) for method, states in told.items()}
            return Judged(self.name, {}, self.challenge, of, said)
        annotations, stop_s = record.annotations(), record.n_samples / record.fs
        judged = {method: judge_rhythms(self.name, *states, annotations, stop_s) for method, states in told.items()}
        return Judged(self.name, judged, None, {}, said)


class _WithoutWaves:
    """A record whose pulse waves nobody hears."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.name, self.fs, self.leads, self.n_samples = record.name, record.fs, record.leads, record.n_samples
        self.annotations = record.annotations

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        """Yield the signal in order, ``seconds`` at a time."""
        return (replace(chunk, waves=(), wave=None) for chunk in self._record.chunks(seconds))


def told_by_monitor(
    record: Record, model: BeatModel, settings: Settings, fibrillation: FibrillationWeights | None = None
) -> tuple[Told, NDArray[np.float64]]:
    """Return what the monitor tells of a record, and its beats: R peaks and R-R intervals in s, shape (2, n)."""
    monitor = Monitor(model, threshold=settings.threshold, alarms=settings.alarms, fibrillation=fibrillation)
    alarms: list[Alarm] = []
    updates: list[Alarm] = []
    beats = []
    for findings in monitor.stream(record):
        alarms += findings.alarms
        updates += findings.updates
        beats.append(np.stack([findings.time_s, findings.rr_s]))
    return (alarms, updates), np.concatenate(beats, axis=1)


def told_by_rivals(record: Record, beats: NDArray[np.float64], settings: AlarmSettings) -> dict[str, Told]:
    """Return what rules that know no shapes tell of the same R peaks, by method.

    One knows rates and pauses alone; the other knows as well how much of the signal lies far from its middle.

    Parameters
    ----------
    record : Record
        The record.
    beats : ndarray of float64, shape (2, n)
        Its R peaks and R-R intervals in s.
    settings : AlarmSettings
        The numbers in the rules.
    """
    leads = min(2, len(record.leads))
    finder, stage = BeatFinder(record.fs, leads), WindowStage(leads)
    engines = {RATES: AlarmEngine(record.name, settings), CROSSINGS: AlarmEngine(record.name, settings)}
    waiting, number, last = beats.T.tolist(), 0, list[float]()
    for chunk in record.chunks():
        finder.process(chunk.signal[:, :leads])
        windows = stage.process(*finder.fresh())
        usable = windows.absent <= USABLE
        for i, stop in enumerate((windows.stop / FS).tolist()):
            while number < len(waiting) and waiting[number][0] + WAIT <= stop:
                time, rr = waiting[number]
                for engine in engines.values():
                    engine.beat(number, time, time + WAIT, rr, False, 0.0)
                number += 1
            beyond = windows.features[i, usable[i], _BEYOND]
            last = [*last[1 - SMOOTH :], float(beyond.mean())] if len(beyond) else []
            crossed = len(last) == SMOOTH and sum(last) / SMOOTH >= CROSSED
            engines[RATES].window(stop, float("nan"))
            engines[CROSSINGS].window(stop, 1.0 if crossed else -1.0)
    out = {}
    for method, engine in engines.items():
        engine.finish(record.n_samples / record.fs)
        told, updates = engine.take()
        out[method] = list(told), list(updates)
    return out
