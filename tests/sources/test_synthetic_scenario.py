from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.synthetic import KINDS, Episode, Scenario, demo_ward, synthesise


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "hiccups"}, "unknown kind of episode 'hiccups'"),
        ({"kind": "vt", "start_s": 9.0, "stop_s": 9.0}, "vt: start 9.0 s and stop 9.0 s"),
        ({"kind": "vt", "start_s": -1.0}, "start -1.0 s"),
        ({"kind": "vt", "start_s": math.nan}, "start nan s"),
        ({"kind": "off", "lead": 2}, "off: lead 2"),
        ({"kind": "vt", "lead": 0}, "vt: lead 0"),
        ({"kind": "swap", "lead": 1}, "swap: lead 1"),
        ({"kind": "vt", "level": 0.0}, r"vt: level 0.0 beats/min is not within 20 to 400"),
        ({"kind": "flutter", "level": 1e9}, r"flutter: level 1000000000.0 atrial waves/min is not within"),
        ({"kind": "pvc", "level": 0.0}, r"pvc: level 0.0 per min is not above 0"),
        ({"kind": "hum", "level": math.inf}, "hum: level inf"),
        ({"kind": "st", "ramp_s": -1.0}, "st: ramp -1.0 s"),
    ],
)
def test_an_episode_that_makes_no_sense_is_refused_by_name(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Episode(**arguments)  # type: ignore[arg-type]  # kind is a string among numbers


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate_bpm": 400.0}, "rate_bpm 400.0"),
        ({"variability": math.nan}, "variability nan"),
        ({"breaths_per_min": 0.0}, "breaths_per_min 0.0"),
        ({"noise_mv": -0.1}, "noise_mv -0.1"),
        ({"mains_hz": 0.0}, "mains_hz 0.0"),
        ({"period_s": 0.0}, "period 0.0 s"),
    ],
)
def test_a_patient_that_cannot_be_is_refused_by_name(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"scenario 'nobody': {message}"):
        Scenario("nobody", **arguments)  # type: ignore[arg-type]  # none of them is the tuple of episodes


def test_an_episode_after_the_end_of_the_period_is_refused() -> None:
    with pytest.raises(ValueError, match="vt starts after the period of 60"):
        Scenario("short", (Episode("vt", 70.0),), period_s=60.0)


def test_every_kind_of_episode_has_a_group_that_something_acts_on() -> None:
    assert {kind.group for kind in KINDS.values()} == {"rhythm", "ectopy", "conduction", "course", "noise", "fault"}
    assert all(kind.meaning for kind in KINDS.values())


def test_a_level_rises_and_falls_on_its_ramps() -> None:
    episode = Episode("st", 10.0, 30.0, level=0.3, ramp_s=5.0)
    at = np.array([9.9, 10.0, 12.5, 15.0, 20.0, 25.0, 27.5, 30.0])
    np.testing.assert_allclose(Scenario("ramp", (episode,)).share(episode, at), [0, 0, 0.5, 1, 1, 1, 0.5, 0])


@given(st.floats(0.0, 1e6), st.integers(1, 1000))
def test_what_repeats_looks_the_same_in_each_period(time_s: float, period: int) -> None:
    episode = Episode("wander", 20.0, 50.0, ramp_s=0.0)
    scenario = Scenario("repeats", (episode,), period_s=64.0)
    at = np.array([time_s % 64.0])
    np.testing.assert_array_equal(scenario.share(episode, at), scenario.share(episode, at + 64.0 * period))


def test_the_ward_has_ten_patients_who_repeat() -> None:
    ward = demo_ward(seconds=120.0)
    assert len(ward) == 10
    assert all(name.startswith("synth/") and scenario.period_s == 120.0 for name, scenario in ward.items())
    titles = {scenario.title for scenario in ward.values()}
    assert len(titles) == 10


@pytest.mark.parametrize("name", sorted(demo_ward()))
def test_at_least_97_in_100_beats_of_the_first_half_are_of_the_usual_kind(name: str) -> None:
    record = synthesise(demo_ward()[name], name=name, seed=11)
    annotations = record.annotations()
    sample, symbol = annotations.beats()
    first = sample < 300 * record.fs
    assert np.mean(symbol[first] == "N") > 0.97
    early = annotations.rhythms()[annotations.sample < 300 * record.fs]
    assert set(early) - {""} == {"(AFIB" if name == "synth/afib" else "(N"}


def test_each_kind_is_on_the_ward_or_at_least_can_be_ordered() -> None:
    for kind in KINDS:
        record = synthesise(Scenario(kind, (Episode(kind),)), name=f"synth/{kind}", seconds=20.0)
        signal = np.concatenate([chunk.signal for chunk in record.chunks()])
        assert signal.shape == (7200, 2)
        assert np.isnan(signal).all() == (kind == "missing")


def test_a_round_too_short_for_the_ward_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a round of 10.0 s is too short"):
        demo_ward(seconds=10.0)
