from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pipeline import Findings, Monitor
from pipeline.detection.lstm_autoencoder import LSTMAutoencoder
from pipeline.detection.model import BeatModel
from pipeline.detection.model_file import read_model_file, write_model_file
from pipeline.detection.networks import NETWORKS, network_of, save_model
from pipeline.detection.reading import Shape
from pipeline.detection.recurrence import squash
from pipeline.detection.sequence.network import SequenceNetwork
from pipeline.detection.torch_forward import TorchForward
from pipeline.errors import ModelError
from pipeline.sources.synthetic import demo_ward, synthesise

Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


def examples(n: int, shape: Shape, seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    residual = rng.normal(size=(n, shape.steps, shape.channels)).astype(np.float32)
    return residual, rng.normal(size=(n, shape.steps, shape.conditions)).astype(np.float32)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 31, 100])
def test_a_beat_gets_the_same_bits_whatever_stands_beside_it(model: BeatModel, n: int) -> None:
    residual, condition = examples(100, model.shape)
    whole = model.network.frozen().run(residual, condition)
    np.testing.assert_array_equal(model.network.frozen().run(residual[:n], condition[:n]), whole[:n])
    order = np.random.default_rng(1).permutation(100)
    np.testing.assert_array_equal(model.network.frozen().run(residual[order], condition[order]), whole[order])


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    network = LSTMAutoencoder(Shape(hidden=8, latent=3)).eval()
    save_model(tmp_path / "model.safetensors", network, SequenceNetwork.untrained(), {"seed": 5})
    stored = read_model_file(tmp_path / "model.safetensors")
    loaded, facts = network_of(stored), stored.facts
    batch = examples(3, network.shape)
    np.testing.assert_array_equal(loaded.frozen().run(*batch), network.frozen().run(*batch))
    assert facts == {"seed": 5}
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_the_same_model_is_the_same_file(tmp_path: Path) -> None:
    network = LSTMAutoencoder(Shape(hidden=8, latent=3)).eval()
    for k in range(4):
        save_model(tmp_path / f"{k}.safetensors", network, SequenceNetwork.untrained(), {"name": "café", "seed": 5})
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1
    assert read_model_file(tmp_path / "0.safetensors").facts["name"] == "café"


def test_a_model_of_an_unknown_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    network = LSTMAutoencoder()
    network.kind = "oracle"  # type: ignore[misc]  # as a later version might
    save_model(path, network, SequenceNetwork.untrained(), {})
    with pytest.raises(ModelError, match="'oracle'"):
        read_model_file(path)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04\x95pickle", None])
def test_a_damaged_or_missing_model_says_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="train"):
        BeatModel.load(path)


def test_a_cut_model_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, LSTMAutoencoder(), SequenceNetwork.untrained(), {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="damaged"):
        read_model_file(path)


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("hidden", [7, 40])
def test_the_compiled_pass_does_what_torch_does(kind: str, hidden: int) -> None:
    torch.manual_seed(hidden)
    network = NETWORKS[kind](Shape(hidden=hidden, latent=2 if kind == "autoencoder" else 0)).eval()
    for parameter in network.parameters():
        parameter.data.mul_(3.0)  # so that gates open and shut
    residual, condition = examples(33, network.shape)
    with torch.inference_mode():
        expected = network(torch.from_numpy(residual), torch.from_numpy(condition)).numpy()
    np.testing.assert_allclose(network.frozen().run(residual, condition), expected, atol=1e-5)
    np.testing.assert_allclose(TorchForward(network).run(residual, condition), expected, atol=1e-5)


def test_tanh_is_right_to_single_precision() -> None:
    x = np.concatenate([np.linspace(-12, 12, 20_001), [-1e30, 1e30, 0.0]]).astype(np.float32)
    got = np.array([squash(np.float32(value)) for value in x], dtype=np.float64)
    np.testing.assert_allclose(got, np.tanh(x.astype(np.float64)), atol=5e-7)


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, LSTMAutoencoder(Shape(hidden=8)), SequenceNetwork.untrained(), {})
    model = read_model_file(path)
    write_model_file(path, replace(model, shape=Shape(hidden=9)))
    with pytest.raises(ModelError, match=r"encoder\.weight_ih_l0"):
        BeatModel.load(path)


def test_torch_on_the_cpu_scores_the_same_to_1e_5(model: BeatModel) -> None:
    record = synthesise(demo_ward(60.0)["synth/ventricular"], name="synth/ventricular", seconds=60.0, seed=1)
    compiled = Findings.concatenate(list(Monitor(model).stream(record)))
    by_torch = Findings.concatenate(list(Monitor(model.on("cpu")).stream(record)))
    assert np.isfinite(compiled.score).sum() > 30
    np.testing.assert_allclose(by_torch.score, compiled.score, atol=1e-5)
    np.testing.assert_array_equal(by_torch.is_anomaly, compiled.is_anomaly)


def test_a_device_that_is_not_there_is_named(model: BeatModel) -> None:
    with pytest.raises(ModelError, match="leave out --device"):
        model.on("nonsense")
