from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.frames import is_patient
from pipeline.record_name import RecordName, patient_name


@given(st.text(max_size=300), st.text(max_size=60))
def test_whatever_a_folder_is_called_its_records_have_a_name(folder: str, record: str) -> None:
    try:
        name = RecordName.in_folder(Path("/wards") / folder.replace("\0", ""), record)
    except ValueError:
        with pytest.raises(ValueError, match="no name"):
            RecordName(("x", *record.removesuffix(".hea").split("/")))  # it was the record's path
        return
    assert RecordName.parse(str(name)) == name
    assert all(part not in ("", ".", "..") and "/" not in part for part in name.file_parts)
    assert all(len(part.encode()) <= 180 for part in name.file_parts)


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_different_names_are_different_files(one: str, other: str) -> None:
    try:
        first, second = RecordName.parse(one), RecordName.parse(other)
    except ValueError:
        return
    assert (first.file_parts == second.file_parts) == (first == second)


@pytest.mark.parametrize("name", ["mitdb/208", "study (1)/night+1.edf", "été/a/b", "心电/1", "%/-"])
def test_every_record_of_a_folder_can_be_played_as_a_patient(name: str) -> None:
    assert is_patient(patient_name(name))


def test_plain_names_are_patients_as_they_are() -> None:
    assert patient_name("mitdb/208") == "mitdb/208"
    assert patient_name("ward/bed-1") == "ward/bed-1"
