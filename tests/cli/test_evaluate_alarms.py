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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A heart that beats once a second and flutters from 290 s on; one that beats on, of which nobody said anything."""
    out = tmp_path_factory.mktemp("alarms") / "wards"
    out.mkdir()
    time = np.arange(SECONDS * FS) / FS
    rng = np.random.default_rng(3)
    beats = np.exp(-0.5 * (((time + 0.5) % 1.0 - 0.5) / 0.012) ** 2) + 0.01 * rng.normal(size=len(time))
    flutter = np.where(time >= ONSET_S, np.sin(2 * np.pi * 4.2 * time), beats)
    for name, signal in (("f1", flutter), ("n1", beats)):
        wfdb.wrsamp(
            name, fs=FS, units=["mV"], sig_name=["II"], p_signal=signal[:, None], fmt=["16"], write_dir=str(out)
        )
    wfdb.wrann("f1", "atr", np.array([1, ONSET_S * FS]), ["+", "+"], aux_note=["(N", "(VFL"], write_dir=str(out))
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
