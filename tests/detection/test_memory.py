from __future__ import annotations

import numpy as np
import pytest

from pipeline.detection.memory import foretell_samples, remember_first


def test_an_lstm_remembers_what_a_plain_rnn_forgets() -> None:
    rnn, lstm = (remember_first(kind, steps=60, training=250) for kind in ("plain RNN", "LSTM"))
    assert lstm.figure > 0.95
    assert rnn.figure < 0.8
    assert lstm.gradient[-1] > 100 * rnn.gradient[-1]
    assert lstm.gradient[0] == rnn.gradient[0] == 1.0


def test_samples_of_beats_are_foretold_better_than_by_the_sample_before() -> None:
    time_ms = np.arange(60) * 8.0
    rng = np.random.default_rng(0)
    beats = np.exp(-(((time_ms - 200.0) / 20.0) ** 2)) * (1.0 + 0.1 * rng.normal(size=(80, 1)))
    assert foretell_samples("LSTM", beats, training=80).figure < 0.8


def test_an_unknown_layer_is_named() -> None:
    with pytest.raises(ValueError, match="'GRU'"):
        remember_first("GRU")
