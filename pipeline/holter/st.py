"""The level of the ST segment, minute by minute, on the signal as it was recorded.

The isoelectric line runs from a beat's PR segment to the next beat's, and ST is measured against it 60 ms after the J
point, as usual in monitoring (Drew et al., Circulation 2004;110:2721). Where the QRS complex begins and ends is found
on the median beat of a minute, in which noise is low: its speed falls under 5 % of its greatest and stays there for
20 ms. The filtered windows that the model sees cannot serve: a high-pass of 0.5 Hz moves ST by more than what is looked
for, and so does one in the recorder.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Chunk, Findings

__all__ = ["StCollector", "StTrend"]

BEFORE_S = AFTER_S = 0.3  # of signal around an R peak
KEPT_S = 10.0  # of signal, behind which no beat is found
MINUTE_S = 60.0
LEAST_BEATS = 10  # in a minute
LEAST_HZ = 100.0  # below, a J point cannot be placed
SPAN_S = 0.006  # half of what a speed is taken over
SLOW = 0.05  # of the greatest speed
STILL_S = 0.02  # how long it must stay slow
EARLIEST_S, LATEST_S = 0.14, 0.16  # how far from the R peak the complex may begin and end
PR_S = (0.034, 0.014)  # before the complex begins: the PR segment
LONGEST_S = 2.0  # from a beat to the next, over which the isoelectric line is drawn
ST_S, ST_HALF_S = 0.06, 0.01  # after the J point, and half of what is averaged


@dataclass(frozen=True, slots=True, eq=False)
class StTrend:
    """The ST level of one lead.

    Attributes
    ----------
    lead : str
        Name of the lead.
    time_s : ndarray of float64, shape (n,)
        Where each minute began, in s from the record's start; minutes without a level are left out.
    level_mv : ndarray of float64, shape (n,)
        Median of its beats' levels in mV.
    beats : ndarray of int64, shape (n,)
        How many these are.
    """

    lead: str
    time_s: NDArray[np.float64]
    level_mv: NDArray[np.float64]
    beats: NDArray[np.int64]

    @property
    def median_mv(self) -> float:
        """Median over the minutes; NaN without any."""
        return float(np.median(self.level_mv)) if len(self.level_mv) else math.nan


class StCollector:
    """Collects ST levels of a record while it streams by; they do not depend on how it was cut into chunks.

    For each chunk, call :meth:`add`, then :meth:`add_findings` with what was found in it; at last :meth:`finish`.

    Parameters
    ----------
    fs : float
        Rate in Hz.
    leads : tuple of str
        Names of the leads.
    """

    def __init__(self, fs: float, leads: tuple[str, ...]) -> None:
        self._fs, self._leads = fs, leads
        self._before, self._after = math.ceil(BEFORE_S * fs), math.ceil(AFTER_S * fs)
        self._signal = np.empty((0, len(leads)), dtype=np.float32)
        self._start = 0
        self._waiting: deque[int] = deque()  # R peaks
        self._was_normal = True
        self._minute = 0
        self._windows, self._peaks = list[NDArray[np.float32]](), list[int]()
        self._levels: list[list[tuple[float, float, int]]] = [[] for _ in leads]

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk of signal."""
        kept = max(0, len(self._signal) - math.ceil(KEPT_S * self._fs))
        self._signal = np.concatenate([self._signal[kept:], chunk.signal])
        self._start = chunk.stop - len(self._signal)

    def add_findings(self, findings: Findings) -> None:
        """Take the beats that were found; those that are flagged, and those that follow one, have no say."""
        for r_peak, is_anomaly in zip(findings.r_peak.tolist(), findings.is_anomaly.tolist(), strict=True):
            if self._was_normal and not is_anomaly:
                self._waiting.append(r_peak)
            self._was_normal = not is_anomaly
        stop = self._start + len(self._signal)
        while self._waiting and self._waiting[0] + self._after < stop:
            self._take(self._waiting.popleft())

    def finish(self) -> tuple[StTrend, ...]:
        """Return the levels of each lead."""
        self._close()
        trends = []
        for lead, levels in zip(self._leads, self._levels, strict=True):
            time_s, level_mv, beats = zip(*levels, strict=True) if levels else ((), (), ())
            trends.append(
                StTrend(lead, np.array(time_s, np.float64), np.array(level_mv, np.float64), np.array(beats, np.int64))
            )
        return tuple(trends)

    def _take(self, r_peak: int) -> None:
        first = r_peak - self._before - self._start
        if first < 0:
            return  # at the record's very beginning
        minute = int(r_peak / self._fs // MINUTE_S)
        if minute != self._minute:
            self._close()
            self._minute = minute
        self._peaks.append(r_peak)
        self._windows.append(self._signal[first : first + self._before + self._after + 1].copy())

    def _close(self) -> None:
        """Measure the minute that has ended."""
        if len(self._windows) >= LEAST_BEATS and self._fs >= LEAST_HZ:
            self._measure(np.stack(self._windows).astype(np.float64), np.array(self._peaks) / self._fs)
        self._windows, self._peaks = [], []

    def _measure(self, windows: NDArray[np.float64], peak_s: NDArray[np.float64]) -> None:
        whole = np.asarray(np.isfinite(windows).all(axis=1))  # beats of each lead without a hole
        leads = np.flatnonzero(whole.sum(axis=0) >= LEAST_BEATS).tolist()
        speeds = [self._speed(windows[whole[:, lead], :, lead]) for lead in leads]
        edges = self._edges(np.sqrt(np.sum(np.square(speeds), axis=0))) if leads else None
        if edges is None:
            return
        begin, end = edges
        apart_s = (end - begin) / self._fs + ST_S + sum(PR_S) / 2  # from the middle of PR to that of ST
        for lead in leads:
            beats, at_s = windows[whole[:, lead], :, lead], peak_s[whole[:, lead]]
            pr = self._mean(beats, begin - PR_S[0] * self._fs, begin - PR_S[1] * self._fs)
            st = self._mean(beats, end + (ST_S - ST_HALF_S) * self._fs, end + (ST_S + ST_HALF_S) * self._fs)
            step_s = np.diff(at_s)
            level = st[:-1] - pr[:-1] - np.diff(pr) * apart_s / step_s
            level = level[step_s <= LONGEST_S]
            if len(level) >= LEAST_BEATS:
                self._levels[lead].append((self._minute * MINUTE_S, float(np.median(level)), len(level)))

    def _speed(self, beats: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how fast the median beat of a lead moves, per sample; NaN at its ends, shape (samples,)."""
        shape = np.median(beats - np.median(beats, axis=1, keepdims=True), axis=0)
        span = max(1, round(SPAN_S * self._fs))
        speed = np.full(len(shape), np.nan)
        speed[span:-span] = shape[2 * span :] - shape[: -2 * span]
        return speed

    def _edges(self, speed: NDArray[np.float64]) -> tuple[int, int] | None:
        """Return where the complex begins and ends, as positions in a window; None where that cannot be told."""
        near = slice(self._before - round(0.08 * self._fs), self._before + round(0.08 * self._fs) + 1)
        if not speed[near].max() > 0:
            return None
        is_slow = speed < SLOW * speed[near].max()
        still, span = max(2, math.ceil(STILL_S * self._fs)), max(1, round(SPAN_S * self._fs))
        fastest = near.start + int(np.argmax(speed[near]))
        begins = range(min(fastest, self._before), self._before - round(EARLIEST_S * self._fs), -1)
        ends = range(max(fastest, self._before), self._before + round(LATEST_S * self._fs))
        begin = next((i for i in begins if is_slow[i - still + 1 : i + 1].all()), None)
        end = next((i for i in ends if is_slow[i : i + still].all()), None)
        # A speed reaches over what lies beside it: the complex is that much shorter.
        return None if begin is None or end is None else (begin + span, end - span)

    def _mean(self, beats: NDArray[np.float64], first: float, last: float) -> NDArray[np.float64]:
        return np.asarray(beats[:, round(first) : round(last) + 1].mean(axis=1))
