"""Limits of alarms for one patient: what may be set, and that they change alarms alone."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline import BeatModel, Findings, Monitor, Ward
from pipeline.alarm_limits import check_limits
from pipeline.settings import AlarmSettings, Settings
from pipeline.sources.synthetic import Scenario, SyntheticRecord, synthesise
from tests.test_monitor import COLUMNS

NAME = "ward/quick"
ROSE = 30.0  # s from which on the limits are others


@pytest.fixture(scope="module")
def record() -> SyntheticRecord:
    """A healthy heart at 100 a minute."""
    return synthesise(Scenario("a quick heart", rate_bpm=100.0), name=NAME, seconds=60.0, seed=3)


@pytest.fixture(scope="module")
def usual(model: BeatModel, record: SyntheticRecord) -> Findings:
    return Findings.concatenate(list(Monitor(model).stream(record, seconds=5.0)))


def kinds(found: Findings) -> list[str]:
    return [alarm.kind for alarm in found.alarms]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"tachy": 100.0}, "there is no limit 'tachy'"),
        ({"tachy_bpm": 10.0}, "tachy_bpm is 60 to 240 /min, not 10"),
        ({"tachy_bpm": float("nan")}, "not nan"),
        ({"asystole_s": float("inf")}, "not inf"),
        ({"brady_bpm": 145.0}, "brady_bpm \\(145\\) is above tachy_bpm \\(140\\): set both"),
        ({"asystole_s": 2.0}, "pause_s \\(3\\) is above asystole_s \\(2\\)"),
    ],
)
def test_what_cannot_be_meant_is_refused(limits: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        AlarmSettings().of(NAME, check_limits(limits))
    with pytest.raises(ValidationError, match=words):
        AlarmSettings(limits={NAME: limits})


def test_a_file_of_settings_names_patients_and_what_is_set_later_ranks_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ecg-anomaly.toml").write_text('[alarms.limits."ward/quick"]\ntachy_bpm = 95\nbrady_bpm = 50\n')
    monkeypatch.chdir(tmp_path)
    settings = Settings().alarms
    assert settings.of("another") is settings
    assert (settings.of(NAME).tachy_bpm, settings.of(NAME).brady_bpm) == (95.0, 50.0)
    own = settings.of(NAME, {"tachy_bpm": 120.0})
    assert (own.tachy_bpm, own.brady_bpm) == (120.0, 50.0)


def test_a_limit_changes_alarms_from_its_moment_on_and_no_score(
    model: BeatModel, record: SyntheticRecord, usual: Findings
) -> None:
    assert "tachycardia" not in kinds(usual)
    settings = AlarmSettings(limits={NAME: {"tachy_bpm": 95.0}})
    always = Findings.concatenate(list(Monitor(model, alarms=settings).stream(record, seconds=5.0)))
    assert "tachycardia" in kinds(always)
    monitor, parts = Monitor(model), []
    for chunk in record.chunks(5.0):
        if chunk.start == ROSE * record.fs:
            monitor.set_limits({"tachy_bpm": 95.0})
            copy = Monitor(model)
            copy.restore(monitor.snapshot())  # it keeps them
            monitor = copy
        parts.append(monitor.process(chunk))
    found = Findings.concatenate([*parts, monitor.finish()])
    (alarm,) = (one for one in found.alarms if one.kind == "tachycardia")
    assert alarm.raised_s > ROSE
    for other in (always, found):
        for column in COLUMNS:
            assert getattr(other, column).tobytes() == getattr(usual, column).tobytes(), column


def test_a_ward_goes_by_each_patients_own_and_leaves_out_what_does_not_go(
    model: BeatModel, record: SyntheticRecord, caplog: pytest.LogCaptureFixture
) -> None:
    another = synthesise(Scenario("a quick heart", rate_bpm=100.0), name="ward/another", seconds=60.0, seed=3)
    ward = Ward(model, alarms=AlarmSettings(extreme_tachy_bpm=200.0))
    ward.set_limits({NAME: {"tachy_bpm": 95.0}, "ward/another": {"tachy_bpm": 220.0}})  # above the extreme one
    told: dict[str, list[str]] = {}
    with caplog.at_level(logging.WARNING):
        for pair in zip(record.chunks(5.0), another.chunks(5.0), strict=True):
            findings, refused = ward.process(pair)
            assert refused == []
            for found in findings:
                told.setdefault(found.record, []).extend(kinds(found))
    assert "tachycardia" in told[NAME]
    assert "tachycardia" not in told["ward/another"]
    assert "ward/another: limits are left out: tachy_bpm (220) is above extreme_tachy_bpm (200)" in caplog.text
    ward.set_limits({})
    assert ward.monitor(NAME).snapshot() != b""


def test_a_restored_patient_has_the_limits_of_now(model: BeatModel, record: SyntheticRecord) -> None:
    first, *_ = record.chunks(30.0)
    before = Ward(model)
    before.set_limits({NAME: {"tachy_bpm": 95.0}})
    before.process([first])
    state = before.monitor(NAME).snapshot()
    after = Ward(model)
    after.set_limits({})  # somebody took it back while no worker was there
    after.restore(NAME, state)
    plain = Ward(model)
    plain.set_limits({})
    plain.process([first])
    found, last = [
        [kind for chunk in list(record.chunks(30.0))[1:] for part in ward.process([chunk])[0] for kind in kinds(part)]
        for ward in (after, plain)
    ]
    assert found == last == []


def test_a_restored_patient_goes_by_the_settings_of_now(model: BeatModel, record: SyntheticRecord) -> None:
    first, second = record.chunks(30.0)
    before = Monitor(model, alarms=AlarmSettings(limits={"ward/another": {"tachy_bpm": 95.0}}))
    before.process(first)
    state = before.snapshot()
    assert b"ward/another" not in state  # no patient's state holds another's limits
    now = Monitor(model, alarms=AlarmSettings(tachy_bpm=95.0))
    now.restore(state)
    same = Monitor(model)
    same.restore(state)
    found = [kinds(Findings.concatenate([one.process(second), one.finish()])) for one in (now, same)]
    assert ("tachycardia" in found[0], "tachycardia" in found[1]) == (True, False)


def test_limits_that_were_at_odds_before_hold_up_no_other(record: SyntheticRecord) -> None:
    settings = AlarmSettings(pause_s=4.0)  # above asystole_s, as a file of settings may have it
    assert settings.of(record.name, {"tachy_bpm": 150.0}).tachy_bpm == 150.0
    with pytest.raises(ValueError, match="pause_s"):
        settings.of(record.name, {"asystole_s": 3.8})
