"""The light ADWIN finds what River's own does."""

from __future__ import annotations

from typing import Any

import numpy as np
from river.drift import ADWIN

from pipeline.detection.adwin import adwin


def test_it_goes_with_rivers_own_value_by_value() -> None:
    values = np.random.default_rng(1).standard_normal(3000) + np.repeat([0.0, 2.0, 0.0], 1000)
    rivers: Any = ADWIN(delta=1e-4)  # type: ignore[no-untyped-call]  # River's own
    ours: Any = adwin(1e-4)
    drifts = 0
    for value in values.tolist():
        rivers.update(value)
        ours.update(value)
        assert (ours.drift_detected, ours.width, ours.estimation) == (
            rivers.drift_detected, rivers.width, rivers.estimation,
        )  # fmt: skip
        drifts += rivers.drift_detected
    assert drifts == 2


def test_a_clone_begins_anew_with_the_same_significance() -> None:
    detector = adwin(0.01)
    detector.update(1.0)
    clone = detector.clone()
    assert (clone.delta, clone.width) == (0.01, 0)  # type: ignore[attr-defined]  # of both classes
