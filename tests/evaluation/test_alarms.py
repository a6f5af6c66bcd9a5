from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.annotations import Annotations
from pipeline.evaluation.alarms import alarm_figures, episodes, judge_alarms
from pipeline.evaluation.beats import JudgedBeats, judge
from pipeline.records import Alarm


def alarm(onset_s: float, raised_s: float, *, physiological: bool = True) -> Alarm:
    return Alarm("r", "3 of 8", "high", physiological, onset_s, raised_s, 0, 0, "")


@pytest.fixture
def reference(make_annotations: Callable[..., Annotations]) -> Annotations:
    """One beat a second: from 5:10 on a run of three, at 5:40 a single V, at 6:00 a run of four."""
    symbols = list("N" * 400)
    for i in (310, 311, 312, 340, 360, 361, 362, 363):
        symbols[i] = "V"
    return make_annotations(range(0, 40_000, 100), "".join(symbols))


@pytest.fixture
def beats(reference: Annotations) -> JudgedBeats:
    return judge("r", reference, reference.sample, {"score": [0.0] * 400}, fs=100.0, n_samples=66_000)


def test_an_episode_is_a_run_of_anomalous_beats(beats: JudgedBeats) -> None:
    assert [(e.start_s, e.stop_s, e.beats) for e in episodes(beats)] == [(310.0, 312.0, 3), (360.0, 363.0, 4)]
    assert len(episodes(beats, run=1)) == 3


def test_an_alarm_about_a_run_detects_it_and_has_a_delay(beats: JudgedBeats, reference: Annotations) -> None:
    result = judge_alarms(beats, [alarm(310.0, 312.5), alarm(360.0, 362.5)], reference)
    assert (result.episodes, result.detected, result.false_alarms) == (2, 2, 0)
    assert result.delays_s == (2.5, 2.5)


def test_a_run_of_which_nobody_was_told_anew_is_not_detected(beats: JudgedBeats, reference: Annotations) -> None:
    first = alarm(310.0, 312.5)
    silent = judge_alarms(beats, [first], reference, updates=[replace(first, revision=1, ended_s=313.0)])
    assert (silent.detected, silent.lasting) == (1, 1)
    lasting = judge_alarms(beats, [first], reference, updates=[replace(first, revision=1, ended_s=361.0)])
    assert (lasting.detected, lasting.lasting) == (1, 2)


def test_an_alarm_without_an_anomalous_beat_is_false(beats: JudgedBeats, reference: Annotations) -> None:
    result = judge_alarms(beats, [alarm(320.0, 325.0), alarm(339.0, 341.0)], reference)
    assert (result.alarms, result.false_alarms, result.detected) == (2, 1, 0)
    assert alarm_figures([result]).fa_per_hour == pytest.approx(10.0)


def test_an_alarm_that_comes_too_late_detects_nothing(beats: JudgedBeats, reference: Annotations) -> None:
    assert judge_alarms(beats, [alarm(311.0, 330.0)], reference).detected == 0


def test_technical_alarms_and_those_of_the_learning_period_are_not_judged(
    beats: JudgedBeats, reference: Annotations
) -> None:
    result = judge_alarms(beats, [alarm(320.0, 325.0, physiological=False), alarm(100.0, 105.0)], reference)
    assert (result.alarms, result.false_alarms) == (0, 0)


def test_an_alarm_in_flutter_is_true_and_one_in_fibrillation_is_set_aside(
    make_annotations: Callable[..., Annotations],
) -> None:
    annotations = make_annotations([30_000, 31_000, 33_000, 34_000, 34_100], "N[]+N", notes={3: "(AFIB"})
    beats = judge("r", annotations, [30_000, 34_100], {"score": [0.0, 0.0]}, fs=100.0, n_samples=66_000)
    result = judge_alarms(beats, [alarm(312.0, 315.0), alarm(350.0, 355.0)], annotations)
    assert (result.false_alarms, result.set_aside) == (1, 1)
    assert alarm_figures([result]).fa_per_hour_set_aside == 0.0


def test_records_are_pooled_and_what_is_absent_has_no_figure(beats: JudgedBeats, reference: Annotations) -> None:
    result = judge_alarms(beats, [alarm(310.0, 312.0)], reference)
    both = alarm_figures([result, result])
    assert (both.sensitivity, both.episodes, both.delay_median_s) == (0.5, 4, 2.0)
    assert math.isnan(alarm_figures([]).sensitivity)
