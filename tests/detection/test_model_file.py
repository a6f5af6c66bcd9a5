"""A damaged model is one kind of error, whatever is wrong with it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline import BeatModel
from pipeline.detection.model_file import read_model_file, write_model_file
from pipeline.detection.shipped import DEFAULT_MODEL
from pipeline.errors import ModelError

WORDS = (b'"shape"', b'"facts"', b"autoencoder", b"population", b"normal", b"hidden", b"F32", b"I64", b"[[", b"{", b"1")


def damaged(data: bytes, rng: random.Random) -> bytes:
    """A model file with something wrong in its header, or cut."""
    size = int.from_bytes(data[:8], "little")
    header, rest = data[8 : 8 + size], data[8 + size :]
    way = rng.randrange(3)
    if way == 0:
        return data[: rng.randrange(len(data))]
    if way == 1:
        at = rng.randrange(size)
        header = header[:at] + bytes([header[at] ^ (1 << rng.randrange(8))]) + header[at + 1 :]
    else:
        header = header.replace(rng.choice(WORDS), rng.choice((*WORDS, b"null", b"-7", b"1e999")))
    return len(header).to_bytes(8, "little") + header + rest


def test_a_damaged_model_is_a_model_error_and_nothing_else(tmp_path: Path) -> None:
    rng = random.Random(4)  # noqa: S311
    data, file = Path(DEFAULT_MODEL).read_bytes(), tmp_path / "m.safetensors"
    ends: Counter[str] = Counter()
    for _ in range(80):
        file.write_bytes(damaged(data, rng))
        try:
            BeatModel.load(file)
            ends["read"] += 1
        except ModelError:
            ends["refused"] += 1
    assert ends["refused"] > 60


def test_a_model_that_was_written_with_its_checksum_is_read_whole_or_refused(tmp_path: Path) -> None:
    file, model = tmp_path / "m.safetensors", read_model_file(Path(DEFAULT_MODEL))
    write_model_file(file, model)
    again = read_model_file(file)
    assert again.facts == model.facts
    assert all(np.array_equal(again.weights[name], weight) for name, weight in model.weights.items())
    data, rng = bytearray(file.read_bytes()), random.Random(1)  # noqa: S311
    size = int.from_bytes(data[:8], "little")
    for _ in range(20):  # among the weights, where nothing but the checksum tells
        at = 8 + size + rng.randrange(len(data) - 8 - size)
        data[at] ^= 1
        file.write_bytes(data)
        with pytest.raises(ModelError, match="checksum"):
            read_model_file(file)
        data[at] ^= 1


@pytest.mark.parametrize("wrong", ["nan", "kind of number"])
def test_weights_that_are_no_finite_float32_are_refused(tmp_path: Path, wrong: str) -> None:
    file, model = tmp_path / "m.safetensors", read_model_file(Path(DEFAULT_MODEL))
    weights = {name: weight.copy() for name, weight in model.weights.items()}
    name = next(iter(weights))
    if wrong == "nan":
        weights[name].flat[0] = np.nan
    else:
        weights[name] = weights[name].astype(np.float64)
    write_model_file(file, replace(model, weights=weights))
    with pytest.raises(ModelError, match=name):
        read_model_file(file)
