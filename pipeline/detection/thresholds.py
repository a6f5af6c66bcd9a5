"""From score to verdict: a threshold that follows the patient, built from River's parts."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from river import anomaly, base, drift, stats

from pipeline.detection.model import Calibration

__all__ = ["AdaptiveThreshold", "NoDetector", "Shift", "Verdict"]

WINDOW = 256  # usual beats in the patient's location
SOFT = 60.0  # usual beats at which the patient's own location has half of its full say
REACH = 1.0  # a patient's location moves the threshold by no more than this, in units of the score
REPLAY = 512  # inputs that a drift detector is rebuilt from
GAUSSIAN = Calibration((0.5, 0.1587, 0.0228, 0.00135, 3.17e-5), (0.0, 1.0, 2.0, 3.0, 4.0), 0.0)


@dataclass(frozen=True, slots=True)
class Shift:
    """A drift: mean standardised score before and after, and what was done."""

    before: float
    after: float
    action: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a score means: the threshold in force, the share of normal beats beyond the score, and the decision."""

    threshold: float
    p_value: float
    is_anomaly: bool


class NoDetector(base.AnomalyDetector):
    """Stand in where scores come from elsewhere, in batches, and a filter only judges them."""

    def learn_one(self, x: dict[base.typing.FeatureName, Any]) -> None:
        """Learn nothing."""

    def score_one(self, x: dict[base.typing.FeatureName, Any]) -> float:
        """Return 0."""
        return 0.0


class AdaptiveThreshold(base.AnomalyFilter):
    """A population's calibrated threshold, moved by a patient's own usual beats.

    The population says which score a share ``alpha`` of normal beats passes. The patient moves that level by the
    distance between the running median of the scores of its own *usual* beats and the population's. Whether a beat is
    usual is decided by its shape and timing, not by its score: a level that learns from unflagged scores ratchets
    down, and one that learns from all of them is the anomalies' own where most beats are abnormal.

    A drift detector watches the standardised score. When it fires, the patient's window is cut to the beats that came
    after the change.

    Parameters
    ----------
    anomaly_detector : river.anomaly.base.AnomalyDetector
        What gives the scores, when the filter is used as a River estimator.
    calibration : Calibration, optional
        The population; a standard normal by default.
    alpha : float
        Declared false-alarm rate per normal beat.
    trust : float
        Share of the patient's own location in the threshold's level, 0 to 1.
    drift_detector : river.base.DriftDetector, optional
        ADWIN by default.
    protect_anomaly_detector : bool
        If True, the detector does not learn anomalies. The threshold itself sees every score.

    Examples
    --------
    >>> from river import anomaly
    >>> threshold = AdaptiveThreshold(anomaly.GaussianScorer(), alpha=0.05)
    >>> threshold.judge(1.0).is_anomaly, threshold.judge(3.0).is_anomaly
    (False, True)
    """

    def __init__(
        self,
        anomaly_detector: base.AnomalyDetector,
        calibration: Calibration | None = None,
        alpha: float = 0.01,
        trust: float = 0.5,
        drift_detector: base.DriftDetector | None = None,
        protect_anomaly_detector: bool = True,
    ) -> None:
        if not 0.0 < alpha < 0.5:
            raise ValueError(f"alpha must lie between 0 and 0.5, not {alpha}")
        super().__init__(anomaly_detector, protect_anomaly_detector)
        self.calibration = calibration
        self.alpha = alpha
        self.trust = trust
        self.drift_detector = drift_detector
        self._population = calibration or GAUSSIAN
        self._level = self._population.threshold(alpha)
        self._unit = max(self._population.threshold(0.1587) - self._population.threshold(0.5), 1e-6)
        self._usual: deque[float] = deque(maxlen=WINDOW)
        self._median = stats.RollingQuantile(0.5, WINDOW)
        self._inputs: list[float] = []
        self._watch = self._new_watch()
        self._offset = 0.0

    def _new_watch(self) -> base.DriftDetector:
        detector = self.drift_detector or drift.ADWIN(delta=1e-4)  # type: ignore[no-untyped-call]  # River's own
        return detector.clone()

    @property
    def threshold(self) -> float:
        """The threshold in force."""
        return self._level + self._offset

    def judge(self, score: float) -> Verdict:
        """Return the verdict on a score; NaN is no anomaly."""
        threshold = self._level + self._offset
        return Verdict(threshold, self._population.p_value(score - self._offset), score > threshold)

    def classify(self, score: float) -> bool:
        """Return True if a score is an anomaly."""
        return self.judge(score).is_anomaly

    def update(self, score: float, usual: bool = True) -> Shift | None:
        """Learn one score, after it has been judged.

        Parameters
        ----------
        score : float
            The score; one that is not finite is set aside.
        usual : bool
            Evidence apart from the score that the beat is usual.

        Returns
        -------
        Shift or None
            A drift, if one was detected now.
        """
        if not math.isfinite(score):
            return None
        shift = self._watch_for_drift(score)
        if usual:
            self._usual.append(score)
            self._median.update(score)
            self._move()
        return shift

    def _move(self) -> None:
        n = len(self._usual)
        own = (self._median.get() or 0.0) - self._population.location
        self._offset = self.trust * n / (n + SOFT) * max(-REACH, min(REACH, own))

    def _watch_for_drift(self, score: float) -> Shift | None:
        # ADWIN depends on scale: it is given standardised scores, limited so that one beat is no drift.
        value = max(-3.0, min(3.0, (score - self._population.location) / self._unit))
        if len(self._inputs) >= 2 * REPLAY:  # rebuilt from a bounded past, so that a snapshot can rebuild it too
            self._inputs = self._inputs[-REPLAY:]
            self._watch = self._new_watch()
            for old in self._inputs:
                self._watch.update(old)
        before = self._mean()
        self._inputs.append(value)
        self._watch.update(value)
        if not self._watch.drift_detected:
            return None
        width = int(getattr(self._watch, "width", WINDOW // 4))
        recent = self._inputs[-min(max(width, 1), len(self._inputs)) :]
        keep = min(width, len(self._usual))
        kept = list(self._usual)[len(self._usual) - keep :]
        self._usual.clear()
        self._median = stats.RollingQuantile(0.5, WINDOW)
        for old in kept:
            self._usual.append(old)
            self._median.update(old)
        if kept:
            self._move()
        else:
            self._offset = 0.0
        return Shift(before, sum(recent) / len(recent), f"window cut to the last {keep} usual beats")

    def _mean(self) -> float:
        recent = self._inputs[-WINDOW:]
        return sum(recent) / len(recent) if recent else 0.0

    def learn_one(self, *args: Any, **learn_kwargs: Any) -> None:
        """Learn an observation: its score moves the threshold, and the detector learns it unless it is an anomaly."""
        score = self.score_one(*args)
        if not self.protect_anomaly_detector or not self.classify(score):
            self.anomaly_detector.learn_one(*args, **learn_kwargs)
        self.update(score)

    def snapshot(self) -> dict[str, list[float]]:
        """Return the carried state, as numbers."""
        return {"usual": list(self._usual), "inputs": list(self._inputs), "offset": [self._offset]}

    def restore(self, state: dict[str, list[float]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._usual = deque(state["usual"], maxlen=WINDOW)
        self._median = stats.RollingQuantile(0.5, WINDOW)
        for value in self._usual:
            self._median.update(value)
        self._inputs = list(state["inputs"])
        self._watch = self._new_watch()
        for value in self._inputs:
            self._watch.update(value)
        (self._offset,) = state["offset"]

    @classmethod
    def _unit_test_params(cls) -> Any:
        yield {"anomaly_detector": anomaly.HalfSpaceTrees(seed=42)}
