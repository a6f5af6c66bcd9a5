"""From score to verdict: a threshold that follows the patient, built from River's parts."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from river import base, stats

from pipeline.detection.adwin import adwin
from pipeline.detection.guesses import Guesses, gaussian
from pipeline.detection.two_groups import OwnTail

__all__ = ["DRIFT_DETECTORS", "AdaptiveThreshold", "NoDetector", "Shift", "Verdict"]

# Chosen on DS1, with each record's population taken from the other records.
AT_LEAST = 0.75  # of the declared rate: so many of the population's normal beats pass any threshold, at the least
SOON, SELDOM = 8, 64  # beats after which the guesses are weighed anew: ever more seldom
RATES = 1e-6, 0.25  # a declared rate per beat lies between

LOCKED_S = 55.0  # s in which every beat scores high: the level has changed, or nothing would be normal
RELEASE_S = 10.0  # s that a beat which does not score high takes off
BEAT_S = 0.8  # s that a beat counts for where its R-R interval is not known, and 2.5 at most
RECENT = 32  # beats in the median that becomes the new zero
MATERIAL = 1.5  # change of the mean standardised score from which a drift is acted on
REPLAY = 256  # beats that a drift detector is rebuilt from
RR_RATE = 0.02  # how fast the mean R-R interval follows, for rates per hour


def _page_hinkley() -> base.DriftDetector:
    from river.drift import PageHinkley  # it takes seconds and 150 MB to import

    return PageHinkley(min_instances=30, delta=0.05, threshold=30.0)


def _no_drift() -> base.DriftDetector:
    from river.drift import NoDrift

    return NoDrift()  # type: ignore[no-untyped-call]  # River's own


DRIFT_DETECTORS: dict[str, Callable[[], base.DriftDetector]] = {
    "adwin": lambda: adwin(delta=1e-4),
    "page-hinkley": _page_hinkley,
    "none": _no_drift,
}


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
    """A threshold that a declared share of a patient's normal beats passes, without labels.

    How far the normal beats of this patient reach is told by :class:`pipeline.detection.two_groups.OwnTail`. The
    threshold learns from every score that it is given, flagged or not.

    It never lies so high that less than three quarters of the declared rate of the population's normal beats would pass
    it. Where many beats are abnormal they cannot be told from normal ones that reach far, and a score that hardly
    anybody's normal beats have is no normal one.

    A drift detector watches the standardised scores. When it fires, the patient's scores before the change are
    forgotten. Where every beat has scored high for ``LOCKED_S`` seconds, their median becomes the new zero of the
    score until the scores come back: a threshold is never locked out.

    Parameters
    ----------
    anomaly_detector : river.anomaly.base.AnomalyDetector
        What gives the scores, when the filter is used as a River estimator.
    guesses : Guesses, optional
        What a population tells of the scores. Without one, scores are brought to zero mean and unit deviation by
        their running median and upper quantile, and taken for normally distributed.
    alpha : float
        Declared false-alarm rate per normal beat.
    per_hour : float, optional
        Declared false-alarm rate per hour, in place of ``alpha``: as many flagged normal beats.
    drift_detector : river.base.DriftDetector, optional
        ADWIN by default.
    protect_anomaly_detector : bool
        If True, the detector does not learn anomalies. The threshold itself sees every score.

    Examples
    --------
    >>> from river import anomaly
    >>> threshold = AdaptiveThreshold(anomaly.GaussianScorer(), alpha=0.05)
    >>> threshold.judge(1.0).is_anomaly, threshold.judge(9.0).is_anomaly
    (False, True)
    """

    def __init__(
        self,
        anomaly_detector: base.AnomalyDetector,
        guesses: Guesses | None = None,
        alpha: float = 0.01,
        per_hour: float | None = None,
        drift_detector: base.DriftDetector | None = None,
        protect_anomaly_detector: bool = True,
    ) -> None:
        if not 0.0 < alpha < 0.5:
            raise ValueError(f"alpha must lie between 0 and 0.5, not {alpha}")
        if per_hour is not None and not 0.0 < per_hour < 3600.0:
            raise ValueError(f"a rate per hour must lie between 0 and 3600, not {per_hour}")
        super().__init__(anomaly_detector, protect_anomaly_detector)
        self.guesses = guesses
        self.alpha = alpha
        self.per_hour = per_hour
        self.drift_detector = drift_detector
        self._population = guesses or gaussian()
        self._tail = OwnTail(self._population.score)
        self._offset = 0.0  # the score's zero: lifted where nothing would be normal
        self._rr: stats.EWMean | None = None
        self._seen = 0
        self._since = 0  # scores since the guesses were weighed
        self._past: list[float] = []  # the last scores
        self._locked_s = 0.0  # for how long every beat has scored high
        self._watch = self._new_watch()
        self._middle = stats.RollingQuantile(0.5, RECENT)
        # Location and scale, where no population tells them.
        self._location = stats.RollingQuantile(0.5, REPLAY)
        self._upper = stats.RollingQuantile(0.8413, REPLAY)
        self._raw: deque[float] = deque(maxlen=REPLAY)
        self._set_limits()

    def _new_watch(self) -> base.DriftDetector:
        return (self.drift_detector or DRIFT_DETECTORS["adwin"]()).clone()

    @property
    def threshold(self) -> float:
        """The threshold in force."""
        location, scale = self._unit()
        return location + scale * (self._limit + self._offset)

    def _rate(self) -> float:
        """Return the declared rate per normal beat."""
        if self.per_hour is None:
            return self.alpha
        rate = self.per_hour * (self._rr.get() if self._rr else BEAT_S) / 3600.0
        return min(max(rate, RATES[0]), RATES[1])

    def _set_limits(self) -> None:
        rate = self._rate()
        self._limit = self._tail.score(rate)
        if self.guesses is not None:
            self._limit = min(self._limit, self.guesses.pooled.score(AT_LEAST * rate))

    def _unit(self) -> tuple[float, float]:
        """Return the location and scale that scores are brought to zero and one with."""
        if self.guesses is not None:
            return 0.0, 1.0
        middle, upper = self._location.get() or 0.0, self._upper.get()
        return middle, max((1.0 if upper is None else upper) - middle, 1e-9 * max(abs(middle), 1e-9))

    def judge(self, score: float) -> Verdict:
        """Return the verdict on a score; NaN is no anomaly."""
        threshold = self.threshold
        if math.isnan(score):
            return Verdict(threshold, math.nan, False)
        location, scale = self._unit()
        score_here = (score - location) / scale - self._offset
        rate = self._tail.rate(score_here)
        if self.guesses is not None:
            rate = min(rate, self.guesses.pooled.rate(score_here) / AT_LEAST)
        return Verdict(threshold, min(rate, 1.0), score > threshold)

    def classify(self, score: float) -> bool:
        """Return True if a score is an anomaly."""
        return self.judge(score).is_anomaly

    def update(self, score: float, rr: float = math.nan) -> Shift | None:
        """Learn one score, after it has been judged.

        Parameters
        ----------
        score : float
            The score; one that is not finite is set aside.
        rr : float
            R-R interval before the beat, in s; NaN where it is not known.

        Returns
        -------
        Shift or None
            A drift, if one was detected now.
        """
        if 0.2 < rr < 3.0:
            self._rr = self._rr or stats.EWMean(RR_RATE)
            self._rr.update(rr)
        if not math.isfinite(score):
            return None
        high = score > self.threshold
        if self.guesses is None:
            known = len(self._raw) >= SOON
            location, scale = self._unit()
            self._standardise_by(score)
            if not known:  # neither location nor scale are
                return None
            score = min(max((score - location) / scale, -50.0), 50.0)
        self._past.append(score)
        lasted = min(rr, 2.5) if rr > 0.0 else BEAT_S
        self._locked_s = self._locked_s + lasted if high else max(0.0, self._locked_s - RELEASE_S)
        self._middle.update(score)
        self._tail.observe(score - self._offset)
        self._seen += 1
        self._since += 1
        shift = self._unlock() or self._watch_for_drift(score)
        if self._since >= max(SOON, min(SELDOM, self._seen // 16)):
            self._weigh()
        elif self.per_hour is not None:
            self._set_limits()
        return shift

    def _standardise_by(self, score: float) -> None:
        self._raw.append(score)
        self._location.update(score)
        self._upper.update(score)

    def _weigh(self) -> None:
        self._tail.weigh()
        self._since = 0
        self._set_limits()

    def _forget(self, keep: int) -> None:
        """Go back to the last ``keep`` scores."""
        recent = self._past[len(self._past) - min(keep, len(self._past)) :]
        self._tail.forget(score - self._offset for score in recent)
        self._seen, self._since = len(recent), 0
        self._set_limits()

    def _unlock(self) -> Shift | None:
        """Move the score's zero where nothing would be normal, and back when the scores have come back."""
        middle = self._middle.get() or 0.0
        usual = self._population.location
        if self._locked_s >= LOCKED_S:
            offset, text = middle - usual, "every beat scored high: their median is the new zero"
        elif self._offset and middle - usual < 0.5 * self._offset:
            offset, text = 0.0, "scores came back: so did their zero"
        else:
            return None
        before, self._offset = self._offset, offset
        self._locked_s = 0.0
        self._forget(RECENT)
        self._watch, self._past = self._new_watch(), self._past[-RECENT:]
        for score in self._past:
            self._watch.update(self._standardised(score))
        return Shift(before / self._population.unit, offset / self._population.unit, text)

    def _watch_for_drift(self, score: float) -> Shift | None:
        if len(self._past) >= 2 * REPLAY:  # rebuilt from a bounded past, so that a snapshot can rebuild it too
            self._past = self._past[-REPLAY:]
            self._watch = self._new_watch()
            for old in self._past:
                self._watch.update(self._standardised(old))
            return None
        self._watch.update(self._standardised(score))
        if not self._watch.drift_detected:
            return None
        width = int(getattr(self._watch, "width", REPLAY // 4))
        keep = min(max(width, 1), len(self._past))
        before, after = self._mean(self._past[:-keep] or self._past), self._mean(self._past[-keep:])
        if abs(after - before) < MATERIAL:
            return Shift(before, after, "noted: too small to act on")
        self._forget(keep)
        return Shift(before, after, f"forgot all scores but the last {keep}")

    def _standardised(self, score: float) -> float:
        # Detectors depend on scale, and one beat is no drift.
        return max(-3.0, min(3.0, (score - self._offset - self._population.location) / self._population.unit))

    def _mean(self, scores: list[float]) -> float:
        return sum(self._standardised(score) for score in scores) / len(scores)

    def learn_one(self, *args: Any, **learn_kwargs: Any) -> None:
        """Learn an observation: its score moves the threshold, and the detector learns it unless it is an anomaly."""
        score = self.score_one(*args)
        if not self.protect_anomaly_detector or not self.classify(score):
            self.anomaly_detector.learn_one(*args, **learn_kwargs)
        self.update(score)

    def snapshot(self) -> dict[str, list[float]]:
        """Return the carried state, as numbers."""
        return {
            "tail": self._tail.snapshot(),
            "past": list(self._past),
            "raw": list(self._raw),
            "rr": [self._rr.get()] if self._rr else [],
            "facts": [self._offset, self._locked_s, self._seen, self._since, self._limit],
        }

    def restore(self, state: dict[str, list[float]]) -> None:
        """Continue from a state that :meth:`snapshot` returned."""
        self._tail.restore(state["tail"])
        self._past = list(state["past"])
        self._offset, self._locked_s, seen, since, self._limit = state["facts"]
        self._seen, self._since = int(seen), int(since)
        self._rr = None
        for rr in state["rr"]:
            self._rr = stats.EWMean(RR_RATE)
            self._rr.update(rr)
        self._middle = stats.RollingQuantile(0.5, RECENT)
        for score in self._past[-RECENT:]:
            self._middle.update(score)
        self._raw = deque(maxlen=REPLAY)
        self._location, self._upper = stats.RollingQuantile(0.5, REPLAY), stats.RollingQuantile(0.8413, REPLAY)
        for score in state["raw"]:
            self._standardise_by(score)
        self._watch = self._new_watch()
        for score in self._past:
            self._watch.update(self._standardised(score))

    @classmethod
    def _unit_test_params(cls) -> Any:
        from river import anomaly

        yield {"anomaly_detector": anomaly.HalfSpaceTrees(seed=42)}
