from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.model import BeatModel
from pipeline.detection.model_file import load_model, save_model
from pipeline.detection.network import Shape
from pipeline.errors import ModelError

Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


def examples(n: int, shape: Shape, seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    residual = rng.normal(size=(n, shape.steps, shape.channels)).astype(np.float32)
    return residual, rng.normal(size=(n, shape.steps, shape.conditions)).astype(np.float32)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 31, 100])
def test_a_beat_gets_the_same_bits_whatever_stands_beside_it(model: BeatModel, n: int) -> None:
    residual, condition = examples(100, model.network.shape)
    whole = model.network.frozen().run(residual, condition)
    np.testing.assert_array_equal(model.network.frozen().run(residual[:n], condition[:n]), whole[:n])
    order = np.random.default_rng(1).permutation(100)
    np.testing.assert_array_equal(model.network.frozen().run(residual[order], condition[order]), whole[order])


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    network = LSTMAutoencoder(Shape(hidden=8, latent=3)).eval()
    save_model(tmp_path / "model.safetensors", network, {"seed": 5})
    loaded, facts = load_model(tmp_path / "model.safetensors")
    batch = examples(3, network.shape)
    np.testing.assert_array_equal(loaded.frozen().run(*batch), network.frozen().run(*batch))
    assert facts == {"seed": 5}
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_the_same_model_is_the_same_file(tmp_path: Path) -> None:
    network = LSTMAutoencoder(Shape(hidden=8, latent=3)).eval()
    for k in range(4):
        save_model(tmp_path / f"{k}.safetensors", network, {"name": "café", "seed": 5})
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert load_model(tmp_path / "0.safetensors")[1]["name"] == "café"


def test_a_model_of_an_unknown_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    network = LSTMAutoencoder()
    network.kind = "oracle"  # type: ignore[misc]  # as a later version might
    save_model(path, network, {})
    with pytest.raises(ModelError, match="'oracle'"):
        load_model(path)


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
