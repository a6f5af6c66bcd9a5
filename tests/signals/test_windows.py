from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.signals.resample import FS
from pipeline.signals.window_features import FEATURES, SPAN
from pipeline.signals.windows import Windows, WindowStage

LEADS, SECONDS = 2, 9


@pytest.fixture
def signal() -> NDArray[np.float64]:
    return np.random.default_rng(1).normal(size=(LEADS, round(SECONDS * FS)))


def cut(signal: NDArray[np.float64], states: NDArray[np.uint8], step: int) -> tuple[Windows, ...]:
    stage, parts = WindowStage(LEADS), []
    for first in range(0, signal.shape[1], step):
        if first == 4 * step:  # what goes on from a snapshot is the same
            again = WindowStage(LEADS)
            again.restore(stage.snapshot())
            stage = again
        parts.append(stage.process(signal[:, first : first + step], states[:, first : first + step]))
    return tuple(parts)


@pytest.mark.parametrize("step", [1, 7, 100, 721])
def test_windows_do_not_depend_on_the_chunks(signal: NDArray[np.float64], step: int) -> None:
    states = np.zeros(signal.shape, dtype=np.uint8)
    states[1, 300:500] = 3
    (whole,) = cut(signal, states, signal.shape[1])
    parts = cut(signal, states, step)
    assert whole.stop.tolist() == [round((4 + i) * FS) for i in range(SECONDS - 3)]
    for name in ("stop", "features", "absent"):
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name))


def test_what_was_not_there_is_a_share_of_the_window(signal: NDArray[np.float64]) -> None:
    states = np.zeros(signal.shape, dtype=np.uint8)
    states[0, :SPAN] = 4  # half a window at the internal rate
    (windows,) = cut(signal, states, signal.shape[1])
    assert windows.absent[0].tolist() == [0.5, 0.0]
    assert windows.absent[-1].tolist() == [0.0, 0.0]


def test_all_features_but_the_first_are_blind_to_the_gain(signal: NDArray[np.float64]) -> None:
    states = np.zeros(signal.shape, dtype=np.uint8)
    (one,), (two,) = cut(signal, states, signal.shape[1]), cut(3.0 * signal, states, signal.shape[1])
    np.testing.assert_allclose(one.features[..., 1:], two.features[..., 1:], atol=1e-5)
    np.testing.assert_allclose(two.features[..., 0] - one.features[..., 0], np.log(3.0), atol=1e-6)


def test_a_constant_signal_has_finite_features() -> None:
    (windows,) = cut(np.zeros((LEADS, 900)), np.zeros((LEADS, 900), dtype=np.uint8), 900)
    assert windows.features.shape[1:] == (LEADS, len(FEATURES))
    assert np.isfinite(windows.features).all()
