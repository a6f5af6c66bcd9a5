from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import RecordNotFound
from pipeline.evaluation.challenge import ChallengeAlarm, ChallengeCounts, challenge_counts, judge_alarm, read_alarms
from pipeline.records import Alarm


def alarm(kind: str, raised_s: float) -> Alarm:
    return Alarm("r", kind, "high", True, raised_s - 4.0, raised_s, -1, -1, "", key=f"{kind}@{raised_s}")


def test_an_alarm_of_the_same_sort_up_to_five_minutes_is_told() -> None:
    bedside = ChallengeAlarm("r", "Asystole", is_true=True)
    assert judge_alarm(bedside, [alarm("asystole", 296.0)], []) == (True, True)
    assert judge_alarm(bedside, [alarm("ventricular fibrillation", 296.0)], []) == (False, False)
    assert judge_alarm(bedside, [alarm("asystole", 301.0)], []) == (False, False)  # nothing after 5:00 is seen


def test_an_alarm_from_before_counts_apart_and_only_while_it_lasts() -> None:
    bedside = ChallengeAlarm("r", "Tachycardia", is_true=True)
    early = alarm("tachycardia", 120.0)
    assert judge_alarm(bedside, [early], []) == (False, True)
    assert judge_alarm(bedside, [early], [replace(early, revision=1, ended_s=200.0)]) == (False, False)


def test_the_score_charges_five_for_a_missed_true_alarm() -> None:
    true, false = ChallengeAlarm("a", "Asystole", is_true=True), ChallengeAlarm("b", "Asystole", is_true=False)
    counts = challenge_counts([(true, True), (true, False), (false, True), (false, False), (false, False)])
    assert counts == ChallengeCounts(tp=1, fn=1, fp=1, tn=2)
    assert counts.tpr == 0.5
    assert counts.tnr == pytest.approx(2 / 3)
    assert counts.score == pytest.approx(100 * 3 / 9)


def test_alarms_are_read_and_what_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordNotFound, match="ALARMS"):
        read_alarms(tmp_path)
    (tmp_path / "ALARMS").write_text("a1,Asystole,0\nv2,Ventricular_Tachycardia,1\n")
    assert read_alarms(tmp_path)[1] == ChallengeAlarm("v2", "Ventricular_Tachycardia", is_true=True)
    (tmp_path / "ALARMS").write_text("a1,Sneezing,0\n")
    with pytest.raises(RecordNotFound, match="Sneezing"):
        read_alarms(tmp_path)
