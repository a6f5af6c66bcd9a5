from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wfdb
from click.testing import Result

pytestmark = pytest.mark.slow

Run = Callable[..., Result]
FS, SECONDS, ONSET_S = 250, 330, 290


def write(out: Path, *names: str) -> None:
    """Write hearts that beat once a second; those whose names begin with f flutter from 290 s on."""
    out.mkdir()
    time = np.arange(SECONDS * FS) / FS
    rng = np.random.default_rng(3)
    beats = np.exp(-0.5 * (((time + 0.5) % 1.0 - 0.5) / 0.012) ** 2) + 0.01 * rng.normal(size=len(time))
    flutter = np.where(time >= ONSET_S, np.sin(2 * np.pi * 4.2 * time), beats)
    for name in names:
        signal = flutter if name.startswith("f") else beats
        wfdb.wrsamp(
            name, fs=FS, units=["mV"], sig_name=["II"], p_signal=signal[:, None], fmt=["16"], write_dir=str(out)
        )
        if name.startswith("f"):
            marks = np.array([1, ONSET_S * FS])
            wfdb.wrann(name, "atr", marks, ["+", "+"], aux_note=["(N", "(VFL"], write_dir=str(out))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that flutters; one that beats on, of which nobody said anything."""
    out = tmp_path_factory.mktemp("alarms") / "wards"
    write(out, "f1", "n1")
    (out / "ALARMS").write_text("f1,Ventricular_Flutter_Fib,1\nn1,Asystole,0\n")
    return out


def test_rhythms_and_the_challenge_are_measured_beside_rivals(ecg: Run, folder: Path, tmp_path: Path) -> None:
    done = ecg(
        "evaluate-alarms", "--rhythms", folder, "--challenge", folder, "--jobs", "1", "--json", tmp_path / "a.json",
        "--no-progress",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines())) <= 118
    document = json.loads((tmp_path / "a.json").read_text())
    assert document["failed"] == {}
    figures = document["wards"]["figures"]
    assert set(figures) == {"ecg-anomaly", "rate rules alone", "rate rules, threshold crossings"}
    own = figures["ecg-anomaly"]
    assert own["flutter or fibrillation of 5 s and more"]["value"] == 1.0
    assert 0.0 < own["latency, median"]["value"] <= 5.0
    assert own["false alarms an hour, normal or paced rhythm, high"]["value"] == 0.0
    of_the_challenge = document["challenge 2015"]["figures"]["ecg-anomaly"]
    assert of_the_challenge["all"]["told"]["score"] == 100.0
    assert of_the_challenge["Asystole"]["told"] == {
        "tp": 0, "fn": 0, "fp": 0, "tn": 1, "tpr": None, "tnr": 1.0, "score": 100.0,
    }  # fmt: skip


@pytest.mark.parametrize(("words", "hint"), [((), "--rhythms"), (("--challenge", "{tmp}"), "ALARMS")])
def test_a_call_that_makes_no_sense_is_told_what_would(
    ecg: Run, tmp_path: Path, words: tuple[str, ...], hint: str
) -> None:
    done = ecg("evaluate-alarms", *(word.format(tmp=tmp_path) for word in words))
    assert done.exit_code in (1, 2)
    assert hint in done.stderr


def test_people_who_are_held_out_are_judged_by_a_detector_that_has_not_seen_them(ecg: Run, tmp_path: Path) -> None:
    held = tmp_path / "held"
    write(held, "f1", "f2", "n1")  # f1 and f2 are in different folds
    done = ecg(
        "evaluate-alarms", "--rhythms", held, "--held-out", "--no-rivals", "--jobs", "1", "--json", tmp_path / "a.json",
        "--no-progress",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "held: 3 records, 0.3 h" in " ".join(done.stdout.split())
    figures = json.loads((tmp_path / "a.json").read_text())["held"]["figures"]
    assert set(figures) == {"ecg-anomaly"}
    assert figures["ecg-anomaly"]["flutter or fibrillation of 5 s and more"]["value"] == 1.0


def test_a_figure_and_a_strip_of_each_miss_are_drawn(ecg: Run, folder: Path, tmp_path: Path) -> None:
    missed = tmp_path / "missed"
    missed.mkdir()
    for name in ("n1.hea", "n1.dat"):
        (missed / name).write_bytes((folder / name).read_bytes())
    marks = np.array([1, 100 * FS, 110 * FS, 200 * FS, 203 * FS])  # of 10 s, and of 3 s, which is too short to count
    labels = ["(N", "(VT", "(N", "(VT", "(N"]
    wfdb.wrann("n1", "atr", marks, ["+"] * 5, aux_note=labels, write_dir=str(missed))
    done = ecg(
        "evaluate-alarms", "--rhythms", missed, "--no-rivals", "--jobs", "1", "--figure", tmp_path / "a.png",
        "--strips", tmp_path / "strips", "--no-progress",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    strips = list((tmp_path / "strips").iterdir())
    assert [strip.name for strip in strips] == ["missed-n1-100s.png"]
    for picture in (tmp_path / "a.png", *strips):
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert len(picture.read_bytes()) > 10_000


def test_a_record_that_cannot_be_read_is_told_and_ends_nothing(ecg: Run, tmp_path: Path) -> None:
    held = tmp_path / "held"
    write(held, "f1", "f2", "n1")
    (held / "n1.dat").write_bytes((held / "n1.dat").read_bytes()[:1001])
    done = ecg(
        "evaluate-alarms", "--rhythms", held, "--held-out", "--no-rivals", "--jobs", "1", "--json", tmp_path / "a.json",
        "--no-progress",
    )  # fmt: skip
    assert done.exit_code == 1, done.output
    assert "1 records could not be read" in done.stderr
    document = json.loads((tmp_path / "a.json").read_text())
    assert list(document["failed"]) == ["held/n1"]
    assert "n1" in document["failed"]["held/n1"]
    assert [one["ecg-anomaly"]["record"] for one in document["held"]["records"]] == ["f1", "f2"]
