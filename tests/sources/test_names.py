from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RecordNotFound
from pipeline.sources.names import KNOWN_DATABASES, PhysioNetName, check_path, did_you_mean, version_key

PART = st.from_regex(r"[A-Za-z][A-Za-z0-9_+=-]{0,8}", fullmatch=True)


@given(PART, st.none() | st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9])?", fullmatch=True), st.lists(PART, max_size=3))
def test_name_reads_as_it_was_written(database: str, version: str | None, path: list[str]) -> None:
    name = PhysioNetName(database, version, "/".join(path))
    assert PhysioNetName.parse(str(name)) == name
    assert PhysioNetName.parse(name.canonical) == PhysioNetName(database, None, "/".join(path))


@given(st.text(max_size=20))
def test_what_passes_stays_below_its_folder(name: str) -> None:
    try:
        path = check_path(name)
    except RecordNotFound:
        return
    assert not set(path) & set("\\:*?\0\n %#~")
    assert all(part and not part.startswith(".") for part in path.split("/"))


def test_database_of_a_glob_is_written_in_full() -> None:
    assert PhysioNetName.parse("mitdb/1.0.0/1*", glob=True) == PhysioNetName("mitdb", "1.0.0", "1*")
    with pytest.raises(RecordNotFound, match="in full"):
        PhysioNetName.parse("*db/1", glob=True)
    with pytest.raises(RecordNotFound, match="not a name"):
        PhysioNetName.parse("mitdb/1*")


def test_versions_are_numbers() -> None:
    assert max(["1.9.0", "1.10.0", "1.2"], key=version_key) == "1.10.0"


def test_near_names_are_suggested_and_far_ones_are_not() -> None:
    assert did_you_mean("mitbd", KNOWN_DATABASES) == "; did you mean 'mitdb'?"
    assert did_you_mean("zzz", KNOWN_DATABASES) == ""
