"""What the page knows of one patient: bounded buffers of all that a monitor said, and what stands on the tile."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.promise import FEWEST, doubt, has_moved
from pipeline.live.listener import Status
from pipeline.records import KINDS, Alarm, Chunk, Drift, Findings, Gap
from pipeline.web.beatlog import COLUMNS, BeatLog
from pipeline.web.ring import SignalRing

if TYPE_CHECKING:
    from pipeline.storage.database.alarms import StoredAlarm

__all__ = ["Patient", "RaisedAlarm", "beat_fields"]

RATE_BEATS = 8  # R-R intervals in the heart rate shown, beats in the quality shown
BEATS_PER_S = 2.5  # room for beats: 150 a minute
EVENTS = 500  # drifts, gaps and alarms kept
MINUTE_S = 60.0
JUDGED_BEATS = 600  # by which it is told whether the declared rate is in doubt


@dataclass(slots=True)
class RaisedAlarm:
    """An alarm of this run of the monitor, with what became of it.

    Attributes
    ----------
    alarm : Alarm
        The alarm, in its last state.
    id : int or None
        Its number in the database; None until it is stored.
    acknowledged_by : str or None
        Who has taken note of it.
    acknowledged_at_us : int or None
        When.
    """

    alarm: Alarm
    id: int | None = None
    acknowledged_by: str | None = None
    acknowledged_at_us: int | None = None


class Patient:
    """The buffers of one patient. What is read is copied under a lock that is held for microseconds.

    Parameters
    ----------
    number : int
        What the wire calls this patient.
    chunk : Chunk
        The first that came; it tells the rate and the leads.
    history_s : float
        Signal and beats kept, in s.
    """

    def __init__(self, number: int, chunk: Chunk, history_s: float) -> None:
        self.number = number
        self.name, self.fs, self.leads = chunk.record, chunk.fs, chunk.leads
        self.status = Status(chunk.record, "live", chunk.start / chunk.fs, 0, float("nan"))
        self.history_s = history_s
        self.lock = threading.Lock()
        self._ring = SignalRing(max(1, round(history_s * chunk.fs)), len(chunk.leads))
        self._beats: BeatLog | None = None
        self._drifts: deque[Drift] = deque(maxlen=EVENTS)
        self._gaps: deque[Gap] = deque(maxlen=EVENTS)
        self._alarms: OrderedDict[str, RaisedAlarm] = OrderedDict()
        # Times of the last judged beats, negative where they were flagged: more than a crowded page keeps beats.
        self._judged: deque[float] = deque(maxlen=JUDGED_BEATS)
        self.anomalies = 0

    def continues_with(self, chunk: Chunk) -> bool:
        """Tell whether a chunk is of the same stay: one that begins anew counts from 0 again."""
        begins_anew = self.status.state == "ended" or chunk.stop < self._ring.start
        return (chunk.fs, chunk.leads) == (self.fs, self.leads) and (chunk.start >= self._ring.stop or not begins_anew)

    def take_signal(self, chunk: Chunk) -> None:
        """Keep signal."""
        with self.lock:
            self._ring.write(chunk.start, chunk.signal)

    def take_findings(self, findings: Findings) -> NDArray[np.void]:
        """Keep beats, alarms, drifts and gaps; return the beats as rows."""
        with self.lock:
            if self._beats is None:
                steps, leads = findings.window.shape[1:]
                self._beats = BeatLog(max(1, round(self.history_s * BEATS_PER_S)), steps, leads)
            rows = self._beats.extend(findings)
            judged = rows[~rows["learning"] & np.isfinite(rows["score"])]
            self._judged.extend((np.where(judged["is_anomaly"], -1, 1) * (judged["r_peak"] / self.fs)).tolist())
            self.anomalies += int(rows["is_anomaly"].sum())
            self._drifts.extend(findings.drifts)
            self._gaps.extend(findings.gaps)
            for alarm in (*findings.alarms, *findings.updates):
                self._take_state(alarm)
            while len(self._alarms) > EVENTS:
                del self._alarms[self._least_needed()]
            return rows

    def _least_needed(self) -> str:
        """Return the key of the alarm to forget: the oldest that is over and seen to, else that is over, else any."""
        over = [key for key, raised in self._alarms.items() if raised.alarm.ended_s is not None]
        mild = (key for key in over if (one := self._alarms[key]).acknowledged_by or one.alarm.priority != "high")
        return next(mild, None) or next(iter(over or self._alarms))

    def _take_state(self, alarm: Alarm) -> RaisedAlarm:
        """Keep the last state of an alarm; one whose priority has risen is to be acknowledged anew."""
        raised = self._alarms.setdefault(alarm.key, RaisedAlarm(alarm))
        if alarm.revision > raised.alarm.revision:
            if alarm.priority != raised.alarm.priority:
                raised.acknowledged_by = raised.acknowledged_at_us = None
            raised.alarm = alarm
        return raised

    def take_gap(self, gap: Gap) -> None:
        """Keep a gap."""
        with self.lock:
            self._gaps.append(gap)

    def take_stored(self, stored: StoredAlarm, *, add: bool = False) -> RaisedAlarm | None:
        """Note what the database says of an alarm; return it, or None where nobody has heard of it."""
        with self.lock:
            if add:
                self._take_state(stored.alarm)
            raised = self._alarms.get(stored.alarm.key)
            if raised is None:
                return None
            raised.id = stored.id
            if stored.alarm.priority == raised.alarm.priority:  # else it is about the state before
                raised.acknowledged_by, raised.acknowledged_at_us = stored.acknowledged_by, stored.acknowledged_at_us
            return raised

    def take_acknowledged(self, stored: StoredAlarm) -> RaisedAlarm | None:
        """Note who has acknowledged an alarm, known by its number; return it, or None where that is no news."""
        with self.lock:
            raised = self._alarms.get(stored.alarm.key)
            if raised is None or raised.id != stored.id or raised.acknowledged_at_us == stored.acknowledged_at_us:
                return None
            raised.acknowledged_by, raised.acknowledged_at_us = stored.acknowledged_by, stored.acknowledged_at_us
            return raised

    def signal_since(self, position: int, longest: int) -> tuple[int, NDArray[np.int16]]:
        """Return the signal from a position on, but the newest ``longest`` samples at the most."""
        with self.lock:
            return self._ring.read(max(position, self._ring.stop - longest), self._ring.stop)

    def signal(self, start: int, stop: int) -> tuple[int, NDArray[np.int16]]:
        """Return what is kept of a stretch of signal: its first position, and samples in microvolts."""
        with self.lock:
            return self._ring.read(start, stop)

    @property
    def kept(self) -> tuple[int, int]:
        """First position of the signal that is kept, and one past the last."""
        return self._ring.start, self._ring.stop

    def beats(self, start: int, stop: int) -> NDArray[np.void]:
        """Return the kept beats with R peaks in ``[start, stop)``."""
        with self.lock:
            return _NONE if self._beats is None else self._beats.between(start, stop)

    def all_beats(self) -> NDArray[np.void]:
        """Return all beats that are kept; a monitor that is behind shows beats of signal that it does not show."""
        return self.last_beats(max(1, round(self.history_s * BEATS_PER_S)))

    def last_beats(self, n: int) -> NDArray[np.void]:
        """Return the last beats."""
        with self.lock:
            return _NONE if self._beats is None else self._beats.last(n)

    def shapes(self, start: int, stop: int) -> tuple[NDArray[np.void], NDArray[np.int16], NDArray[np.int16]]:
        """Return the beats of :meth:`beats`, with what was seen and expected in microvolts, (n, steps, leads)."""
        with self.lock:
            if self._beats is None:
                nothing = np.empty((0, 0, len(self.leads)), dtype=np.int16)
                return _NONE, nothing, nothing
            return self._beats.shapes(start, stop)

    def drifts(self) -> list[Drift]:
        """Return the newest drifts."""
        with self.lock:
            return list(self._drifts)

    def gaps(self) -> list[Gap]:
        """Return the newest gaps."""
        with self.lock:
            return list(self._gaps)

    def alarms(self) -> list[RaisedAlarm]:
        """Return the newest alarms of this run."""
        with self.lock:
            return list(self._alarms.values())

    def alarm(self, alarm: Alarm) -> RaisedAlarm | None:
        """Return what became of an alarm of this run."""
        with self.lock:
            return self._alarms.get(alarm.key)

    def vitals(self) -> dict[str, Any]:
        """Return what stands on the tile: rate, quality, anomalies in the last minute, and what is in doubt."""
        rows = self.last_beats(round(5 * MINUTE_S))
        if not len(rows):
            return {
                "hr": None, "quality": None, "recent": 0, "anomalies": self.anomalies, "learning": True, "doubt": None
            }  # fmt: skip
        rr = rows["rr_s"][-RATE_BEATS:]
        rr = rr[np.isfinite(rr)]
        recent = rows["is_anomaly"][rows["r_peak"] > rows["r_peak"][-1] - MINUTE_S * self.fs]
        return {
            "hr": float(60.0 / rr.mean()) if len(rr) else None,
            "quality": float(rows["quality"][-RATE_BEATS:].mean()),
            "recent": int(recent.sum()),
            "anomalies": self.anomalies,
            "learning": bool(rows["learning"][-1]),
            "doubt": self._doubt(),
        }

    def _doubt(self) -> str | None:
        """Return why the declared false-alarm rate is not promised now; None where it is, or it is too early."""
        with self.lock:
            judged = list(self._judged)
        if len(judged) < FEWEST:
            return None
        moved = has_moved(drift for drift in self.drifts() if drift.time_s >= abs(judged[0]))
        return doubt(len(judged), sum(at < 0 for at in judged), moved=moved)


_NONE = np.zeros(0, dtype=COLUMNS)


def beat_fields(rows: NDArray[np.void]) -> list[list[Any]]:
    """Return beats as the wire has them: number, R peak, R-R, score, threshold, p, flags, quality, kind, shape, rhythm.

    The flags are 1 for an anomaly, 2 for a drift, 4 while the patient is still being learnt; a number that is not there
    is None.
    """
    return [
        [
            int(row["beat"]),
            int(row["r_peak"]),
            _number(row["rr_s"], 4),
            _number(row["score"], 3),
            _number(row["threshold"], 3),
            _number(row["p_value"], 6),
            int(row["is_anomaly"]) + 2 * int(row["drift"]) + 4 * int(row["learning"]),
            _number(row["quality"], 2),
            KINDS[row["kind"]],
            _number(row["shape"], 3),
            _number(row["rhythm"], 3),
        ]
        for row in rows
    ]


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None
