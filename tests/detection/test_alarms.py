from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import pytest

from pipeline.detection.alarms import AlarmEngine
from pipeline.detection.rules import RANKS, RULES, rules_in_force
from pipeline.records import Alarm, last_states
from pipeline.settings import AlarmSettings

WIDE = {".": -3.0, "a": 0.0, "n": -3.0, "v": 5.0, "w": 4.5}  # log odds that the shape is ventricular


def play_all(pattern: str, rr: float | list[float] = 0.8, **settings: Any) -> tuple[list[Alarm], list[Alarm]]:
    """Play beats.

    ``.`` normal, ``v`` plainly ventricular, ``w`` wide, ``n`` narrow, ``a`` neither, ``-`` one interval of nothing.
    Returns what is told and the other states of episodes.
    """
    engine = AlarmEngine("x", AlarmSettings(**settings))
    time, number, last = 0.0, 0, 0.0
    intervals = rr if isinstance(rr, list) else [rr] * len(pattern)
    for sign, interval in zip(pattern, intervals, strict=True):
        time += interval
        if sign == "-":
            engine.silence(time - 0.5)
            continue
        engine.beat(number, time, time + 0.4, time - last if number else math.nan, sign != ".", WIDE[sign])
        number, last = number + 1, time
    told, updates = engine.take()
    return list(told), list(updates)


def play(pattern: str, rr: float = 0.8, **settings: Any) -> list[Alarm]:
    """Return what is told."""
    return play_all(pattern, rr, **settings)[0]


def kinds(alarms: Iterable[Alarm]) -> list[str]:
    return [alarm.kind for alarm in alarms]


def test_normal_beats_raise_nothing() -> None:
    assert play("." * 200) == []


def test_a_single_anomaly_raises_nothing() -> None:
    assert play("." * 20 + "v" + "." * 20) == []


def test_three_ventricular_beats_in_a_row_are_a_run_of_medium_priority() -> None:
    (alarm,) = [alarm for alarm in play("." * 10 + "vvv" + "." * 10) if alarm.kind == "ventricular run"]
    assert alarm.priority == "medium"
    assert (alarm.first_beat, alarm.last_beat) == (10, 12)
    assert alarm.onset_s < alarm.raised_s


def test_five_ventricular_beats_above_100_a_minute_are_a_ventricular_tachycardia_of_high_priority() -> None:
    fast, slow = play("." * 10 + "v" * 5 + "..", rr=0.5), play("." * 10 + "v" * 5 + "..", rr=0.7)
    assert kinds(fast) == ["couplet", "ventricular run", "ventricular tachycardia"]
    assert fast[-1].priority == "high"
    assert fast[-1].rate_bpm == pytest.approx(120.0)
    assert kinds(slow) == ["couplet", "ventricular run"]


def test_a_run_in_noise_is_told_only_where_its_beats_come_regularly() -> None:
    def told(intervals: list[float]) -> list[str]:
        engine, time = AlarmEngine("x", AlarmSettings()), 0.0
        for i, rr in enumerate([0.8] * 10 + intervals):
            time += rr
            engine.beat(i, time, time + 0.4, rr, i >= 10, 5.0, math.log(5.0) if i >= 10 else 0.0)
        return [kind for kind in kinds(engine.take()[0]) if kind.startswith("ventricular")]

    assert told([0.4] * 8) == ["ventricular tachycardia"]
    assert told([0.3, 0.7, 0.4, 0.6, 0.3, 0.7, 0.4, 0.6]) == []


def test_narrow_runs_are_supraventricular_and_never_ventricular() -> None:
    told = kinds(play("." * 10 + "n" * 20 + "....", rr=0.4))
    assert told == ["run", "supraventricular run", "tachycardia"]


def test_strange_shapes_in_an_unchanged_rhythm_are_no_tachycardia_unless_they_are_plain() -> None:
    def told(wide: float, before: float) -> list[str]:
        engine, time = AlarmEngine("x", AlarmSettings()), 0.0
        for i, rr in enumerate([before] * 20 + [0.45] * 8):
            time += rr
            engine.beat(i, time, time + 0.4, rr, i >= 20, wide if i >= 20 else -3.0)
        return [kind for kind in kinds(engine.take()[0]) if kind == "ventricular tachycardia"]

    assert told(2.0, 0.45) == []
    assert told(2.0, 0.8) == told(6.0, 0.45) == ["ventricular tachycardia"]


def test_the_louder_the_noise_the_wider_the_beats_of_a_run_must_be() -> None:
    def told(wide: float, noise: float) -> bool:
        engine, time = AlarmEngine("x", AlarmSettings()), 0.0
        for i, rr in enumerate([0.8] * 10 + [0.4] * 8):
            time += rr
            engine.beat(
                i, time, time + 0.4, rr, i >= 10, wide if i >= 10 else -3.0, math.log(noise) if i >= 10 else 0.0
            )
        return "ventricular tachycardia" in kinds(engine.take()[0])

    assert [told(wide, noise) for wide, noise in ((3.0, 1.0), (3.0, 5.0), (6.0, 5.0))] == [True, False, True]


def test_beats_unlike_each_other_are_no_tachycardia() -> None:
    def told(shapes: list[float]) -> list[str]:
        engine, time = AlarmEngine("x", AlarmSettings()), 0.0
        for i, wide in enumerate([-3.0] * 10 + shapes):
            time += 0.8 if i < 10 else 0.4
            engine.beat(i, time, time + 0.4, 0.4, i >= 10, wide, math.log(1.5) if i >= 10 else 0.0)
        return [kind for kind in kinds(engine.take()[0]) if kind == "ventricular tachycardia"]

    assert told([3.0] * 8) == ["ventricular tachycardia"]
    assert told([6.0, 0.0, 5.0, 1.0, 6.0, 0.0, 5.0, 1.0]) == []  # of the same mean: beats and electrode motion in turn


def test_an_aberrant_rhythm_at_the_same_rate_is_no_ventricular_run() -> None:
    told = kinds(play("." * 20 + "w" * 10, rr=0.8))
    assert told == ["run", "long run"]


def test_beats_with_their_t_waves_are_no_tachycardia() -> None:
    engine, time = AlarmEngine("x", AlarmSettings()), 0.0
    for i, rr in enumerate([0.8] * 10 + [0.25, 0.8] * 4):
        time += rr
        engine.beat(i, time, time + 0.4, rr, i >= 10, 2.5)
    assert "ventricular tachycardia" not in kinds(engine.take()[0])


def test_other_runs_are_of_low_priority_and_long_ones_of_medium() -> None:
    assert "run" in kinds(play("." * 10 + "aaa" + "." * 10))
    assert "ventricular run" not in kinds(play("." * 10 + "aaa" + "." * 10))


def test_k_of_n_counts_scattered_anomalies() -> None:
    assert kinds(play("..a.a.a.a..")) == ["frequent anomalies"]
    assert kinds(play("..a.a.a..", k=3)) == ["frequent anomalies"]
    assert kinds(play("..a....a....a..")) == []


def test_an_episode_is_told_once_and_a_new_one_after_it_has_ended() -> None:
    assert kinds(play("...vvvvv..vvvvv....", rr=0.5)).count("ventricular tachycardia") == 1
    assert kinds(play("...vvvvv" + "." * 20 + "vvvvv....", rr=0.5)).count("ventricular tachycardia") == 2


def test_a_sustained_run_after_a_short_one_is_told_at_high_priority() -> None:
    # 3 V, 24 s of normal beats, 25 s at 143 a minute: the silence of the first must not swallow the second.
    pattern = "." * 10 + "vvv" + "." * 30 + "v" * 60 + "." * 30
    intervals = [0.8] * 43 + [0.42] * 60 + [0.8] * 30
    told, updates = play_all(pattern, intervals)
    second = next(alarm for alarm in told if alarm.priority == "high" and alarm.raised_s > 30)
    assert second.first_beat == 43
    assert second.raised_s - second.onset_s < 2.5
    (ended,) = [alarm for alarm in updates if alarm.key == second.key and alarm.ended_s is not None]
    assert (ended.longest, round(ended.rate_bpm or 0)) == (60, 143)
    assert ended.ended_s == pytest.approx(43 * 0.8 + 60 * 0.42)


def test_where_one_rule_of_a_run_is_off_the_others_are_told_all_the_same() -> None:
    off = {kind: {"enabled": False} for kind in ("ventricular run", "ventricular tachycardia")}
    assert kinds(play("." * 10 + "v" * 8 + "...", rules=off)) == ["couplet", "long run"]


def test_all_states_of_an_episode_have_one_key_and_its_priority_only_rises() -> None:
    told, updates = play_all("." * 10 + "aaa" + "." * 4 + "v" * 8 + "..aaa" + "." * 30, 0.5)
    states = sorted((alarm for alarm in told + updates if "run" in alarm.key), key=lambda one: one.revision)
    assert len({alarm.key for alarm in states}) == 1
    assert [alarm.revision for alarm in states] == list(range(len(states)))
    ranks = [RANKS[alarm.priority] for alarm in states]
    assert ranks == sorted(ranks)
    assert states[0].ended_s is None
    assert states[-1].ended_s is not None
    assert (states[0].kind, states[-1].priority, states[-1].longest) == ("run", "high", 8)
    assert len(last_states(states)) == 1


def test_what_returns_within_the_refractory_time_goes_on_with_its_episode_unless_it_is_graver() -> None:
    calm = "." * 20  # more than the 10 s after which an episode has ended
    told, updates = play_all("..vv" + calm + "vv" + calm + "v" * 5 + calm + "vv" + calm, 0.5)
    told = [alarm for alarm in told if alarm.kind != "frequent anomalies"]
    assert kinds(told) == ["couplet", "ventricular run", "ventricular tachycardia", "couplet"]
    # What is graver than an episode that had ended is an episode of its own, with its own onset.
    assert told[1].key == told[2].key
    assert len({alarm.key for alarm in told}) == 3
    assert told[2].first_beat == 46
    reopened = [alarm for alarm in updates if alarm.key == told[0].key and alarm.ended_s is None]
    assert len(reopened) == 2  # by the second couplet, and by the beginning of the tachycardia


def test_frequent_anomalies_are_not_told_while_a_run_lasts() -> None:
    assert kinds(play("." * 10 + "v" * 20, rr=0.5)) == ["couplet", "ventricular run", "ventricular tachycardia"]


def test_fibrillation_is_told_while_it_lasts_and_silence_in_it_is_no_asystole() -> None:
    engine = AlarmEngine("x", AlarmSettings())
    engine.beat(0, 1.0, 1.4, math.nan, False, -3.0)
    for stop in range(2, 30):
        engine.window(float(stop), 3.0 if 4 <= stop < 12 else -3.0)
    told, updates = engine.take()
    assert kinds(told) == ["ventricular fibrillation", "asystole"]
    fibrillation = [alarm for alarm in updates if alarm.key == told[0].key][-1]
    assert (told[0].raised_s, fibrillation.ended_s) == (4.0, 11.0)
    assert told[1].raised_s > 14.0  # silence counts from when fibrillation was over


def test_beats_one_by_one_overrule_windows_that_are_not_sure_of_fibrillation() -> None:
    def told(rr: float, level: float) -> list[str]:
        engine, number = AlarmEngine("x", AlarmSettings()), 0
        for stop in range(1, 30):
            while number * rr + 0.4 <= stop:
                engine.beat(number, number * rr, number * rr + 0.4, rr, False, 0.0)
                number += 1
            engine.window(float(stop), level if stop >= 20 else -3.0)
        return [kind for kind in kinds(engine.take()[0]) if "fibrillation" in kind]

    assert told(0.5, 1.5) == []
    assert told(0.5, 4.0) == told(0.28, 1.5) == ["ventricular fibrillation"]


def silence(spreads: list[tuple[float, ...]]) -> tuple[list[Alarm], list[Alarm]]:
    """Return what is told, and the other states, of 30 s of beats of 1 mV and then seconds without one."""
    engine, number = AlarmEngine("x", AlarmSettings()), 0
    for stop in range(1, 31 + len(spreads)):
        while number * 0.8 + 0.4 <= min(stop, 30):
            engine.beat(number, number * 0.8, number * 0.8 + 0.4, 0.8, False, -3.0)
            number += 1
        engine.window(float(stop), -3.0, (1.0, 1.0) if stop <= 30 else spreads[stop - 31])
    told, updates = engine.take()
    return list(told), list(updates)


def test_asystole_is_told_where_a_lead_is_clear_and_still() -> None:
    assert kinds(silence([(0.1, 0.9)] * 6)[0]) == ["pause", "asystole"]


def test_where_no_lead_can_tell_silence_is_a_technical_alarm_until_one_can() -> None:
    (alarm,), _ = silence([(0.9, 1.5)] * 6)
    assert (alarm.kind, alarm.physiological) == ("cannot analyse", False)
    assert alarm.raised_s - alarm.onset_s == 4.0
    told, updates = silence([(6.0, 6.0), *[(0.1, 0.1)] * 12])
    assert kinds(told) == ["cannot analyse", "asystole"]
    assert told[1].raised_s == 40.0  # more than 8 s after the electrode was pulled
    assert [alarm.ended_s for alarm in updates if alarm.key == told[0].key] == [40.0]


def test_each_silence_that_cannot_be_analysed_is_told() -> None:
    """The second stands in for an asystole as the first does: no refractory time may swallow it."""
    engine, number, time = AlarmEngine("x", AlarmSettings()), 0, 0.0
    for stop in range(1, 91):
        silent = 30 < stop <= 45 or 55 < stop <= 80
        while not silent and time + 0.4 <= stop:
            engine.beat(number, time, time + 0.4, 0.8 if number else math.nan, False, -3.0)
            number, time = number + 1, time + 0.8
        if silent:
            time = stop + 0.2
        engine.window(float(stop), -3.0, (0.9, 1.5) if silent else (1.0, 1.0))
    assert kinds(engine.take()[0]) == ["cannot analyse"] * 2


def test_a_tachycardia_is_told_after_a_long_stretch_of_anomalies_that_could_not_tell() -> None:
    engine, time = AlarmEngine("x", AlarmSettings()), 0.0
    told: dict[str, int] = {}
    for i in range(40 + 70 + 20):
        time += 0.8 if i < 40 else 0.45
        noisy = 40 <= i < 110
        engine.beat(i, time, time + 0.4, 0.45, i >= 40, 0.0 if noisy else 3.0, math.log(6.0) if noisy else 0.0)
        told |= {alarm.kind: i for alarm in engine.take()[0] if alarm.kind not in told}
    assert told["ventricular tachycardia"] <= 110 + 10


def test_a_silence_that_could_not_be_analysed_says_nothing_of_the_rate() -> None:
    engine, number, time = AlarmEngine("x", AlarmSettings()), 0, 0.0
    for stop in range(1, 61):
        silent = 30 < stop <= 44
        while not silent and time + 0.4 <= stop:
            engine.beat(number, time, time + 0.4, 0.8 if number else math.nan, False, -3.0)
            number, time = number + 1, time + 0.8
        if stop == 44:
            engine.beat(number, 44.2, 44.6, 44.2 - time + 0.8, False, -3.0)
            number, time = number + 1, 45.0
        engine.window(float(stop), -3.0, (0.9, 1.5) if silent else (1.0, 1.0))
    assert kinds(engine.take()[0]) == ["cannot analyse"]


def test_a_standstill_that_was_told_is_no_slow_heart_as_well() -> None:
    told = kinds(play("." * 10 + "-" * 12 + "." * 10))
    assert told == ["pause", "asystole"]


def test_a_record_that_ends_ends_its_episodes() -> None:
    engine = AlarmEngine("x", AlarmSettings())
    for i in range(12):
        engine.beat(i, 0.8 * i, 0.8 * i + 0.4, 0.8, i > 5, 5.0)
    engine.hole("V1", 3.0, "flat")
    engine.take()
    engine.finish(9.5)
    told, updates = engine.take()
    assert told == ()
    assert {alarm.key.split("@")[0]: alarm.ended_s for alarm in updates} == {"run": 8.8, "lead off V1": 9.5}


def test_a_pause_is_told_once_while_it_lasts() -> None:
    pause, asystole = play("....------....")[:2]
    assert kinds([pause, asystole]) == ["pause", "asystole"]
    assert pause.key == asystole.key
    assert (pause.priority, asystole.priority) == ("low", "high")
    assert pause.raised_s - pause.onset_s == 3.5
    assert asystole.raised_s - asystole.onset_s == 4.0


def test_a_pause_is_the_same_alarm_whether_silence_or_the_next_beat_tells_it() -> None:
    quiet, late = AlarmEngine("x", AlarmSettings()), AlarmEngine("x", AlarmSettings())
    for engine in (quiet, late):
        engine.beat(0, 1.0, 1.4, math.nan, False, -3.0)
    quiet.silence(4.2)
    for engine in (quiet, late):
        engine.beat(1, 5.0, 5.4, 4.0, False, -3.0)
        engine.expire(20.0)
    told, ended = quiet.take()
    assert (told, ended) == late.take()
    assert (told[0].ended_s, ended[0].ended_s) == (None, 5.0)


def test_no_signal_is_no_pause() -> None:
    engine = AlarmEngine("x", AlarmSettings())
    engine.beat(0, 1.0, 1.4, math.nan, False, -3.0)
    engine.signal_lost(2.0)
    engine.silence(60.0)
    engine.signal_back(60.0)
    engine.silence(62.9)
    assert engine.take() == ((), ())
    engine.silence(63.0)
    assert kinds(engine.take()[0]) == ["pause"]


def test_slow_and_fast_hearts_are_told() -> None:
    assert kinds(play("." * 12, rr=2.0)) == ["bradycardia"]
    assert kinds(play("." * 20, rr=0.4)) == ["tachycardia"]


def test_extreme_rates_are_of_high_priority() -> None:
    for rr, kind in ((2.6, "extreme bradycardia"), (0.3, "extreme tachycardia")):
        (alarm,) = play("." * 12, rr=rr)
        assert (alarm.kind, alarm.priority) == (kind, "high")


def test_runs_are_told_by_their_length() -> None:
    assert kinds(play("." * 10 + "vv" + "." * 10)) == ["couplet"]
    assert kinds(play("." * 10 + "aa" + "." * 10)) == []
    assert kinds(play("." * 10 + "a" * 7 + "." * 10)) == ["run", "long run"]


def test_noise_is_a_technical_alarm() -> None:
    engine = AlarmEngine("x", AlarmSettings())
    for i in range(40):
        loud = math.log(6.0) if i >= 20 else 0.0
        engine.beat(i, 0.8 * i, 0.8 * i + 0.4, 0.8, False, -3.0, loud)
    (alarm,) = engine.take()[0]
    assert (alarm.kind, alarm.physiological) == ("noise", False)
    assert 20 < alarm.last_beat < 30


def test_a_rule_can_be_silenced_raised_and_switched_off() -> None:
    pattern = "." * 10 + "vvv" + "." * 6 + "vvv" + "." * 6
    quiet = {"couplet": {"enabled": False}, "run": {"enabled": False}}
    rules = {"ventricular run": {"calm_s": 2, "refractory_s": 1, "priority": "low"}, **quiet}
    alarms = play(pattern, rules=rules)
    assert [a.priority for a in alarms if a.kind == "ventricular run"] == ["low", "low"]
    assert "couplet" not in kinds(alarms)


def test_a_rule_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"no rule flutter.*couplet"):
        rules_in_force(AlarmSettings.model_validate({"rules": {"flutter": {}}}))


def test_technical_alarms_stand_apart() -> None:
    engine = AlarmEngine("x", AlarmSettings())
    engine.hole("V1", 10.0, "flat")
    engine.hole(None, 20.0, "missing")
    alarms, _ = engine.take()
    assert kinds(alarms) == ["lead off", "no signal"]
    assert not any(alarm.physiological for alarm in alarms)
    assert "V1" in alarms[0].message


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    first, second = AlarmEngine("x", AlarmSettings()), AlarmEngine("x", AlarmSettings())
    for i in range(10):
        first.beat(i, 0.8 * i, 0.8 * i + 0.4, 0.8, i > 7, 5.0)
    first.hole("V1", 3.0, "flat")
    first.take()
    second.restore(json.loads(json.dumps(first.snapshot())))
    for engine in (first, second):
        engine.beat(10, 8.0, 8.4, 0.8, True, 5.0)
        engine.finish(30.0)
    told, updates = first.take()
    assert (told, updates) == second.take()
    assert kinds(told) == ["ventricular run"]
    assert len(updates) == 2


def test_every_rule_says_when_it_is_raised() -> None:
    numbers = AlarmSettings().model_dump()
    for rule in RULES.values():
        assert "{" not in rule.meaning.format(**numbers)
        assert rule.priority in {"high", "medium", "low"}
