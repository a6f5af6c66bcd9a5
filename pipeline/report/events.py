"""Picks the events that are worth a look, and cuts the signal around them, while a record streams by."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.explain.explanation import Explanation
from pipeline.records import KINDS, Alarm, Findings
from pipeline.report.marks import MARKS, PRIORITIES, anomaly_kind
from pipeline.report.record import BeatPicture, Event, Strip, Why, rounded
from pipeline.storage.labels import BeatLabels

__all__ = ["EventPicker"]

STRIP_S = 6.0
_PER_KIND = 3  # strips of anomalies of one kind
_ALARM_KINDS = 4  # alarms of so many kinds, the first of each
_APART_S = 30.0  # two strips of one kind come from different stretches of the record
_SETTLED_S = 1.5  # a beat is out 0.5 s after its R peak; so long after a strip's end its beats are known
_KEPT_S = 30.0  # signal kept for events that are told late
_DRAWN_HZ = 200.0  # 25 mm/s on paper need no more


@dataclass(eq=False)
class _Candidate:
    title: str
    time_s: float  # of the event
    centre_s: float  # of its strip
    score: float = 0.0
    beat: BeatPicture | None = None
    strip: Strip | None = None

    @property
    def start_s(self) -> float:
        return self.centre_s - STRIP_S / 2


class EventPicker:
    """Keeps the highest scores of each kind and the first alarm of each rule, each with a strip of signal.

    Parameters
    ----------
    fs : float
        Rate of the record in Hz.
    n_leads : int
        Number of its leads.
    labels : BeatLabels
        Its reference beats; this picker pairs them with the found ones.
    """

    def __init__(self, fs: float, n_leads: int, labels: BeatLabels) -> None:
        self._fs = fs
        self._labels = labels
        self._anomalies: dict[str, list[_Candidate]] = {kind: [] for kind in MARKS[1:]}
        self._alarms: dict[str, tuple[Alarm, _Candidate]] = {}
        self._signal = np.empty((0, n_leads), dtype=np.float32)
        self._start = 0  # of the kept signal, in samples
        self._recent: deque[tuple[float, str, bool]] = deque()
        self._symbols: dict[int, str] = {}  # of the candidates' beats, by beat
        self._undecided: deque[int] = deque()

    def add_signal(self, start: int, signal: NDArray[np.float32]) -> None:
        """Take the next samples, shape (samples, leads); missing ones before them become NaN."""
        stop = self._start + len(self._signal)
        self._cut(stop / self._fs - _SETTLED_S)
        self._forget(stop)
        hole = start - stop
        if hole > _KEPT_S * self._fs:
            self._cut(np.inf)
            self._signal, self._start, hole = self._signal[:0], start, 0
        missing = np.full((hole, signal.shape[1]), np.nan, dtype=np.float32)
        self._signal = np.concatenate([self._signal, missing, signal])

    def add_findings(self, findings: Findings, why: Callable[[int], Explanation] | None = None) -> None:
        """Take the next findings, and what explains a beat of them by its number."""
        time_s = findings.time_s
        kinds = [KINDS[kind] for kind in findings.kind]
        flags = findings.is_anomaly.tolist()
        self._recent.extend(
            (t, anomaly_kind(kind) if flag else kind, flag)
            for t, kind, flag in zip(time_s.tolist(), kinds, flags, strict=True)
        )
        for i in np.flatnonzero(findings.is_anomaly & np.isfinite(findings.score)):
            self._offer(findings, int(i), anomaly_kind(kinds[i]), why)
        for alarm in findings.alarms:
            self._offer_alarm(alarm)
        self._label(findings)

    def finish(self) -> list[Event]:
        """Return the events: anomalies by kind, the strangest first, then alarms by priority."""
        self._cut(np.inf)
        self._assign(self._labels.push([], last=True))
        chosen = [
            candidate
            for kind in reversed(MARKS[1:])
            for candidate in sorted(self._anomalies[kind], key=lambda c: (-c.score, c.time_s))
        ]
        chosen += [candidate for _, candidate in sorted(self._alarms.values(), key=lambda pair: _rank(pair[0]))]
        return [
            Event(title=c.title, time_s=round(c.time_s, 3), strip=c.strip, beat=self._labelled(c.beat))
            for c in chosen
            if c.strip is not None
        ]

    def _offer(self, findings: Findings, i: int, kind: str, why: Callable[[int], Explanation] | None) -> None:
        group = self._anomalies[kind]
        time_s, score = float(findings.r_peak[i] / self._fs), float(findings.score[i])
        near = [other for other in group if abs(other.time_s - time_s) < _APART_S]
        if any(other.score >= score for other in near):
            return
        rest = [other for other in group if other not in near]
        if len(rest) >= _PER_KIND:
            least = min(rest, key=lambda c: c.score)
            if least.score >= score:
                return
            rest.remove(least)
        picture = _picture(findings, i, kind, None if why is None else _why(why(int(findings.beat[i]))))
        new = _Candidate(f"{kind} anomaly", time_s, time_s, score, beat=picture)
        self._anomalies[kind] = [*rest, new]

    def _offer_alarm(self, alarm: Alarm) -> None:
        if alarm.kind in self._alarms:
            return
        centre_s = max(alarm.onset_s, alarm.raised_s - STRIP_S / 2 - 1.0) + 1.0
        candidate = _Candidate(f"{alarm.priority} alarm: {alarm.message}", alarm.raised_s, centre_s)
        self._alarms[alarm.kind] = (alarm, candidate)
        if len(self._alarms) > _ALARM_KINDS:
            self._alarms.pop(max(self._alarms, key=lambda kind: _rank(self._alarms[kind][0])))

    def _pending(self) -> list[_Candidate]:
        candidates = [c for group in self._anomalies.values() for c in group] + [c for _, c in self._alarms.values()]
        return [c for c in candidates if c.strip is None]

    def _cut(self, until_s: float) -> None:
        """Cut the strips that end before a time."""
        for candidate in self._pending():
            if candidate.start_s + STRIP_S <= until_s:
                candidate.strip = self._strip(candidate.start_s)

    def _strip(self, start_s: float) -> Strip:
        step = max(1, round(self._fs / _DRAWN_HZ))
        n = round(STRIP_S * self._fs) // step * step
        first = round(start_s * self._fs)
        window = np.full((n, self._signal.shape[1]), np.nan)
        low, high = max(first, self._start), min(first + n, self._start + len(self._signal))
        if low < high:
            window[low - first : high - first] = self._signal[low - self._start : high - self._start]
        thinned = window.reshape(n // step, step, -1).mean(axis=1)
        begin, end = first / self._fs, (first + n) / self._fs
        shown = slice(*np.searchsorted(self._labels.sample / self._fs, [begin, end]))
        return Strip(
            start_s=round(begin, 4),
            fs=self._fs / step,
            signal=[rounded(lead, 3) for lead in thinned.T],
            beats=[(round(t, 3), kind, flag) for t, kind, flag in self._recent if begin <= t < end],
            reference=[
                (round(sample / self._fs, 3), str(symbol))
                for sample, symbol in zip(self._labels.sample[shown].tolist(), self._labels.symbol[shown], strict=True)
            ],
        )

    def _forget(self, stop: int) -> None:
        """Drop signal and beats that no strip needs any more."""
        oldest_s = min([stop / self._fs - _KEPT_S, *(c.start_s for c in self._pending())])
        oldest_s = max(oldest_s, stop / self._fs - 2 * _KEPT_S)
        first = max(int(oldest_s * self._fs) - 1, self._start)
        self._signal = self._signal[first - self._start :]
        self._start = first
        while self._recent and self._recent[0][0] < oldest_s:
            self._recent.popleft()

    def _label(self, findings: Findings) -> None:
        self._undecided.extend(findings.beat.tolist())
        self._assign(self._labels.push(findings.r_peak))
        wanted = {c.beat.beat for group in self._anomalies.values() for c in group if c.beat}
        self._symbols = {beat: symbol for beat, symbol in self._symbols.items() if beat in wanted}

    def _assign(self, reference: NDArray[np.int64]) -> None:
        for i in reference.tolist():
            beat = self._undecided.popleft()
            if i >= 0:
                self._symbols[beat] = str(self._labels.symbol[i])

    def _labelled(self, beat: BeatPicture | None) -> BeatPicture | None:
        return beat and beat.model_copy(update={"symbol": self._symbols.get(beat.beat)})


def _rank(alarm: Alarm) -> tuple[int, float]:
    return -PRIORITIES.index(alarm.priority), alarm.raised_s


def _number(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def _why(explanation: Explanation) -> Why:
    nearest = explanation.nearest[:1]
    return Why(
        words=explanation.words,
        shape_share=_number(explanation.shape_share),
        rhythm_share=_number(explanation.rhythm_share),
        p_wave_share=_number(explanation.p_wave_share),
        noise_taken_off=_number(explanation.noise_taken_off),
        nearest_time_s=round(nearest[0].time_s, 3) if nearest else None,
        nearest=[rounded(lead, 3) for lead in nearest[0].window.T] if nearest else [],
    )


def _picture(findings: Findings, i: int, kind: str, why: Why | None) -> BeatPicture:
    return BeatPicture(
        beat=int(findings.beat[i]),
        time_s=round(float(findings.r_peak[i] / findings.fs), 3),
        rr_s=_number(float(findings.rr_s[i])),
        score=float(f"{findings.score[i]:.4g}"),
        threshold=_number(float(findings.threshold[i])),
        p_value=_number(float(findings.p_value[i])),
        kind=kind,
        shape=_number(float(findings.shape[i])),
        rhythm=_number(float(findings.rhythm[i])),
        learning=bool(findings.learning[i]),
        symbol=None,
        window=[rounded(lead, 3) for lead in findings.window[i].T],
        expected=[rounded(lead, 3) for lead in findings.expected[i].T],
        why=why,
    )
