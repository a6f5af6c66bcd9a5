"""Beats in a row that are anomalous: how long, how fast, how regular, how wide, and whether the signal can tell."""

from __future__ import annotations

import math
import statistics
from collections import deque
from itertools import pairwise
from typing import Any

__all__ = ["Runs"]

KEPT = 64  # beats that are remembered
REGULAR = 0.12  # standard deviation over mean of intervals that noise does not make
UNEVEN = 0.3  # and of those that only plainly ventricular beats make: T waves taken for beats come in pairs
BEFORE = 16  # intervals before a run, whose median is the rhythm that it began in
FASTER = 1.08  # times the rate before: a run as fast as that is the same rhythm, unless its beats are plainly others
# Log odds of a run's last beats, as a mean, from which on they are ventricular. Electrode motion widens beats, so the
# bar rises with the log of the noise. One beat may lie lower, down to LEAST.
WIDE, WIDE_PER_NOISE, LEAST = 0.6, 1.8, -2.0
UNLIKE = 1.0  # deviations by which beats of a run that are unlike each other count for less: artefacts are
PLAIN, PLAINER = 5.0, 4.0
NARROW = -0.5  # log odds below which they are the patient's own, and the run is supraventricular


class Runs:
    """The run that goes on, if one does.

    Parameters
    ----------
    beats : int
        Beats that its shape, noise and regularity are taken from.

    Attributes
    ----------
    length : int
        Anomalous beats in a row, up to now.
    ventricular : int
        Those at the end of it that may be ventricular by their shape.
    start : (int, float)
        Number and R peak in s of the first.
    """

    def __init__(self, beats: int) -> None:
        self._beats = beats
        self.length = self.ventricular = 0
        self.start = (0, 0.0)
        self._times: deque[float] = deque(maxlen=max(KEPT, beats))
        self._wide: deque[float] = deque(maxlen=beats)
        self._noise: deque[float] = deque(maxlen=max(8, beats))

    def beat(self, number: int, time: float, is_anomaly: bool, wide: float, noise: float) -> None:
        """Take a beat: see :meth:`pipeline.detection.alarms.AlarmEngine.beat`."""
        self._times.append(time)
        self._wide.append(wide)
        self._noise.append(noise)
        if not is_anomaly:
            self.length = self.ventricular = 0
            return
        if self.length == 0:
            self.start = number, time
        self.length += 1
        self.ventricular = self.ventricular + 1 if wide > LEAST else 0

    def noise(self, beats: int) -> float:
        """Return the noise around the last beats over the usual, as a mean of logs."""
        last = list(self._noise)[-beats:]
        return math.exp(sum(last) / len(last))

    def rate(self) -> float:
        """Return the rate of the ventricular beats of the run, in beats a minute."""
        n = min(self.ventricular, len(self._times))
        return 60.0 * (n - 1) / (self._times[-1] - self._times[-n])

    def width(self, beats: int) -> float:
        """Return the mean log odds that the run's last beats are ventricular by their shape."""
        last = list(self._wide)[-min(beats, self.length) :]
        return sum(last) / len(last)

    def is_wide(self, beats: int) -> bool:
        """Tell whether the run's last beats are wide, in spite of the noise around them."""
        last = list(self._wide)[-min(beats, self._beats, self.length) :]
        bar = WIDE + WIDE_PER_NOISE * max(0.0, math.log(self.noise(len(last))))
        return statistics.fmean(last) - UNLIKE * statistics.pstdev(last) >= bar

    def is_narrow(self) -> bool:
        """Tell whether the run's last beats are shaped like the patient's own."""
        return self.width(self._beats) < NARROW

    def is_another_rhythm(self) -> bool:
        """Tell whether a run of ventricular beats is more than the rhythm before it with strange shapes."""
        width = self.width(self._beats)
        if self._unevenness() > UNEVEN and (width < PLAINER or self._alternates()):
            return False
        times = list(self._times)
        began = max(
            len(times) - self.length, 0
        )  # of a run that is longer than what is kept, nothing before it is known
        before = sorted(b - a for a, b in pairwise(times[max(began - BEFORE, 0) : began + 1]))
        return width >= PLAIN or not before or self.rate() >= FASTER * 60.0 / before[len(before) // 2]

    def is_regular(self) -> bool:
        """Tell whether the run's last intervals are alike, as those of artefacts are not."""
        return self._unevenness() <= REGULAR

    def _alternates(self) -> bool:
        """Tell whether short and long intervals take turns, as where each T wave is taken for a beat."""
        intervals = [b - a for a, b in pairwise(list(self._times)[-self._beats :])]
        next_one = [abs(b - a) for a, b in pairwise(intervals)]
        after_next = [abs(b - a) for a, b in zip(intervals, intervals[2:], strict=False)]
        return bool(after_next) and max(after_next) < 0.5 * min(next_one)

    def _unevenness(self) -> float:
        last = list(self._times)[-min(self._beats, max(self.ventricular, 2)) :]
        intervals = [b - a for a, b in pairwise(last)]
        if not intervals:
            return math.inf
        mean = sum(intervals) / len(intervals)
        return math.sqrt(sum((one - mean) ** 2 for one in intervals) / len(intervals)) / mean

    def snapshot(self) -> list[Any]:
        """Return the carried state as plain values."""
        counts = [self.length, self.ventricular, self.start]
        return [*counts, list(self._times), list(self._wide), list(self._noise)]

    def restore(self, state: list[Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        self.length, self.ventricular, (number, time), times, wide, noise = state
        self.start = number, time
        for kept, values in ((self._times, times), (self._wide, wide), (self._noise, noise)):
            kept.clear()
            kept.extend(values)
