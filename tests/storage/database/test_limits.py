from __future__ import annotations

import pytest

from pipeline.storage.database import Database, LimitChange


def test_the_last_of_each_limit_holds_and_all_changes_stay(database: Database) -> None:
    limits = database.limits
    assert (limits.newest(), limits.current()) == (0, {})
    limits.set("ward/bed-1", {"tachy_bpm": 160.0, "brady_bpm": 50.0}, "Ada", at_us=1)
    limits.set("ward/bed-2", {"tachy_bpm": 110.0}, " Bob ", at_us=2)
    first = limits.newest()
    limits.set("ward/bed-1", {"tachy_bpm": None}, "Bob", at_us=3)
    assert limits.newest() > first
    assert limits.current() == {"ward/bed-1": {"brady_bpm": 50.0}, "ward/bed-2": {"tachy_bpm": 110.0}}
    assert limits.current("ward/bed-2") == {"ward/bed-2": {"tachy_bpm": 110.0}}
    assert limits.history("ward/bed-1")[0] == LimitChange("ward/bed-1", "tachy_bpm", None, "Bob", 3)
    assert [(change.name, change.by) for change in limits.history()] == [
        ("tachy_bpm", "Bob"), ("tachy_bpm", "Bob"), ("brady_bpm", "Ada"), ("tachy_bpm", "Ada")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "by", "words"),
    [
        ({"tachy_bpm": 160.0}, " ", "by is blank"),
        ({"tachy_bpm": 1.0, "brady_bpm": 50.0}, "Ada", "tachy_bpm is 60 to 240"),
        ({"nothing": None}, "Ada", "there is no limit 'nothing'"),
    ],
)
def test_what_is_no_limit_is_not_stored(
    database: Database, values: dict[str, float | None], by: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        database.limits.set("ward/bed-1", values, by, at_us=1)
    assert database.limits.history() == []
