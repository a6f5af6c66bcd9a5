from __future__ import annotations

import math
from typing import Any

import pytest

from pipeline.detection.alarms import AlarmEngine
from pipeline.detection.rules import RULES, rules_in_force
from pipeline.records import Alarm
from pipeline.settings import AlarmSettings


def play(pattern: str, rr: float = 0.8, **settings: Any) -> list[Alarm]:
    """Play beats: ``.`` normal, ``v`` ventricular-like anomaly, ``a`` other anomaly, ``-`` one interval of nothing."""
    engine = AlarmEngine("x", AlarmSettings(**settings))
    alarms: list[Alarm] = []
    time, number, last = 0.0, 0, 0.0
    for sign in pattern:
        time += rr
        if sign == "-":
            alarms += engine.silence(time - 0.5)
            continue
        alarms += engine.beat(
            number, time, time + 0.4, time - last if number else float("nan"), sign != ".", sign == "v"
        )
        number, last = number + 1, time
    return alarms


def kinds(alarms: list[Alarm]) -> list[str]:
    return [alarm.kind for alarm in alarms]


def test_normal_beats_raise_nothing() -> None:
    assert play("." * 200) == []


def test_a_single_anomaly_raises_nothing() -> None:
    assert play("." * 20 + "v" + "." * 20) == []


def test_three_ventricular_beats_in_a_row_are_a_run_of_high_priority() -> None:
    (alarm,) = [alarm for alarm in play("." * 10 + "vvv" + "." * 10) if alarm.kind == "ventricular run"]
    assert alarm.priority == "high"
    assert (alarm.first_beat, alarm.last_beat) == (10, 12)
    assert alarm.onset_s < alarm.raised_s


def test_other_runs_are_of_medium_priority() -> None:
    assert "run" in kinds(play("." * 10 + "aaa" + "." * 10))
    assert "ventricular run" not in kinds(play("." * 10 + "aaa" + "." * 10))


def test_k_of_n_counts_scattered_anomalies() -> None:
    assert kinds(play("..a.a.a.a..")) == ["frequent anomalies"]
    assert kinds(play("..a.a.a..", k=3)) == ["frequent anomalies"]
    assert kinds(play("..a....a....a..")) == []


def test_the_same_alarm_is_not_told_twice_within_the_refractory_time() -> None:
    assert kinds(play("...vvv....vvv....", refractory_s=60)).count("ventricular run") == 1
    assert kinds(play("...vvv....vvv....", refractory_s=1)).count("ventricular run") == 2


def test_a_pause_is_told_once_while_it_lasts() -> None:
    alarms = play("....------....")
    assert kinds(alarms) == ["asystole"]
    assert alarms[0].raised_s - alarms[0].onset_s == 3.5


def test_a_pause_is_the_same_alarm_whether_silence_or_the_next_beat_tells_it() -> None:
    quiet, late = AlarmEngine("x", AlarmSettings()), AlarmEngine("x", AlarmSettings())
    for engine in (quiet, late):
        engine.beat(0, 1.0, 1.4, float("nan"), False, False)
    told = quiet.silence(4.2) + quiet.beat(1, 5.0, 5.4, 4.0, False, False)
    assert told == late.beat(1, 5.0, 5.4, 4.0, False, False)


def test_no_signal_is_no_pause() -> None:
    engine = AlarmEngine("x", AlarmSettings())
    engine.beat(0, 1.0, 1.4, float("nan"), False, False)
    assert engine.signal_lost(2.0) == []
    assert engine.silence(60.0) == []
    engine.signal_back(60.0)
    assert engine.silence(62.9) == []
    assert kinds(engine.silence(63.0)) == ["asystole"]


def test_slow_and_fast_hearts_are_told() -> None:
    assert kinds(play("." * 12, rr=2.0)) == ["bradycardia"]
    assert kinds(play("." * 12, rr=0.35)) == ["tachycardia"]


def test_extreme_rates_are_of_high_priority() -> None:
    for rr, kind in ((2.6, "extreme bradycardia"), (0.3, "extreme tachycardia")):
        (alarm,) = play("." * 12, rr=rr)
        assert (alarm.kind, alarm.priority) == (kind, "high")


def test_runs_are_told_by_their_length() -> None:
    assert kinds(play("." * 10 + "vv" + "." * 10)) == ["couplet"]
    assert kinds(play("." * 10 + "aa" + "." * 10)) == []
    told = kinds(play("." * 10 + "a" * 7 + "." * 10))
    assert (told.count("run"), told.count("long run")) == (1, 1)


def test_noise_is_a_technical_alarm() -> None:
    engine = AlarmEngine("x", AlarmSettings())
    alarms = []
    for i in range(40):
        loud = math.log(6.0) if i >= 20 else 0.0
        alarms += engine.beat(i, 0.8 * i, 0.8 * i + 0.4, 0.8, False, False, loud)
    (alarm,) = alarms
    assert (alarm.kind, alarm.physiological) == ("noise", False)
    assert 20 < alarm.last_beat < 30


def test_a_rule_can_be_silenced_raised_and_switched_off() -> None:
    pattern = "." * 10 + "vvv" + "." * 6 + "vvv" + "." * 6
    rules = {"ventricular run": {"refractory_s": 1, "priority": "low"}, "couplet": {"enabled": False}}
    alarms = play(pattern, rules=rules)
    assert [a.priority for a in alarms if a.kind == "ventricular run"] == ["low", "low"]
    assert "couplet" not in kinds(alarms)


def test_a_rule_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"no rule flutter.*couplet"):
        rules_in_force(AlarmSettings.model_validate({"rules": {"flutter": {}}}))


def test_technical_alarms_stand_apart() -> None:
    engine = AlarmEngine("x", AlarmSettings())
    alarms = engine.hole("V1", 10.0, "flat") + engine.hole(None, 20.0, "missing")
    assert kinds(alarms) == ["lead off", "no signal"]
    assert not any(alarm.physiological for alarm in alarms)
    assert "V1" in alarms[0].message


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    first, second = AlarmEngine("x", AlarmSettings()), AlarmEngine("x", AlarmSettings())
    for i in range(10):
        first.beat(i, 0.8 * i, 0.8 * i + 0.4, 0.8, i > 7, True)
    second.restore(first.snapshot())
    assert first.beat(10, 8.0, 8.4, 0.8, True, True) == second.beat(10, 8.0, 8.4, 0.8, True, True) != []


def test_every_rule_says_when_it_is_raised() -> None:
    numbers = AlarmSettings().model_dump()
    for rule in RULES.values():
        assert "{" not in rule.meaning.format(**numbers)
        assert rule.priority in {"high", "medium", "low"}
