"""Sensitivity and precision of the verdicts against the annotations, counted while the beats stream by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.storage.labels import BeatLabels

__all__ = ["Accuracy"]

LEARNING_S = 300.0  # the first five minutes of a record are the patient's learning period and are not counted
_ANOMALOUS = ("S", "V", "F")


class Accuracy:
    """Counts flagged beats against reference beats of the AAMI classes S, V and F, from 5:00 on.

    A reference beat that was not found counts as missed; a found beat without a reference beat counts as a normal one.
    Beats of class Q, and stretches of ventricular flutter, are left out (ANSI/AAMI EC57:2012).

    Parameters
    ----------
    annotations : Annotations or None
        Reference annotations; without them there is nothing to count.
    labels : BeatLabels
        The pairs of found and reference beats.
    fs : float
        Rate of the found beats in Hz.
    """

    def __init__(self, annotations: Annotations | None, labels: BeatLabels, fs: float) -> None:
        self._annotated = annotations is not None
        scale = 1.0 if annotations is None else fs / annotations.fs
        stretches = [] if annotations is None else annotations.flutter()
        self._flutter = [(round(first * scale), round(last * scale)) for first, last in stretches]
        self._start = LEARNING_S * fs
        self._reference_counts = self._counts(labels.sample)
        self._anomalous = np.isin(labels.aami, _ANOMALOUS) & self._reference_counts
        self._normal = (labels.aami == "N") & self._reference_counts
        self._hits = 0
        self._false = 0

    def add(self, r_peak: NDArray[np.int64], is_anomaly: NDArray[np.bool_], reference: NDArray[np.int64]) -> None:
        """Count the next beats; ``reference`` holds the index of each one's reference beat, or -1."""
        if not self._annotated:
            return
        partner = reference[is_anomaly & (reference >= 0)]
        self._hits += int(self._anomalous[partner].sum())
        self._false += int(self._normal[partner].sum())
        self._false += int((self._counts(r_peak) & is_anomaly & (reference < 0)).sum())

    @property
    def reference_anomalies(self) -> int | None:
        """Number of annotated S, V and F beats that count; None where nobody annotated."""
        return int(self._anomalous.sum()) if self._annotated else None

    @property
    def flagged(self) -> int | None:
        """Number of flagged beats that count, right or wrong; None where nobody annotated."""
        return self._hits + self._false if self._annotated else None

    @property
    def sensitivity(self) -> float | None:
        """Share of the annotated S, V and F beats that were flagged; None where there are none."""
        total = int(self._anomalous.sum())
        return self._hits / total if total else None

    @property
    def precision(self) -> float | None:
        """Share of the flagged beats that are annotated S, V or F.

        None where nothing was flagged, or no beat that counts is annotated so: then no verdict could have been right.
        """
        flagged = self._hits + self._false
        return self._hits / flagged if flagged and self._anomalous.any() else None

    def _counts(self, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        counts = at >= self._start
        for first, last in self._flutter:
            counts &= (at < first) | (at > last)
        return counts
