from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.scoring import result_key, settings_version
from pipeline.settings import Settings


def changed(section: str, **values: float) -> Settings:
    settings = Settings()
    return settings.model_copy(update={section: getattr(settings, section).model_copy(update=values)})


@pytest.mark.parametrize(
    ("section", "name", "value"), [("threshold", "alpha", 0.02), ("alarms", "k", 5), ("alarms", "pause_s", 2.5)]
)
def test_a_setting_that_has_a_say_changes_the_version(section: str, name: str, value: float) -> None:
    assert settings_version(changed(section, **{name: value})) != settings_version(Settings())


def test_where_a_record_comes_from_changes_no_version() -> None:
    elsewhere = changed("fetch", timeout_s=3.0).model_copy(
        update={"physionet_url": "file:///x", "cache_dir": Path("y")}
    )
    assert settings_version(elsewhere) == settings_version(Settings())


def test_the_key_changes_with_each_thing_that_results_depend_on() -> None:
    settings = Settings()
    keys = {
        result_key("record", "model", ("MLII", "V1"), settings),
        result_key("other", "model", ("MLII", "V1"), settings),
        result_key("record", "other", ("MLII", "V1"), settings),
        result_key("record", "model", ("V1", "MLII"), settings),
        result_key("record", "model", ("MLII",), settings),
        result_key("recordmodel", "", ("MLII", "V1"), settings),
        result_key("record", "model", ("MLII", "V1"), changed("threshold", alpha=0.02)),
    }
    assert len(keys) == 7
    assert all(len(key) == 64 and not key.strip("0123456789abcdef") for key in keys)


def test_the_key_is_the_same_every_time() -> None:
    assert result_key("a", "b", ("c",), Settings()) == result_key("a", "b", ["c"], Settings())


def test_results_of_a_gpu_are_not_taken_for_those_of_the_processor() -> None:
    assert settings_version(Settings(device="cuda")) != settings_version(Settings())
