from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.detection.templates import WINDOW
from pipeline.detection.width import likeness_of, wide_odds, width_of


def beat(width: float, at: float = 60.0) -> NDArray[np.float32]:
    """Return a QRS of so many samples' deviation."""
    wave: NDArray[np.float32] = np.exp(-0.5 * ((np.arange(WINDOW) - at) / width) ** 2).astype(np.float32)
    return wave


def odds(x: NDArray[np.float32], own: NDArray[np.float32]) -> float:
    return float(wide_odds(np.array([likeness_of(x, own)]), np.array([width_of(x)]))[0])


def test_a_wide_beat_unlike_the_patients_own_is_ventricular_and_the_own_beat_is_not() -> None:
    narrow, wide = beat(2.5), beat(9.0)
    assert odds(wide - 0.5 * beat(9.0, 75.0), narrow) > 1.0
    assert odds(narrow, narrow) < -2.0


def test_aberrant_beats_are_the_patients_own() -> None:
    aberrant = beat(6.0) - 0.4 * beat(6.0, 70.0)
    assert odds(aberrant, aberrant) < odds(aberrant, beat(2.5)) - 1.0


@pytest.mark.parametrize("gain", [-1.0, 0.2, 5.0])
def test_width_is_blind_to_the_gain(gain: float) -> None:
    assert width_of(np.float32(gain) * beat(4.0)) == pytest.approx(width_of(beat(4.0)), abs=1e-4)
    assert likeness_of(np.float32(abs(gain)) * beat(4.0), beat(4.0)) == pytest.approx(1.0, abs=1e-4)


def test_nothing_known_is_neither() -> None:
    assert wide_odds(np.array([np.nan]), np.array([1.0])).tolist() == [0.0]
