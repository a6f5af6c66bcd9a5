from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def test_a_beat_is_explained_in_words_json_and_a_picture(ecg: Run, ward: Path, tmp_path: Path) -> None:
    figure = tmp_path / "why.png"
    told = ecg("explain", "ventricular", "--data-dir", ward, "--time", "4:55", "--figure", figure)
    assert told.exit_code == 0, told.output
    assert all(word in told.stdout for word in ("in words", "shape", "rhythm", "nearest normal", "decoder gates"))
    assert max(len(line) for line in told.stdout.splitlines() if "Figure" not in line) <= 80
    assert figure.read_bytes().startswith(b"\x89PNG")
    document = json.loads(
        ecg("explain", "ventricular", "--data-dir", ward, "--time", "4:55", "--json", "--model", "forecaster").stdout
    )
    assert document["model"] == "forecaster"
    assert list(document["gates"]) == ["lstm"]
    assert abs(document["scored"]["time_s"] - 295.0) < 1.5
    by_number = ecg(
        "explain", "ventricular", "--data-dir", ward, "--beat", document["scored"]["beat"], "--json", "--model",
        "forecaster",
    )  # fmt: skip
    assert json.loads(by_number.stdout) == document


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (("sinus",), "--beat or by --time"),
        (("sinus", "--beat", "1", "--time", "2"), "--beat or by --time"),
        (("sinus", "--time", "half past"), "m:ss"),
        (("sinus", "--beat", "1", "--figure", "why.bmp"), ".png"),
        (("sinus", "--beat", "1", "--figure", "nowhere/why.png"), "no folder nowhere"),
        (("sinus", "--beat", "1", "--model", "oracle"), "oracle"),
    ],
)
def test_a_wrong_argument_says_what_to_do(ecg: Run, ward: Path, words: tuple[str, ...], advice: str) -> None:
    done = ecg("explain", *words, "--data-dir", ward)
    assert done.exit_code == 2
    assert advice in done.output


def test_a_beat_without_a_score_says_why_and_nothing_else(ecg: Run, ward: Path) -> None:
    for beat in (1, 5):
        told = ecg("explain", "ward/sinus", "--data-dir", ward, "--beat", beat)
        assert told.exit_code == 0, told.output
        assert "No score: it is one of the first beats" in told.stdout
        assert "R-R" in told.stdout
        assert not any(word in told.stdout for word in ("unknown", "shape", "nearest", "gates"))


def test_a_beat_that_is_not_there_is_one_line(ecg: Run, ward: Path) -> None:
    done = ecg("explain", "sinus", "--data-dir", ward, "--beat", "9999", "--json")
    assert done.exit_code == 1
    assert "its last is" in json.loads(done.stdout)["error"]
