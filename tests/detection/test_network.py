from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.detection.model import BeatModel, Calibration
from pipeline.detection.network import BLOCK, LSTMAutoencoder, Shape, load_model, save_model
from pipeline.errors import ModelError

Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


def examples(n: int, shape: Shape, seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    residual = rng.normal(size=(n, shape.steps, shape.channels)).astype(np.float32)
    return residual, rng.normal(size=(n, shape.steps, shape.conditions)).astype(np.float32)


@pytest.mark.parametrize("n", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 100])
def test_a_beat_gets_the_same_bits_whatever_stands_beside_it(model: BeatModel, n: int) -> None:
    residual, condition = examples(100, model.network.shape)
    whole = model.network.run(residual, condition)
    np.testing.assert_array_equal(model.network.run(residual[:n], condition[:n]), whole[:n])
    order = np.random.default_rng(1).permutation(100)
    np.testing.assert_array_equal(model.network.run(residual[order], condition[order]), whole[order])


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    network = LSTMAutoencoder(Shape(hidden=8, latent=3)).eval()
    save_model(tmp_path / "model.safetensors", network, {"seed": 5})
    loaded, facts = load_model(tmp_path / "model.safetensors")
    batch = examples(3, network.shape)
    np.testing.assert_array_equal(loaded.run(*batch), network.run(*batch))
    assert facts == {"seed": 5}
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04\x95pickle", None])
def test_a_damaged_or_missing_model_says_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="train"):
        BeatModel.load(path)


def test_a_cut_model_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, LSTMAutoencoder(), {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="damaged"):
        load_model(path)


def test_p_value_and_threshold_are_inverse() -> None:
    rng = np.random.default_rng(2)
    calibration = Calibration.from_scores([rng.normal(size=20_000), rng.normal(size=5_000)], 0.0)
    for rate in (0.3, 0.05, 0.01, 0.001, 1e-5):
        assert calibration.p_value(calibration.threshold(rate)) == pytest.approx(rate, rel=1e-6)
    for rate, score in ((0.1587, 1.0), (0.0228, 2.0), (0.00135, 3.0)):
        assert calibration.p_value(score) == pytest.approx(rate, rel=0.25)


def test_p_values_fall_with_the_score(model: BeatModel) -> None:
    values = [model.calibration.p_value(score) for score in np.linspace(-3, 12, 400)]
    assert all(a >= b > 0 for a, b in pairwise(values))
    assert np.isnan(model.calibration.p_value(float("nan")))


def test_every_record_counts_the_same_in_the_calibration() -> None:
    short, long = np.zeros(100), np.ones(10_000)
    assert Calibration.from_scores([short, long], 0.0).p_value(0.5) == pytest.approx(0.5, abs=0.25)
