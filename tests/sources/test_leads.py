from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RecordUnsupported
from pipeline.sources.leads import (
    PREFERENCE,
    choose_leads,
    doubtful_leads,
    is_ecg,
    lead_key,
    millivolts_per_unit,
    unique_names,
)


def chosen(names: list[str], max_leads: int = 2, wanted: list[str] | None = None) -> list[str]:
    return [names[i] for i in choose_leads("db/1", names, [True] * len(names), wanted, max_leads)]


@pytest.mark.parametrize(
    ("names", "leads"),
    [
        (["V5", "MLII"], ["MLII", "V5"]),  # mitdb 114
        (["V5", "V2"], ["V5", "V2"]),  # mitdb 102 and 104
        (["ECG1", "ECG2"], ["ECG1", "ECG2"]),
        (["RESP", "ECG Lead 1", "ABP", "ECG Lead 2", "PLETH"], ["ECG Lead 1", "ECG Lead 2"]),
        (["i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6"], ["ii", "v5"]),
        (["CM5", "Lead II"], ["Lead II", "CM5"]),
        (["EEG (C4-A1)", "ECG", "BP", "Resp (sum)"], ["ECG"]),
        (["ECG III", "ECG aVF"], ["ECG aVF", "ECG III"]),
    ],
)
def test_leads_are_chosen_by_name_in_order_of_preference(names: list[str], leads: list[str]) -> None:
    assert chosen(names) == leads


@given(st.permutations(PREFERENCE), st.integers(1, 12))
def test_position_in_the_file_changes_no_choice_among_known_leads(names: list[str], max_leads: int) -> None:
    assert chosen(names, max_leads) == list(PREFERENCE[:max_leads])


@given(st.lists(st.sampled_from(["MLII", "V5", "ECG1", "ECG2", "RESP", "x"]), unique=True), st.integers(1, 12))
def test_choice_is_of_ecg_leads_only_each_once(names: list[str], max_leads: int) -> None:
    named = [name for name in names if name not in ("RESP", "x")]
    ecg = named or [name for name in names if name != "RESP"]  # a name that says nothing, only where none says more
    if ecg:
        leads = chosen(names, max_leads)
        assert len(leads) == len(set(leads)) == min(max_leads, len(ecg))
        assert set(leads) <= set(ecg)
    else:
        with pytest.raises(RecordUnsupported, match="no ECG lead"):
            chosen(names, max_leads)


def test_what_is_surely_another_signal_is_never_chosen_whatever_its_place() -> None:
    study = ["F3-M2", "F4-M1", "C3-M2", "E1-M2", "Chin1-Chin2", "ABD", "SaO2", "Position", "PLETH", "chan 9", "ECG"]
    assert chosen(study, 12) == ["ECG"]
    with pytest.raises(RecordUnsupported, match=r"no ECG lead.*--leads"):
        chosen([name for name in study if name not in ("ECG", "chan 9")])
    assert chosen(study, wanted=["PLETH"]) == ["PLETH"]  # who asks for it has it


def test_among_names_that_say_nothing_those_with_beats_are_taken_and_told() -> None:
    names, beats = ["chan 1", "chan 2", "EEG", "chan 3"], [False, True, True, True]

    def choose(beats: list[bool], names: list[str] = names) -> list[int]:
        return choose_leads("db/1", names, [True] * len(names), None, 2, has_beats=beats.__getitem__)

    assert choose(beats) == [1, 3]
    with pytest.raises(RecordUnsupported, match="no heartbeats can be seen in chan 1, chan 2, chan 3"):
        choose([False] * 4)
    assert choose([False] * 2, ["a", "b"]) == [0, 1]  # nothing is known of anything: taken, and told
    assert doubtful_leads(["MLII", "V1"]) is None
    assert "no name says that chan 2 and chan 3 is an ECG" in str(doubtful_leads(["chan 2", "V1", "chan 3"]))
    assert "no heartbeats can be seen" in str(doubtful_leads(["a"], has_beats=False))


def test_named_leads_come_in_the_order_asked_for_however_they_are_spelt() -> None:
    assert chosen(["MLII", "ECG V1", "RESP"], 3, ["v1", "ml2", "RESP"]) == ["ECG V1", "MLII", "RESP"]


@pytest.mark.parametrize(
    ("wanted", "leads"),
    [
        (["MLII", "V1"], ["MLII"]),  # mitdb 100 has MLII and V5
        (["V1", "V5", "MLII"], ["V5", "MLII"]),
        (["V5", "v5", "V5"], ["V5"]),
        (["V5", "MLII", "V2"], ["V5", "MLII"]),
    ],
)
def test_of_the_leads_asked_for_the_first_that_are_there_are_taken(wanted: list[str], leads: list[str]) -> None:
    assert chosen(["MLII", "V5", "V2"], wanted=wanted) == leads


def test_a_record_without_any_of_the_leads_asked_for_is_refused_with_those_there_are() -> None:
    with pytest.raises(RecordUnsupported, match=r"'db/1'.*no lead 'V6' or 'V2'; choose from: MLII, V1"):
        chosen(["MLII", "V1"], wanted=["V6", "V2"])


@pytest.mark.parametrize(("wanted", "max_leads"), [([], 2), (["V1"], 0), (None, 0), (None, 13)])
def test_senseless_choice_is_a_value_error(wanted: list[str] | None, max_leads: int) -> None:
    with pytest.raises(ValueError, match="lead"):
        chosen(["MLII", "V1"], max_leads, wanted)


def test_names_are_compared_without_case_blanks_or_noise() -> None:
    assert {lead_key(name) for name in ("II", "ii", "Lead II", "ECG II", "ECG lead II ", "D2")} == {"II"}
    assert lead_key("MLII") == lead_key("ML2") != lead_key("II")


def test_other_signals_are_no_leads() -> None:
    others = ["RESP", "Resp Imp.", "ABP", "ART", "PLETH", "CO2", "SpO2", "CVP", "ICP", "EEG C4", "noise1", "P1"]
    assert not any(is_ecg(name) for name in others)
    assert all(is_ecg(name) for name in ("MLII", "ECG1", "CM5", "V", "MCL1", "chest ECG", "aVR", "D3"))


def test_units_are_voltages_or_nothing() -> None:
    assert {u: millivolts_per_unit(u) for u in ("", "mV", "uV", "µV", "V")} == {
        "": 1.0,
        "mV": 1.0,
        "uV": 1e-3,
        "µV": 1e-3,
        "V": 1e3,
    }
    spellings = (
        "uVolt",
        "mVolt",
        "microvolt",
        "millivolts",
        "µVolts",
        "\xb5V",
        "\ufffdV",
        "UV",
        "MV",
        "Volts",
        "0.5 uV",
        "nV",
    )
    values = (1e-3, 1.0, 1e-3, 1.0, 1e-3, 1e-3, 1e-3, 1e-3, 1.0, 1e3, 0.5e-3, 1e-6)
    assert [millivolts_per_unit(unit) for unit in spellings] == list(values)
    assert [millivolts_per_unit(u) for u in ("mmHg", "NU", "bpm", "%")] == [None] * 4


def test_names_lose_their_stray_marks_and_stay_different() -> None:
    assert unique_names(["II,", "V,", "AVR,", "II", "'V1'"]) == ["II", "V", "AVR", "II-4", "V1"]
    assert chosen(unique_names(["V,", "AVR,", "II,"])) == ["II", "AVR"]


@given(st.lists(st.sampled_from(["ECG", "ECG-3", "ECG-2", "", " V1"])))
def test_names_become_unique_and_the_first_keeps_its_own(names: list[str]) -> None:
    unique = unique_names(names)
    assert len(set(unique)) == len(names)
    assert not names or names[0].strip() in ("", unique[0])
