"""Pulse waves beside the electrodes: they refute and confirm what the electrodes say, and change nothing else."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import BeatModel, Chunk, Findings, Monitor
from pipeline.detection.alarms import AlarmEngine
from pipeline.records import BEAT, Alarm, PulseMark
from pipeline.settings import AlarmSettings
from pipeline.snapshot import pack, unpack
from tests.signals.test_pulses import wave
from tests.test_monitor import assert_same

FS, SECONDS, SILENT_S = 250.0, 70.0, 50.0
BEATS = np.arange(0.5, SECONDS, 0.8)


def pulse(at: float, height: float = 1.0) -> PulseMark:
    return PulseMark(round((at + 0.2) * 180), "ABP", BEAT, at, height)


def play(
    pulses: list[PulseMark], *, beats: list[float], levels: dict[int, float], spread: float = 0.1
) -> tuple[list[Alarm], list[Alarm]]:
    """Play beats, pulses and windows to the alarm rules, each when it is known; return what is told, and the rest."""
    engine = AlarmEngine("x", AlarmSettings())
    events: list[tuple[float, int, Any]] = [(mark.known / 180, 0, mark) for mark in pulses]
    events += [(time + 0.4, 2, (i, time)) for i, time in enumerate(beats)]
    events += [(float(stop), 1, level) for stop, level in levels.items()]
    last = 0.0
    for at, sort, what in sorted(events, key=lambda event: event[:2]):
        if sort == 0:
            engine.pulse(what, at)
        elif sort == 1:
            has_beats = any(at - 1.0 < beat < at for beat in beats)
            engine.window(at, what, (1.0 if has_beats else spread,))
        else:
            number, time = what
            engine.beat(number, time, at, time - last if number else np.nan, False, -3.0)
            last = time
    told, updates = engine.take()
    return list(told), list(updates)


def kinds(alarms: list[Alarm]) -> list[str]:
    return [alarm.kind for alarm in alarms]


CALM = dict.fromkeys(range(1, 60), -3.0)
ON_TIME = [pulse(0.8 * i + 0.3) for i in range(75)]
STOPPED = [mark for mark in ON_TIME if mark.time_s < 30.5]
HEART = [0.8 * i for i in range(38)]  # until 29.6 s


def test_pulses_that_go_on_refute_a_standstill_and_those_that_stop_do_not() -> None:
    told, _ = play(ON_TIME, beats=HEART, levels=CALM)
    assert kinds(told) == ["pause", "signals disagree"]
    assert (told[-1].priority, told[-1].physiological) == ("low", False)
    assert "pulses at 75 a minute" in told[-1].message
    for pulses in ([], STOPPED):
        assert kinds(play(pulses, beats=HEART, levels=CALM)[0]) == ["pause", "asystole"]


def test_a_standstill_is_told_when_the_pulses_that_refuted_it_stop() -> None:
    told, updates = play([mark for mark in ON_TIME if mark.time_s < 42.0], beats=HEART, levels=CALM)
    assert kinds(told) == ["pause", "signals disagree", "asystole"]
    assert 42.0 < told[-1].raised_s < 46.0
    assert [alarm.kind for alarm in updates if alarm.ended_s is not None] == ["signals disagree"]


def test_pulses_that_stop_tell_a_standstill_where_no_lead_is_clear() -> None:
    told = {
        name: kinds(play(p, beats=HEART, levels=CALM, spread=0.9)[0]) for name, p in (("no", []), ("gone", STOPPED))
    }
    assert told == {"no": ["cannot analyse"], "gone": ["asystole"]}


@pytest.mark.parametrize(
    "pulses",
    [
        [pulse(mark.time_s, 0.3) for mark in ON_TIME],  # damped: nobody knows whether a heart makes them
        [pulse(at) for at in np.cumsum(np.random.default_rng(1).uniform(0.3, 1.4, 70))],  # shaken
    ],
)
def test_waves_that_no_heart_makes_say_nothing(pulses: list[PulseMark]) -> None:
    assert kinds(play(pulses, beats=HEART, levels=CALM)[0]) == ["pause", "asystole"]


def test_pulses_refute_fibrillation_until_they_stop() -> None:
    levels = CALM | dict.fromkeys(range(32, 60), 4.0)
    assert kinds(play([], beats=HEART, levels=levels)[0]) == ["ventricular fibrillation"]
    assert kinds(play(STOPPED, beats=HEART, levels=levels)[0]) == ["ventricular fibrillation"]
    told, _ = play([mark for mark in ON_TIME if mark.time_s < 45.0], beats=[0.8 * i for i in range(60)], levels=levels)
    assert kinds(told) == ["signals disagree", "ventricular fibrillation"]
    assert told[1].raised_s == pytest.approx(47.0, abs=2.0)


def test_pulses_refute_an_extreme_rate_but_not_one_of_which_they_may_be_a_part() -> None:
    for rr, is_told in ((0.7, False), (0.75, False), (0.56, True)):
        calm = [rr * i for i in range(round(20 / rr))]
        beats = [*calm, *(calm[-1] + 0.28 * i for i in range(1, 80))]
        told, _ = play([pulse(rr * i + 0.3) for i in range(round(42 / rr))], beats=beats, levels={})
        assert "signals disagree" in kinds(told), rr  # also while the mean rate still rises
        assert ("extreme tachycardia" in kinds(told)) == is_told, rr
    # Twice or three times: a heart that fills too little, or T waves taken for beats. Nobody knows: it is told.


@pytest.mark.parametrize("apart", [0.4, 0.63, 1.5])
def test_a_wave_that_never_followed_the_beats_refutes_nothing(apart: float) -> None:
    """Mains in a wave, a ventilator and whatever else is as regular as a heart."""
    never = [pulse(apart * i + 0.3) for i in range(round(60 / apart))]
    assert kinds(play(never, beats=HEART, levels=CALM)[0]) == ["pause", "asystole"]


def test_where_one_wave_has_stopped_another_refutes_nothing() -> None:
    other = [replace(mark, wave="PLETH") for mark in ON_TIME]
    assert "asystole" in kinds(play([*STOPPED, *other], beats=HEART, levels=CALM)[0])
    both = [*ON_TIME, *other]
    assert kinds(play(both, beats=HEART, levels=CALM)[0]) == ["pause", "signals disagree"]
    faster = [*other[:38], *(replace(pulse(30.4 + 0.6 * i), wave="PLETH") for i in range(1, 40))]
    assert "asystole" in kinds(play([*ON_TIME, *faster], beats=HEART, levels=CALM)[0])


def test_compressions_of_the_chest_end_no_fibrillation() -> None:
    levels = CALM | dict.fromkeys(range(32, 60), 4.0)
    compressions = [pulse(40.0 + 0.6 * i) for i in range(30)]
    told, updates = play([*STOPPED, *compressions], beats=HEART, levels=levels)
    assert kinds(told) == ["ventricular fibrillation"]
    assert all(alarm.ended_s is None for alarm in updates)


def test_pulses_that_are_an_alarm_themselves_refute_no_graver_one() -> None:
    """Else nobody would be told of either."""
    calm = [0.41 * i for i in range(50)]  # 146 a minute: a tachycardia
    beats = [*calm, *(calm[-1] + 0.28 * i for i in range(1, 80))]
    told, _ = play([pulse(0.41 * i + 0.3) for i in range(100)], beats=beats, levels={})
    assert "extreme tachycardia" in kinds(told)
    assert "signals disagree" not in kinds(told)


def test_a_wave_may_speak_without_beats_for_a_while_alone() -> None:
    long = dict.fromkeys(range(1, 110), -3.0)
    told, _ = play([pulse(0.8 * i + 0.3) for i in range(130)], beats=HEART, levels=long)
    assert kinds(told) == ["pause", "signals disagree", "asystole"]
    assert 29.6 + 45.0 < told[-1].raised_s < 29.6 + 50.0


def signal() -> NDArray[np.float32]:
    """Return beats that are gone in the last 20 s, as from an electrode that has come off and is quiet."""
    time = np.arange(round(SECONDS * FS)) / FS
    rng = np.random.default_rng(3)
    ecg = sum(np.exp(-0.5 * ((time - beat) / 0.012) ** 2) for beat in BEATS if beat < SILENT_S)
    return (ecg + 0.01 * rng.normal(size=len(time))).astype(np.float32)[:, None]


def chunks(waves: NDArray[np.float32] | None, edges: list[int]) -> list[Chunk]:
    whole = signal()
    bounds = [0, *edges, len(whole)]
    out = [Chunk("x", a, FS, ("II",), whole[a:b]) for a, b in pairwise(bounds)]
    if waves is None:
        return out
    return [replace(chunk, waves=("ABP",), wave=waves[chunk.start : chunk.stop, None]) for chunk in out]


def findings(model: BeatModel, parts: list[Chunk], *, restart: bool = False) -> Findings:
    monitor, found = Monitor(model), []
    for part in parts:
        found.append(monitor.process(part))
        if restart:
            state, monitor = monitor.snapshot(), Monitor(model)
            monitor.restore(state)
    return Findings.concatenate([*found, monitor.finish()])


def test_a_monitor_hears_pulses_whatever_the_chunks_and_the_restarts(model: BeatModel) -> None:
    pressure = wave(BEATS.tolist(), SECONDS, FS)
    alone, whole = findings(model, chunks(None, [])), findings(model, chunks(pressure, []))
    assert "asystole" in kinds(list(alone.alarms))
    assert "asystole" not in kinds(list(whole.alarms))
    assert "signals disagree" in kinds(list(whole.alarms))
    np.testing.assert_array_equal(alone.score, whole.score)
    edges = sorted(np.random.default_rng(5).integers(0, round(SECONDS * FS), 60).tolist())
    assert_same(findings(model, chunks(pressure, edges), restart=True), whole)
    stopped = wave([beat for beat in BEATS if beat < SILENT_S], SECONDS, FS)
    assert kinds(list(findings(model, chunks(stopped, edges)).alarms)) == kinds(list(alone.alarms))


def test_a_wave_may_come_and_go_and_old_states_know_of_none(model: BeatModel) -> None:
    pressure = wave(BEATS.tolist(), SECONDS, FS)
    half, end = round(40 * FS), round(SECONDS * FS)
    late = [*chunks(None, [half])[:1], *chunks(pressure, [half])[1:]]
    early = [*chunks(pressure, [half])[:1], *chunks(None, [half])[1:]]
    assert "signals disagree" in kinds(list(findings(model, late).alarms))
    assert_same(findings(model, early), findings(model, chunks(None, [half, end])))
    monitor = Monitor(model)
    monitor.process(late[0])
    arrays, facts = unpack(monitor.snapshot())
    del facts["pulses"], facts["timeline"]["engine"]["pulses"], facts["version"]
    old = Monitor(model)
    old.restore(pack(arrays, facts))
    assert old.process(late[1]).alarms == monitor.process(late[1]).alarms
