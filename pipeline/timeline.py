"""What the alarm rules see, in the order of the moments at which it is known for certain, whatever the chunks."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.alarms import WAIT, AlarmEngine
from pipeline.detection.capture import FOLLOWS_S
from pipeline.detection.fibrillation import Level
from pipeline.records import RHYTHMS, Alarm, PulseMark
from pipeline.settings import AlarmSettings
from pipeline.signals.beats import Beats
from pipeline.signals.gaps import ALL, Hole
from pipeline.signals.resample import FS

__all__ = ["AlarmTimeline"]

SETTLED = round(WAIT * FS)  # samples after which all beats before a hole are out
_AF = RHYTHMS.index("(AFIB")
SPIKE = -2  # in the place of a lead: a pacemaker's pulse
_ORDER = ("back", "over", "lost", "gone", "spike")  # of what is due at the same sample


class AlarmTimeline:
    """Bring beats and holes of one patient into one order and give them to the alarm rules.

    A beat is known when it is decided; that the signal was lost or came back, half a second later, when all beats
    before it are out; that a lead is off, when it has been gone for as long as the rule grants.

    Parameters
    ----------
    record : str
        Name of the record, for the alarms.
    fs : float
        Rate of the record in Hz.
    leads : tuple of str
        Names of its leads.
    settings : AlarmSettings
        The numbers in the rules.
    """

    def __init__(self, record: str, fs: float, leads: tuple[str, ...], settings: AlarmSettings) -> None:
        self._fs = fs
        self._leads = leads
        self._flat = round(settings.flat_s * FS)
        self._engine = AlarmEngine(record, settings)
        self._levels: deque[Level] = deque()  # of windows, until it is their turn; empty between chunks
        # Of pulse waves, which are ahead of the electrodes' signal by its filters.
        self._marks: deque[PulseMark] = deque()
        self._open: dict[int, int] = {}  # lead -> start of the hole that is open
        self._events: list[tuple[int, int, int, int, str]] = []  # due, rank in _ORDER, lead, sample, reason

    @property
    def settings(self) -> AlarmSettings:
        """The numbers in the rules. Of others that are set, the limits of :mod:`pipeline.alarm_limits` alone count."""
        return self._engine.settings

    @settings.setter
    def settings(self, settings: AlarmSettings) -> None:
        self._engine.settings = settings

    def advance(
        self,
        beats: Beats,
        number: NDArray[np.int64],
        rr: NDArray[np.float64],
        is_anomaly: NDArray[np.bool_],
        noise: NDArray[np.float64],
        wide: NDArray[np.float64],
        holes: Sequence[Hole],
        clock: int,
        levels: Sequence[Level] = (),
        marks: Sequence[PulseMark] = (),
        states: NDArray[np.uint8] | None = None,
    ) -> tuple[tuple[Alarm, ...], tuple[Alarm, ...]]:
        """Take what a chunk brought; return what a person is told, and the other states of episodes.

        Parameters
        ----------
        beats : Beats
            The beats that it decided.
        number, rr, is_anomaly, noise : ndarray, shape (n,)
            Their running numbers, R-R intervals in s, verdicts and noise, as in ``Scores``.
        wide : ndarray of float64, shape (n,)
            Log odds that they are ventricular by their width and likeness.
        holes : sequence of Hole
            Holes that ended in it, and then those that are open at its end, which stop at ``clock``.
        clock : int
            Samples at the internal rate that have been taken in.
        levels : sequence of Level
            What the windows that ended in it look like.
        marks : sequence of PulseMark
            What became known of pulse waves, in order.
        states : ndarray of uint8, shape (n,), optional
            The rhythm after each beat, as indices into :data:`pipeline.records.RHYTHMS`.
        """
        self._levels.extend(levels)
        self._marks.extend(marks)
        for spike in beats.spikes.tolist():  # settled when all beats are out that it could have started
            due = math.ceil((spike / self._fs + FOLLOWS_S + WAIT) * FS)
            heapq.heappush(self._events, (due, _ORDER.index("spike"), SPIKE, spike, ""))
        for hole in holes:
            self._schedule(hole, is_open=hole.stop == clock)
        decided = beats.decided / self._fs
        for i in range(len(beats)):
            self._due(int(beats.known[i]))
            self._engine.beat(
                int(number[i]),
                float(beats.r_peak[i] / self._fs),
                float(decided[i]),
                float(rr[i]),
                bool(is_anomaly[i]),
                float(wide[i]),
                float(noise[i]),
                atria_fibrillate=states is not None and int(states[i]) == _AF,
            )
        self._due(clock)
        self._engine.expire(clock / FS)
        self._engine.silence((clock - SETTLED) / FS)
        return self._engine.take()

    def finish(self, stop_s: float) -> tuple[tuple[Alarm, ...], tuple[Alarm, ...]]:
        """Take that the record is over at ``stop_s``, in s; return what that brings, as :meth:`advance` does."""
        self._engine.finish(stop_s)
        return self._engine.take()

    def _schedule(self, hole: Hole, *, is_open: bool) -> None:
        long_enough = is_open or hole.stop - hole.start >= self._flat
        if self._open.get(hole.lead) != hole.start:  # seen for the first time
            self._open[hole.lead] = hole.start
            if hole.lead == ALL:
                self._event(hole.start + SETTLED, "lost", hole, hole.start)
            if long_enough:
                self._event(hole.start + self._flat, "gone", hole, hole.start)
        if is_open:
            return
        del self._open[hole.lead]
        self._event(hole.stop + SETTLED, "over", hole, hole.stop)
        if hole.lead == ALL:
            self._event(hole.stop + SETTLED, "back", hole, hole.stop)
        if not long_enough:  # it ended in time: what was scheduled while it was open is off
            off = (hole.start + self._flat, _ORDER.index("gone"), hole.lead, hole.start, hole.reason)
            self._events = [event for event in self._events if event != off]
            heapq.heapify(self._events)

    def _event(self, due: int, what: str, hole: Hole, sample: int) -> None:
        heapq.heappush(self._events, (due, _ORDER.index(what), hole.lead, sample, hole.reason))

    def _due(self, now: int) -> None:
        while True:
            hole = self._events[0][0] if self._events else now + 1
            window = self._levels[0].stop if self._levels else now + 1
            mark = self._marks[0].known if self._marks else now + 1
            if min(hole, window, mark) > now:
                return
            if mark <= min(hole, window):
                self._engine.pulse(self._marks.popleft(), mark / FS)
                continue
            if window < hole:
                level = self._levels.popleft()
                self._engine.window(level.stop / FS, level.fibrillation, level.spread)
                continue
            due, rank, lead, sample, reason = heapq.heappop(self._events)
            self._engine.expire(due / FS)
            if _ORDER[rank] == "spike":
                self._engine.spike(sample / self._fs, due / FS)
                continue
            name = None if lead == ALL else self._leads[lead]
            if _ORDER[rank] == "lost":
                self._engine.signal_lost(sample / FS)
            elif _ORDER[rank] == "back":
                self._engine.signal_back(sample / FS)
            elif _ORDER[rank] == "over":
                self._engine.hole_over(name, sample / FS)
            else:
                self._engine.hole(name, sample / FS, reason)

    def snapshot(self) -> dict[str, Any]:
        """Return the carried state as plain values."""
        marks = [astuple(mark) for mark in self._marks]
        state = {"engine": self._engine.snapshot(), "open": list(self._open.items()), "events": self._events}
        return {**state, "marks": marks} if marks else state

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        self._engine.restore(state["engine"])
        self._open = {int(lead): int(start) for lead, start in state["open"]}
        self._events = [(int(a), int(b), int(c), int(d), str(e)) for a, b, c, d, e in state["events"]]
        self._marks = deque(PulseMark(*mark) for mark in state.get("marks", ()))
