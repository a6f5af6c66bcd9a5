"""What pulse waves say of an alarm that the electrodes raise: whether the heart goes on working, or has stopped.

A pulse comes 0.2 to 0.6 s after its R peak, and is known when its upstroke is over. A wave speaks only where its pulses
are alike, as far apart as a heart's are, and as high as they were: what flushes, movements and a sensor that is off
make of a wave says nothing, and then the electrodes alone decide, as they do without a wave.

To speak against an alarm a wave must have been seen to follow the heart a short while before, each pulse as long after
its beat as the others: mains, a ventilator or compressions of the chest are as regular as a heart. And it must stand
alone against nobody: where another wave has stopped, or tells another rate, none speaks.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from itertools import pairwise
from typing import Any

from pipeline.records import BACK, BEAT, GONE, PulseMark

__all__ = ["LATE_S", "PulseWatch"]

LATE_S = 0.8  # s after an R peak by which its pulse has risen: what comes later is of another beat
TOLD_S = 0.35  # s after a pulse's rise by which it is known
KEPT = 120  # pulses of a wave that are remembered
FEWEST = 3  # intervals between pulses that make a rhythm
SHORTEST, LONGEST = 0.3, 1.7  # s between two pulses of a heart that moves blood
ALIKE = 0.2  # deviation of the intervals over their mean, at the most: noise makes others
LOWEST, HIGHEST = 0.6, 1.7  # heights over the usual of pulses that are the patient's
NEXT = 1.5  # intervals within which the next pulse is due
BEFORE = 6  # pulses before a standstill that show that the wave could be believed
OLD_S = 20.0  # s after the last pulse, from when on a wave that is damped would look the same
STOPPED_S, STOPPED = 2.5, 2.5  # s, and intervals, without a pulse after which the heart moves no blood

DELAYS, TIED = 8, 6  # pulses that are held against their beats, and how many of them must be as late as the others
DELAY_S, DELAYED_S = (
    (0.05, LATE_S),
    0.08,
)  # s from a beat to its pulse, and by which delays may differ from their median
BELIEVED_S = 45.0  # s for which a wave that followed the beats may speak without them
AGREE = 1.1  # ratio of the rates of two waves, at the most

_Pulse = tuple[float, float, float]  # when it was known, when it rose, in s, and its height


class PulseWatch:
    """The pulses of one patient, of any number of waves."""

    def __init__(self) -> None:
        self._pulses: dict[str, deque[_Pulse]] = {}
        self._gone: dict[str, list[float]] = {}  # since when a wave is missing, or nothing
        self._beats: deque[float] = deque(maxlen=DELAYS)  # R peaks, in s
        self._delays: dict[str, deque[float]] = {}  # from beats to the last pulses, NaN for a pulse without a beat
        self._believed: dict[str, float] = {}  # when a wave followed the beats last

    def beat(self, time: float) -> None:
        """Take a beat, in s, that pulses are to follow."""
        self._beats.append(time)

    def mark(self, mark: PulseMark, now: float) -> None:
        """Take what is known of a wave at ``now``, in s, in the order in which it is known."""
        pulses = self._pulses.setdefault(mark.wave, deque(maxlen=KEPT))
        if mark.sort == BEAT:
            pulses.append((now, mark.time_s, mark.height))
            self._hold_against_beats(mark, now)
        elif mark.sort == GONE:
            self._gone[mark.wave] = [now]
        elif mark.sort == BACK:
            self._gone[mark.wave] = []
            pulses.clear()
            self._delays.pop(mark.wave, None)
            self._believed.pop(mark.wave, None)

    def _hold_against_beats(self, mark: PulseMark, now: float) -> None:
        soonest, latest = DELAY_S
        since = [mark.time_s - beat for beat in self._beats if soonest <= mark.time_s - beat <= latest]
        delays = self._delays.setdefault(mark.wave, deque(maxlen=DELAYS))
        delays.append(since[-1] if since else math.nan)
        known = [delay for delay in delays if not math.isnan(delay)]
        if known and sum(abs(delay - statistics.median(known)) <= DELAYED_S for delay in known) >= TIED:
            self._believed[mark.wave] = now

    def _is_believed(self, wave: str, now: float) -> bool:
        return now - self._believed.get(wave, -math.inf) <= BELIEVED_S

    def rate(self, start: float, now: float) -> float | None:
        """Return the rate of pulses that went on from one moment to another, in beats a minute; None if none did.

        Nothing is returned where a wave has stopped, where two tell rates that differ, or where none has followed the
        beats lately.

        Parameters
        ----------
        start, now : float
            In s; only what was known at ``now`` counts.
        """
        heard = [wave for wave in self._pulses if not self._is_gone(wave, now)]
        if any(self._has_stopped(wave, now) for wave in heard):
            return None
        told = [self._rate(wave, start, now) for wave in heard if self._is_believed(wave, now)]
        rates = [rate for rate in told if rate is not None]
        return statistics.fmean(rates) if rates and max(rates) <= AGREE * min(rates) else None

    def _rate(self, wave: str, start: float, now: float) -> float | None:
        pulses = [pulse for pulse in self._pulses[wave] if pulse[0] <= now]
        first = next((i for i, (_, rose, _) in enumerate(pulses) if rose > start), len(pulses))
        inside, led = pulses[first:], pulses[max(first - 1, 0) :]
        if len(inside) < FEWEST:
            return None
        times = [rose for _, rose, _ in led]
        if not _is_rhythm(times) or not all(LOWEST <= height <= HIGHEST for _, _, height in inside):
            return None
        mean = (times[-1] - times[0]) / (len(times) - 1)
        if times[-1] + NEXT * mean + TOLD_S < now or inside[0][1] > start + NEXT * mean:
            return None
        return 60.0 / mean

    def have_stopped(self, now: float) -> bool:
        """Tell whether a wave that could be believed has stood for so long that the heart moves no blood any more.

        Parameters
        ----------
        now : float
            In s; only what was known then counts.
        """
        stopped = [self._has_stopped(wave, now) for wave in self._pulses if not self._is_gone(wave, now)]
        return True in stopped and False not in stopped

    def _has_stopped(self, wave: str, now: float) -> bool | None:
        """Tell whether a wave has stopped; None if it says nothing."""
        pulses = [pulse for pulse in self._pulses[wave] if pulse[0] <= now]
        last = pulses[-BEFORE:]
        times = [rose for _, rose, _ in last]
        if (
            len(last) < BEFORE
            or now - times[-1] > OLD_S
            or not _is_rhythm(times)
            or any(math.isnan(height) for _, _, height in last)
        ):
            return None
        mean = (times[-1] - times[0]) / (len(times) - 1)
        return now - TOLD_S - times[-1] >= max(STOPPED_S, STOPPED * mean)

    def _is_gone(self, wave: str, now: float) -> bool:
        gone = self._gone.get(wave, [])
        return bool(gone) and gone[0] <= now

    def snapshot(self) -> list[Any]:
        """Return the carried state as plain values."""
        waves = [
            [wave, list(pulses), self._gone.get(wave, []), list(self._delays.get(wave, ())), self._believed.get(wave)]
            for wave, pulses in self._pulses.items()
        ]
        return [list(self._beats), waves]

    def restore(self, state: list[Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        beats, waves = state or ([], [])
        self._beats = deque(beats, maxlen=DELAYS)
        self._pulses = {wave: deque(map(tuple, pulses), maxlen=KEPT) for wave, pulses, *_ in waves}
        self._gone = {wave: list(gone) for wave, _, gone, *_ in waves}
        self._delays = {wave: deque(delays, maxlen=DELAYS) for wave, _, _, delays, _ in waves}
        self._believed = {wave: believed for wave, *_, believed in waves if believed is not None}


def _is_rhythm(times: list[float]) -> bool:
    intervals = [b - a for a, b in pairwise(times)]
    if len(intervals) < FEWEST - 1 or not all(SHORTEST <= interval <= LONGEST for interval in intervals):
        return False
    return statistics.pstdev(intervals) <= ALIKE * statistics.fmean(intervals)
