from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.annotations import Annotations
from pipeline.evaluation.rhythm_alarms import interval_over, judge_rhythms, rhythm_spans
from pipeline.records import Alarm

STOP_S = 600.0


def alarm(raised_s: float, priority: str = "high", onset_s: float | None = None) -> Alarm:
    onset_s = raised_s - 2.0 if onset_s is None else onset_s
    return Alarm("r", "x", priority, True, onset_s, raised_s, -1, -1, "", key=f"x@{raised_s}")


@pytest.fixture
def marked(make_annotations: Callable[..., Annotations]) -> Annotations:
    """At 100 Hz: normal from 0, noise from 100 s, flutter from 200 to 210 s, fibrillation up to 260 s, then normal."""
    notes = {0: "(N", 1: "(NOISE", 2: "(VFL", 3: "(VF", 4: "(N"}
    return make_annotations([0, 10_000, 20_000, 21_000, 26_000], "+++++", notes=notes)


def test_spans_have_the_sort_of_their_label(marked: Annotations) -> None:
    assert [(s.start_s, s.stop_s, s.sort) for s in rhythm_spans(marked, STOP_S)] == [
        (0.0, 100.0, "calm"),
        (100.0, 200.0, "noise"),
        (200.0, 210.0, "lethal"),
        (210.0, 260.0, "lethal"),
        (260.0, 600.0, "calm"),
    ]


def test_fibrillation_without_an_end_lasts_to_the_end_and_what_comes_before_is_calm(
    make_annotations: Callable[..., Annotations],
) -> None:
    marks = make_annotations([5_000, 9_000, 20_000, 30_000, 30_500], "N[][N")
    assert [(s.start_s, s.stop_s, s.sort) for s in rhythm_spans(marks, STOP_S)] == [
        (0.0, 90.0, "calm"),
        (90.0, 200.0, "lethal"),
        (200.0, 300.0, "other"),
        (300.0, 600.0, "lethal"),
    ]
    assert [span.sort for span in rhythm_spans(None, STOP_S)] == ["calm"]


def test_an_episode_is_told_by_an_alarm_of_high_priority_raised_in_it(marked: Annotations) -> None:
    told = [alarm(203.0), alarm(214.0, "medium")]
    ended = [replace(told[0], revision=1, ended_s=230.0)]
    flutter, fibrillation = judge_rhythms("r", told, ended, marked, STOP_S).episodes
    assert (flutter.raised_s, flutter.seconds) == (203.0, 10.0)
    assert fibrillation.raised_s is None  # the alarm of before lasted, nothing was raised anew
    assert fibrillation.standing
    silent = judge_rhythms("r", told, [replace(told[0], revision=1, ended_s=209.0)], marked, STOP_S)
    assert not silent.episodes[1].standing


def test_false_alarms_are_counted_by_rhythm_and_priority(marked: Annotations) -> None:
    told = [alarm(50.0), alarm(150.0, "low"), alarm(263.0), alarm(300.0), alarm(400.0, "medium")]
    told += [replace(alarm(60.0), physiological=False), alarm(90.0, onset_s=86.0)]
    judged = judge_rhythms("r", told, [], marked, STOP_S)
    assert judged.alarms["calm"] == {"high": 3, "medium": 1, "low": 0}  # 263 s is within 5 s of the episode's end
    assert judged.alarms["noise"] == {"high": 0, "medium": 0, "low": 1}
    assert judged.kinds == {"x": 3}
    assert judged.hours["calm"] == pytest.approx(440 / 3600)


def test_an_alarm_about_an_annotated_ectopic_beat_is_not_false(make_annotations: Callable[..., Annotations]) -> None:
    beats = make_annotations([100, 5_000, 5_100, 9_000], "+VVN", notes={0: "(N"})
    judged = judge_rhythms("r", [alarm(51.5), alarm(90.0)], [], beats, STOP_S)
    assert judged.alarms["calm"]["high"] == 1


def test_one_ectopic_beat_is_no_tachycardia(make_annotations: Callable[..., Annotations]) -> None:
    beats = make_annotations([100, 5_000, 5_100, 9_000, 9_100, 9_200], "+NVVVV", notes={0: "(N"})
    told = [replace(alarm(at, onset_s=at - 3.0), kind="ventricular tachycardia") for at in (52.0, 93.0)]
    judged = judge_rhythms("r", told, [], beats, STOP_S)
    assert judged.kinds == {"ventricular tachycardia": 1}


def test_pauses_and_rates_that_annotated_beats_show_are_told_apart(
    make_annotations: Callable[..., Annotations],
) -> None:
    slow = list(range(10_000, 13_000, 300))  # 20 a minute from 100 to 130 s
    even = list(range(30_000, 40_000, 80))
    beats = make_annotations([100, *slow, *even], "+" + "N" * (len(slow) + len(even)), notes={0: "(N"})

    def told(kind: str, onset_s: float, raised_s: float) -> Alarm:
        return replace(alarm(raised_s, onset_s=onset_s), kind=kind)

    def shown(*alarms: Alarm) -> tuple[int, int]:
        judged = judge_rhythms("r", alarms, [], beats, STOP_S)
        return judged.alarms["calm"]["high"], judged.shown

    assert shown(told("asystole", 133.0, 137.0)) == (1, 1)
    assert shown(told("asystole", 310.0, 314.0)) == (1, 0)
    assert shown(told("extreme bradycardia", 100.0, 112.5)) == (1, 1)
    assert shown(told("extreme bradycardia", 310.0, 322.0)) == (1, 0)
    assert shown(told("extreme tachycardia", 310.0, 313.0)) == (1, 0)


def test_an_interval_holds_its_figure_and_one_record_has_none(marked: Annotations) -> None:
    few = judge_rhythms("a", [alarm(50.0)], [], marked, STOP_S)
    many = judge_rhythms("b", [alarm(50.0 + i, onset_s=50.0) for i in range(9)], [], marked, STOP_S)

    def count(records: object) -> float:
        return float(sum(record.alarms["calm"]["high"] for record in records))  # type: ignore[attr-defined]

    interval = interval_over([few, many, few], count)
    assert interval.low <= interval.value == 11.0 <= interval.high
    assert interval.low < interval.high
    assert interval_over([few], count).low != interval_over([few], count).low  # NaN
