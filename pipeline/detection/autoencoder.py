"""The online LSTM autoencoder as a River estimator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from river import base

from pipeline.detection.context import MARGIN, WINDOW
from pipeline.detection.model import DEFAULT_MODEL, BeatModel
from pipeline.detection.reading import LEADS
from pipeline.detection.scorer import Scorer

__all__ = ["OnlineAutoencoder", "beat_features"]

SAMPLES = WINDOW + 2 * MARGIN
NAMES = tuple(tuple(f"lead{lead}_{j:03d}" for j in range(SAMPLES)) for lead in range(LEADS))
MAX_MISSING = 8  # samples that a lead may lack


def beat_features(time_s: float, window: NDArray[np.floating]) -> dict[str, float]:
    """Return one beat as River's features.

    Parameters
    ----------
    time_s : float
        R peak in s.
    window : ndarray, shape (leads, 120)
        Filtered signal around it in mV at 180 Hz, R - 65 to R + 55 samples; NaN where missing.
    """
    features = {"time_s": float(time_s)}
    for names, lead in zip(NAMES, window, strict=False):
        features |= {name: float(value) for name, value in zip(names, lead, strict=True) if value == value}
    return features


class OnlineAutoencoder(base.AnomalyDetector):
    """Score heartbeats by how unlike the patient's normal ones they are, learning each patient as they come.

    The same scores as :class:`pipeline.Monitor` gives, behind River's interface. ``learn_one`` moves the patient's
    context (templates, noise, rhythm) and guards itself against anomalies; the network's weights stay as trained.

    Parameters
    ----------
    model : str, optional
        Path of a model file; the one that ships by default.

    Examples
    --------
    >>> import numpy as np
    >>> detector = OnlineAutoencoder()
    >>> rng = np.random.default_rng(0)
    >>> usual = np.exp(-(((np.arange(120) - 65) / 5.0) ** 2)) * np.ones((2, 1))
    >>> for i in range(60):
    ...     detector.learn_one(beat_features(0.8 * i, usual + 0.01 * rng.normal(size=(2, 120))))
    >>> normal = detector.score_one(beat_features(48.0, usual + 0.01 * rng.normal(size=(2, 120))))
    >>> wide = np.exp(-(((np.arange(120) - 65) / 15.0) ** 2)) * np.ones((2, 1))
    >>> bool(detector.score_one(beat_features(48.0, wide)) > normal + 1)
    True
    """

    def __init__(self, model: str | None = None) -> None:
        self.model = model
        self._scorer = Scorer(_load(str(model or DEFAULT_MODEL)), LEADS)

    def score_one(self, x: Mapping[Any, Any]) -> float:
        """Return the score of a beat, without learning it; 0 as long as too few beats have been learnt."""
        return float(self._advance([x], learn=False)[0])

    def learn_one(self, x: Mapping[Any, Any]) -> None:
        """Learn a beat."""
        self._advance([x], learn=True)

    def score_many(self, X: pd.DataFrame) -> pd.Series:
        """Return the scores of beats, one a row, against the context as it stands."""
        return pd.Series(self._advance(_rows(X), learn=False), index=X.index, name="score")

    def learn_many(self, X: pd.DataFrame) -> None:
        """Learn beats, one a row, in their order."""
        self._advance(_rows(X), learn=True)

    def score_learn_many(self, X: pd.DataFrame) -> pd.Series:
        """Score each beat, then learn it, row after row: test-then-train at the price of one batch."""
        return pd.Series(self._advance(_rows(X), learn=True), index=X.index, name="score")

    def _advance(self, rows: list[Mapping[Any, Any]], *, learn: bool) -> NDArray[np.float64]:
        if not rows:
            return np.empty(0)
        prepared = self._scorer.prepare(*_arrays(rows), learn=learn)
        rebuilt = self._scorer.model.forward.run(prepared.residual, prepared.condition)
        return np.nan_to_num(self._scorer.finish(prepared, rebuilt, learn=learn).score)

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"model": None}


@cache
def _load(path: str) -> BeatModel:
    return BeatModel.load(Path(path))


def _rows(X: pd.DataFrame) -> list[Mapping[Any, Any]]:
    return [dict(row) for row in X.to_dict("records")]


def _arrays(
    rows: list[Mapping[Any, Any]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    window = np.array(
        [[[row.get(name, np.nan) for name in names] for names in NAMES] for row in rows], dtype=np.float64
    )
    time = np.array([row.get("time_s", np.nan) for row in rows], dtype=np.float64)
    present = np.isnan(window).sum(axis=2) <= MAX_MISSING
    return time, np.nan_to_num(window), present, np.isnan(time)
