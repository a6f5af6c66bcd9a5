"""What is held to on real records, wherever a mirror is at hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import BeatModel, Findings, Monitor, Settings, open_record
from pipeline.evaluation.beats import JudgedBeats, judge


def judged(name: str, model: BeatModel, mirror: Settings) -> JudgedBeats:
    record = open_record(name, settings=mirror)
    annotations = record.annotations()
    assert annotations is not None
    found = Findings.concatenate(list(Monitor(model).stream(record)))
    columns = {"score": found.score, "is_anomaly": found.is_anomaly, "kind": found.kind}
    return judge(name, annotations, found.r_peak, columns, fs=record.fs, n_samples=record.n_samples)


def test_the_ventricular_beats_of_208_are_flagged(model: BeatModel, mirror: Settings) -> None:
    beats = judged("mitdb/208", model, mirror)
    ventricular = beats.aami == "V"
    assert ventricular.sum() > 800
    assert beats.is_anomaly[ventricular].mean() >= 0.95


@pytest.mark.parametrize("name", ["mitdb/100", "mitdb/103"])
def test_few_normal_beats_of_quiet_records_are_flagged(name: str, model: BeatModel, mirror: Settings) -> None:
    beats = judged(name, model, mirror)
    normal = beats.aami == "N"
    assert normal.sum() > 1700
    assert beats.is_anomaly[normal].mean() < 0.05


@pytest.mark.parametrize("name", ["mitdb/108", "mitdb/114", "mitdb/203", "mitdb/222"])
def test_hard_records_lose_few_beats(name: str, model: BeatModel, mirror: Settings) -> None:
    beats = judged(name, model, mirror)
    assert np.mean(beats.missed) < 0.02
