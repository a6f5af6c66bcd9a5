from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from pipeline import Monitor, score_array, score_record
from pipeline.sources.synthetic import SyntheticRecord, demo_ward, synthesise


@pytest.fixture(scope="module")
def patient() -> SyntheticRecord:
    return synthesise(demo_ward(90.0)["synth/ventricular"], name="synth/v", seconds=90.0, seed=3, fs=250.0)


@pytest.fixture(scope="module")
def signal(patient: SyntheticRecord) -> NDArray[np.float32]:
    return np.concatenate([chunk.signal for chunk in patient.chunks()])


def test_an_array_gets_the_scores_of_its_record(patient: SyntheticRecord, signal: NDArray[np.float32]) -> None:
    expected = list(Monitor.pretrained().run(patient))
    frame = score_array(signal, 250.0, patient.leads, name="synth/v")
    assert frame["r_peak"].tolist() == [beat.r_peak for beat in expected]
    np.testing.assert_array_equal(frame["score"], [beat.score for beat in expected])
    assert frame["kind"].tolist() == [beat.kind for beat in expected]
    assert frame["is_anomaly"].tolist() == [beat.is_anomaly for beat in expected]
    assert set(frame["record"]) == {"synth/v"}
    pd.testing.assert_frame_equal(score_record(patient), frame)
    upside = score_array(1000 * signal.T.astype(np.float64), 250.0, patient.leads, units="uV", name="synth/v")
    np.testing.assert_allclose(upside["score"], frame["score"], atol=1e-3)  # channels first, as MNE has them


def test_positions_count_in_samples_of_the_array_whatever_its_rate(signal: NDArray[np.float32]) -> None:
    plain = score_array(signal[:, 0], 250.0)
    fast = score_array(np.repeat(signal[:, 0], 8), 2000.0)
    assert abs(len(fast) - len(plain)) <= 1
    near = np.abs(fast["r_peak"].to_numpy()[:, None] / 2000.0 - plain["r_peak"].to_numpy()[None, :] / 250.0).min(axis=1)
    assert np.median(near) < 0.01
    assert fast["r_peak"].max() > 100_000


def test_a_file_is_scored_by_its_path(signal: NDArray[np.float32], tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", ecg=signal, fs=250.0, leads=np.array(["MLII", "V1"]))
    frame = score_record(tmp_path / "x.npz")
    np.testing.assert_array_equal(frame["score"], score_array(signal, 250.0, ("MLII", "V1"))["score"])
    assert list(frame.attrs) == ["alarms", "drifts", "gaps", "remarks"]


@pytest.mark.parametrize(
    ("shape", "fs", "leads", "units", "said"),
    [
        ((100, 3), 250.0, ("II", "V1"), "mV", "shape"),
        ((0,), 250.0, ("II",), "mV", "no samples"),
        ((100,), 20.0, ("II",), "mV", "50 to 10000"),
        ((100,), 250.0, ("II",), "mmHg", "mV, uV or V"),
    ],
)
def test_what_does_not_fit_is_a_value_error(
    shape: tuple[int, ...], fs: float, leads: tuple[str, ...], units: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        score_array(np.zeros(shape), fs, leads, units=units)
