"""Ventricular fibrillation and flutter, from the signal itself: there are no heartbeats in them to be scored."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ON", "WEIGHTS_FILE", "Fibrillation", "FibrillationWeights", "Level"]

WEIGHTS_FILE = Path(__file__).with_name("fibrillation_weights.json")
SMOOTH = 3  # windows in a mean, one a second
ON = 0.5  # mean log odds above which the rhythm is fibrillation or flutter
REACH = 6.0  # log odds beyond which one window counts no more
# A patient whose own rhythm looks so wide that it is taken for flutter now and then has a higher bar.
USUAL_S = 120.0  # s over which the usual level is followed while there is no fibrillation
ALLOWED, MOST = 3.0, 4.0  # log odds that the usual level may lie below zero by, and by which the bar rises at the most
USABLE = 0.3  # share of a window in which a lead may be away
# A cycle longer than 0.36 s that repeats itself so much better than any shorter one is an organised rhythm below 170 a
# minute, however wide its complexes: neither flutter nor fibrillation.
SLOW, SLOWER = 0.3, 0.45
SHORT, LATE = "highest autocorrelation at 0.16 to 0.36 s", "highest autocorrelation at 0.36 to 1.2 s"
HOP_S = 1.0  # s from one window to the next
LONGEST_HELD = 180  # windows in a row over which beats teach nothing: who has beats after that has such beats


@dataclass(frozen=True, slots=True, eq=False)
class FibrillationWeights:
    """A logistic regression on the features of a window and their squares, standardised.

    Attributes
    ----------
    names : tuple of str
        The features, in the order in which windows carry them.
    low, high : ndarray, shape (features,)
        Where features are clipped.
    centre, scale : ndarray, shape (features,)
        What they are standardised by.
    linear, square : ndarray, shape (features,)
        Weights of the features and of their squares.
    bias : float
        Log odds where all is zero.
    """

    names: tuple[str, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    linear: NDArray[np.float64]
    square: NDArray[np.float64]
    bias: float

    @classmethod
    def shipped(cls) -> FibrillationWeights:
        """Return the weights that ship with the project."""
        facts = json.loads(WEIGHTS_FILE.read_text())
        columns = {
            name: np.array([weights[name] for weights in facts["features"].values()])
            for name in ("low", "high", "centre", "scale", "linear", "square")
        }
        return cls(names=tuple(facts["features"]), **columns, bias=float(facts["bias"]))

    def log_odds(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log odds of fibrillation, shape ``features.shape[:-1]``."""
        z = (np.clip(features, self.low, self.high) - self.centre) / self.scale
        return np.asarray((z * (self.linear + z * self.square)).sum(axis=-1) + self.bias)


@dataclass(frozen=True, slots=True)
class Level:
    """What is known at the end of a window.

    Attributes
    ----------
    stop : int
        One past its last sample, at the internal rate.
    fibrillation : float
        Log odds of ventricular fibrillation or flutter, over leads and the last windows, less what is usual for the
        patient; NaN where no lead can tell.
    spread : tuple of float
        Greatest less least value of each lead in its last second, in mV; NaN for a lead that is away.
    """

    stop: int
    fibrillation: float
    spread: tuple[float, ...] = ()


class Fibrillation:
    """Say once a second whether the ventricles fibrillate or flutter, for one patient.

    Leads that are there are heard alike; one in which an organised rhythm is plain overrules the other. The mean of the
    last three windows decides, so that an alarm comes within 5 s of the onset. It is held against what is usual.

    Parameters
    ----------
    weights : FibrillationWeights, optional
        Those that ship by default.
    """

    def __init__(self, weights: FibrillationWeights | None = None) -> None:
        self._weights = weights or FibrillationWeights.shipped()
        self._short, self._late = (self._weights.names.index(name) for name in (SHORT, LATE))
        self._last: deque[float] = deque(maxlen=SMOOTH)
        self._usual = -REACH
        self._on = 0  # windows in a row, up to the last one

    def process(
        self,
        stop: NDArray[np.int64],
        features: NDArray[np.float64],
        absent: NDArray[np.float64],
        spread: NDArray[np.float64],
    ) -> list[Level]:
        """Take the next windows.

        Parameters
        ----------
        stop : ndarray of int64, shape (n,)
            One past their last samples, at the internal rate.
        features : ndarray of float64, shape (n, leads, features)
            What each lead looks like.
        absent : ndarray of float64, shape (n, leads)
            Share of each lead that was not there.
        spread : ndarray of float64, shape (n, leads)
            What each lead spans in its last second, in mV.
        """
        if not len(stop):
            return []
        odds = np.clip(self._weights.log_odds(features), -REACH, REACH)
        late, short = features[..., self._late], features[..., self._short]
        usable = absent <= USABLE
        organised = usable & (late > SLOW) & (late - short > SLOWER)
        spans = np.where(usable, spread, np.nan).tolist()
        levels = []
        for i, at in enumerate(stop.tolist()):
            level = float(odds[i, usable[i]].mean()) if usable[i].any() else float("nan")
            if organised[i].any():
                level = min(level, -0.5 * REACH)
            if np.isnan(level):
                self._last.clear()
            else:
                self._last.append(level)
            levels.append(Level(at, self._against_usual(), tuple(spans[i])))
        return levels

    def covers(self, known: NDArray[np.int64], levels: list[Level]) -> NDArray[np.bool_]:
        """Say which beats came out while the rhythm was fibrillation or flutter: they are none, and teach nothing.

        What looks so for three minutes on end is how this patient's beats look: a patient whose wide rhythm is taken
        for flutter would never have a score.

        Parameters
        ----------
        known : ndarray of int64, shape (n,)
            Samples that had come when each was out, see :class:`pipeline.signals.beats.Beats`.
        levels : list of Level
            The windows that ended since the last call.
        """
        if not levels and not self._on:
            return np.zeros(len(known), dtype=np.bool_)
        on = [0 < self._on <= LONGEST_HELD]
        for level in levels:
            self._on = self._on + 1 if level.fibrillation > ON else 0
            on.append(0 < self._on <= LONGEST_HELD)
        if not any(on):
            return np.zeros(len(known), dtype=np.bool_)
        return np.array(on)[np.searchsorted([level.stop for level in levels], known, side="right")]

    def _against_usual(self) -> float:
        if len(self._last) < SMOOTH:
            return float("nan")
        mean = sum(self._last) / SMOOTH
        level = mean - min(max(self._usual + ALLOWED, 0.0), MOST)
        if level <= ON:
            self._usual += (mean - self._usual) * HOP_S / USUAL_S
        return level

    def snapshot(self) -> list[float]:
        """Return the carried state as plain values."""
        return [self._usual, self._on, *self._last]

    def restore(self, state: list[Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        usual, on, *last = state
        self._usual, self._on = float(usual), int(on)
        self._last = deque(map(float, last), maxlen=SMOOTH)
