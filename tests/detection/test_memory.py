from __future__ import annotations

import numpy as np
import pytest

from pipeline.detection.memory import LAYERS, foretell_samples, remember_first


def test_a_layer_remembers_if_its_weights_start_so_that_gradients_reach_back() -> None:
    learnt = {kind: remember_first(kind, steps=40, training=120) for kind in LAYERS}
    for kind, (_, keeps) in LAYERS.items():
        assert learnt[kind].gradient[0] == 1.0
        assert (learnt[kind].figure > 0.95) == keeps
        assert (learnt[kind].gradient[-1] > 1e-4) == keeps


def test_samples_of_beats_are_foretold_better_than_by_the_sample_before() -> None:
    time_ms = np.arange(60) * 8.0
    rng = np.random.default_rng(0)
    beats = np.exp(-(((time_ms - 200.0) / 20.0) ** 2)) * (1.0 + 0.1 * rng.normal(size=(80, 1)))
    assert foretell_samples("LSTM, forget gates open", beats, training=80).figure < 0.8


def test_an_unknown_layer_is_named() -> None:
    with pytest.raises(ValueError, match="'GRU'"):
        remember_first("GRU")
