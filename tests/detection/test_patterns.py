from __future__ import annotations

import json
import math

import pytest

from pipeline.detection.alarms import AlarmEngine
from pipeline.detection.patterns import Patterns
from pipeline.records import Alarm
from pipeline.settings import AlarmSettings


def play(pattern: str, early: float = 0.5, *, noise: float = 0.0, restart: bool = False) -> list[Alarm]:
    """Play beats 0.8 s apart; ``V`` is ventricular and comes ``early``, ``f`` stands in atrial fibrillation."""
    engine, time, told = AlarmEngine("x", AlarmSettings()), 0.0, list[Alarm]()
    for i, sign in enumerate(pattern):
        rr = early if sign == "V" else 1.6 - early if pattern[i - 1 : i] == "V" else 0.8
        time += rr
        odds = 4.0 if sign == "V" else -3.0
        engine.beat(i, time, time + 0.4, rr if i else math.nan, sign == "V", odds, noise, atria_fibrillate=sign == "f")
        told += engine.take()[0]
        if restart:
            state = json.loads(json.dumps(engine.snapshot()))
            engine = AlarmEngine("x", AlarmSettings())
            engine.restore(state)
    return told


def kinds(alarms: list[Alarm]) -> list[str]:
    return [alarm.kind for alarm in alarms]


@pytest.mark.parametrize("restart", [False, True])
def test_three_cycles_are_a_pattern_told_once_at_low_priority(restart: bool) -> None:
    for name, cycle in (("bigeminy", ".V"), ("trigeminy", "..V")):
        (alarm,) = play("." * 12 + cycle * 8 + "." * 12, restart=restart)
        assert (alarm.kind, alarm.priority, alarm.physiological) == (name, "low", True)
        assert alarm.last_beat - alarm.first_beat + 1 == 3 * len(cycle)
        assert kinds(play("." * 12 + cycle * 2 + "." * 12)) == []


def test_ventricular_shapes_in_noise_make_no_pattern() -> None:
    assert "bigeminy" not in kinds(play("." * 12 + ".V" * 6, noise=math.log(4.0)))


def test_a_ventricular_beat_on_the_t_wave_is_told() -> None:
    assert kinds(play("." * 12 + "V" + "." * 12, early=0.30)) == ["R on T"]
    assert kinds(play("." * 12 + "V" + "." * 12, early=0.45)) == []


def test_atrial_fibrillation_begins_after_30_s_and_ends() -> None:
    engine, updates = AlarmEngine("x", AlarmSettings()), list[Alarm]()
    told: list[Alarm] = []
    for i in range(250):
        engine.beat(i, 0.8 * i, 0.8 * i + 0.4, 0.8, False, -3.0, atria_fibrillate=50 <= i < 150 and i % 20 != 0)
        one, other = engine.take()
        told, updates = told + list(one), updates + list(other)
    (alarm,) = told
    assert (alarm.kind, alarm.priority) == ("atrial fibrillation", "low")
    assert alarm.onset_s == pytest.approx(40.0)
    assert alarm.raised_s == pytest.approx(70.4, abs=1.0)
    assert updates[-1].ended_s == pytest.approx(0.8 * 149)
    assert play("." * 20 + "f" * 30 + "." * 60) == []


def pace(answers: str, *, spikes_every: float = 0.85, restart: bool = False) -> list[Alarm]:
    """Play a pacemaker: each pulse starts a beat 0.15 s later where the sign is ``|``, none where it is ``-``."""
    engine, told, number, last = AlarmEngine("x", AlarmSettings()), list[Alarm](), 0, math.nan
    events = []
    for i, sign in enumerate(answers):
        at = 1.0 + spikes_every * i
        events += [(at + 0.8, "spike", at)] + ([(at + 0.55, "beat", at + 0.15)] if sign == "|" else [])
    for now, what, at in sorted(events):
        if what == "spike":
            engine.spike(at, now)
        else:
            engine.beat(number, at, now, at - last if number else math.nan, False, -3.0)
            number, last = number + 1, at
        told += engine.take()[0]
        if restart:
            state = json.loads(json.dumps(engine.snapshot()))
            engine = AlarmEngine("x", AlarmSettings())
            engine.restore(state)
    return [alarm for alarm in told if alarm.kind == "failure to capture"]


@pytest.mark.parametrize("restart", [False, True])
def test_pacing_pulses_that_start_no_beat_are_told(restart: bool) -> None:
    assert pace("|" * 40) == pace("|||-|||-||||") == []  # one that falls out may be a beat that was missed
    (alarm,) = pace("|" * 10 + "--" + "|" * 10, restart=restart)
    assert (alarm.priority, alarm.physiological) == ("medium", True)
    assert alarm.onset_s == pytest.approx(1.0 + 0.85 * 10)
    assert alarm.raised_s - alarm.onset_s == pytest.approx(0.85 + 0.8)


def test_fibrillation_before_a_hole_says_nothing_of_what_was_in_it() -> None:
    patterns = Patterns()
    for time, rr in ((0.0, 0.6), (0.7, 0.7), (600.0, math.nan), (600.8, 0.8)):
        patterns.beat(time, rr, is_ventricular=False, is_fibrillating=True)
        assert patterns.fibrillates_since(time) is None
