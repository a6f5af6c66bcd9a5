"""What all patients share: the network's weights and the facts that were measured with them."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.network import LSTMAutoencoder, load_model

__all__ = ["DEFAULT_MODEL", "BeatModel", "Calibration"]


def _shipped(name: str) -> Path:
    # In a checkout the weights lie in data/models; a wheel carries them inside the package.
    package = Path(__file__).resolve().parent.parent
    inside = package / "models" / name
    return inside if inside.exists() else package.parent / "data" / "models" / name


DEFAULT_MODEL = _shipped("default.safetensors")


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often a normal beat scores how high, over the development records.

    Attributes
    ----------
    rate : tuple of float
        Shares of normal beats, falling.
    score : tuple of float
        The scores that they reach or pass, rising.
    location : float
        Median score of a patient's usual beats, over patients.
    """

    rate: tuple[float, ...]
    score: tuple[float, ...]
    location: float
    _log_rate: tuple[float, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_log_rate", tuple(math.log(rate) for rate in self.rate))

    def p_value(self, score: float) -> float:
        """Return the share of normal beats that score at least ``score``, NaN for NaN.

        Between the table's entries its logarithm is linear in the score; beyond them it goes on as in the last three.
        """
        if math.isnan(score):
            return math.nan
        x, y = self.score, self._log_rate
        if score <= x[0]:
            return self.rate[0]
        i = bisect_right(x, score)
        i, j = (i - 1, i) if i < len(x) else (len(x) - 4, len(x) - 1)
        step = max(x[j] - x[i], 1e-9)
        return max(math.exp(y[i] + (y[j] - y[i]) * (score - x[i]) / step), 1e-12)

    def threshold(self, rate: float) -> float:
        """Return the score that a share ``rate`` of normal beats passes."""
        x, y = self.score, self._log_rate
        log_rate = math.log(rate)
        if rate >= self.rate[0]:
            return x[0]
        i = next((k for k, value in enumerate(y) if value < log_rate), len(y))
        i, j = (i - 1, i) if i < len(x) else (len(x) - 4, len(x) - 1)
        return x[i] + (x[j] - x[i]) * (log_rate - y[i]) / (y[j] - y[i])

    @classmethod
    def from_scores(cls, scores: Sequence[NDArray[np.float64]], location: float) -> Calibration:
        """Measure it on the normal beats of several records, each record counting the same."""
        rates = np.concatenate([[0.9, 0.7, 0.5, 0.3, 0.2], np.geomspace(0.1, 1e-4, 31)])
        values = np.concatenate(scores)
        weights = np.concatenate([np.full(len(part), 1.0 / len(part)) for part in scores])
        order = np.argsort(values)
        above = 1.0 - np.cumsum(weights[order]) / weights.sum()
        cut = np.interp(-rates, -above, values[order])
        return cls(tuple(rates.tolist()), tuple(np.maximum.accumulate(cut).tolist()), location)


@dataclass(frozen=True, slots=True, eq=False)
class BeatModel:
    """A trained autoencoder with its calibration; read-only and shared by every patient.

    Attributes
    ----------
    network : LSTMAutoencoder
        The network, in evaluation mode.
    calibration : Calibration
        How often a normal beat scores how high.
    checksum : str
        SHA-256 of the file, in hexadecimal.
    facts : dict
        Everything else that the file states: data, seed, figures.
    """

    network: LSTMAutoencoder
    calibration: Calibration
    checksum: str
    facts: dict[str, Any]

    @classmethod
    def load(cls, path: Path | str) -> BeatModel:
        """Read a model file.

        Raises
        ------
        ModelError
            If the file is missing, damaged, or of another version.
        """
        path = Path(path)
        network, facts = load_model(path)
        table = facts["calibration"]
        calibration = Calibration(tuple(table["rate"]), tuple(table["score"]), float(table["location"]))
        return cls(network, calibration, hashlib.sha256(path.read_bytes()).hexdigest(), facts)

    @classmethod
    def pretrained(cls) -> BeatModel:
        """Read the model that ships with the project."""
        return cls.load(DEFAULT_MODEL)
