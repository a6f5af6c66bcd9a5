"""The recipes of docs/recipes.md, run as they stand."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.sources.synthetic import demo_ward, synthesise

PAGE = Path(__file__).parents[1] / "docs" / "recipes.md"


def recipe(title: str) -> str:
    part = PAGE.read_text().split(f"## {title}")[1].split("\n## ")[0]
    return str(re.findall(r"```python\n(.*?)```", part, re.DOTALL)[0])


@pytest.fixture(scope="module")
def ventricular() -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.str_]]:
    """Ten minutes of one lead at 250 Hz in mV, its R peaks and their symbols."""
    record = synthesise(demo_ward(600.0)["synth/ventricular"], name="v", fs=250.0, seconds=600.0, seed=5)
    annotations = record.annotations()
    assert annotations is not None
    signal = np.concatenate([chunk.signal for chunk in record.chunks()])[:, 0].astype(np.float64)
    sample, symbol = annotations.beats()
    return signal, sample, symbol


@pytest.mark.parametrize("first_s", [0.0, 20.0])
def test_a_raw_of_mne_gets_its_anomalous_beats_as_annotations(ventricular: Any, first_s: float) -> None:
    mne = pytest.importorskip("mne", reason="mne is not installed: pip install mne")
    signal, sample, symbol = ventricular
    raw = mne.io.RawArray(1e-3 * signal[None], mne.create_info(["ECG"], 250.0, "ecg"), verbose="error")
    raw.set_meas_date(dt.datetime(2020, 1, 2, tzinfo=dt.UTC))
    raw.crop(first_s)
    space: dict[str, Any] = {"raw": raw}
    exec(recipe("MNE"), space)  # noqa: S102 - our own page
    found = (space["events"][:, 0] - raw.first_samp) / 250.0
    late = np.array([at / 250.0 - first_s for at, what in zip(sample, symbol, strict=True) if what == "V"])
    late = late[(late > 320.0) & (late < found.max())]
    near = [np.abs(found - at).min() < 0.05 for at in late]
    assert len(near) > 10
    assert np.mean(near) > 0.9
    assert any(label.startswith("beat/ventricular") for label in space["names"])


def test_neurokits_users_get_their_table_and_dictionary(ventricular: Any) -> None:
    signal, sample, _ = ventricular
    space: dict[str, Any] = {"ecg": signal[:30_000]}
    exec(recipe("NeuroKit"), space)  # noqa: S102 - our own page
    signals, info = space["signals"], space["info"]
    assert len(signals) == 30_000
    assert signals["ECG_R_Peaks"].sum() == len(info["ECG_R_Peaks"]) == len(info["score"])
    inner = sample[(sample > 100) & (sample < 29_500)]
    assert max(np.abs(info["ECG_R_Peaks"] - at).min() for at in inner) < 12
    assert 50 < np.nanmedian(signals["ECG_Rate"]) < 110
