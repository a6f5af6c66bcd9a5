"""From verdicts to what a person is told: rules over runs of beats, over time without beats, and over the signal."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from pipeline.records import Alarm
from pipeline.settings import AlarmSettings

__all__ = ["RULES", "WAIT", "AlarmEngine", "Rule"]

WAIT = 0.5  # s: a beat is out at most so long after its R peak, so only then is silence known to be silence
RATE_BEATS = 8  # R-R intervals in the mean heart rate


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, as data.

    Attributes
    ----------
    kind : str
        Its name.
    priority : str
        ``high``, ``medium`` or ``low``.
    physiological : bool
        False if it is about the signal.
    meaning : str
        When it is raised, in words; names in braces are settings.
    """

    kind: str
    priority: str
    physiological: bool
    meaning: str


RULES = {
    rule.kind: rule
    for rule in (
        Rule("pause", "high", True, "no beat for {pause_s:g} s while the signal is there"),
        Rule("ventricular run", "high", True, "3 or more ventricular-like anomalies in a row"),
        Rule("run", "medium", True, "3 or more anomalies in a row"),
        Rule("bradycardia", "medium", True, "mean rate of 8 beats below {brady_bpm:g}/min"),
        Rule("tachycardia", "medium", True, "mean rate of 8 beats above {tachy_bpm:g}/min"),
        Rule("frequent anomalies", "low", True, "{k} anomalies among the last {n} beats"),
        Rule("no signal", "medium", False, "every lead missing or flat for {flat_s:g} s"),
        Rule("lead off", "low", False, "one lead missing or flat for {flat_s:g} s"),
    )
}


class AlarmEngine:
    """Raise alarms for one patient.

    Its alarms depend on the beats and the holes alone, never on how they were chunked.

    Parameters
    ----------
    record : str
        Name of the record, for the alarms.
    settings : AlarmSettings
        The numbers in the rules.
    """

    def __init__(self, record: str, settings: AlarmSettings) -> None:
        self.record = record
        self.settings = settings
        self._recent: deque[bool] = deque(maxlen=settings.n)
        self._intervals: deque[float] = deque(maxlen=RATE_BEATS)
        self._run = 0
        self._ventricular = 0
        self._run_start = (0, 0.0)  # number and time of the run's first beat
        self._last_beat = math.nan
        self._silent_from = math.nan  # since when signal has been there without a beat
        self._until: dict[str, float] = {}

    def _raise(
        self, kind: str, onset: float, now: float, first: int, last: int, message: str, key: str = ""
    ) -> list[Alarm]:
        rule = RULES[kind]
        if now < self._until.get(kind + key, -math.inf):
            return []
        self._until[kind + key] = now + self.settings.refractory_s
        return [Alarm(self.record, kind, rule.priority, rule.physiological, onset, now, first, last, message)]

    def beat(
        self, number: int, time: float, decided: float, rr: float, is_anomaly: bool, ventricular: bool
    ) -> list[Alarm]:
        """Take one beat.

        Parameters
        ----------
        number : int
            Running number of the beat.
        time, decided : float
            Its R peak and when it was out, in s.
        rr : float
            R-R interval in s, NaN if not known.
        is_anomaly, ventricular : bool
            Its verdict, and whether it looks ventricular.
        """
        alarms = self.silence(time)
        self._last_beat = self._silent_from = time
        self._recent.append(is_anomaly)
        if is_anomaly:
            if self._run == 0:
                self._run_start = number, time
            self._run += 1
            self._ventricular = self._ventricular + 1 if ventricular else 0
            first, onset = self._run_start
            if self._ventricular >= 3:
                text = f"{self._ventricular} ventricular-like beats in a row"
                alarms += self._raise("ventricular run", onset, decided, first, number, text)
            elif self._run >= 3:
                alarms += self._raise("run", onset, decided, first, number, f"{self._run} anomalies in a row")
        else:
            self._run = self._ventricular = 0
        count = sum(self._recent)
        if count >= self.settings.k:
            text = f"{count} anomalies among {len(self._recent)} beats"
            first = number - len(self._recent) + 1
            alarms += self._raise("frequent anomalies", time, decided, first, number, text)
        if math.isfinite(rr):
            self._intervals.append(rr)
            alarms += self._rate(number, time, decided)
        else:
            self._intervals.clear()
        return alarms

    def _rate(self, number: int, time: float, decided: float) -> list[Alarm]:
        if len(self._intervals) < RATE_BEATS:
            return []
        rate = 60.0 * RATE_BEATS / sum(self._intervals)
        first = number - RATE_BEATS
        onset = time - sum(self._intervals)
        if rate < self.settings.brady_bpm:
            return self._raise("bradycardia", onset, decided, first, number, f"{rate:.0f} beats a minute")
        if rate > self.settings.tachy_bpm:
            return self._raise("tachycardia", onset, decided, first, number, f"{rate:.0f} beats a minute")
        return []

    def silence(self, known_until: float) -> list[Alarm]:
        """Tell that no beat stands between the last one and ``known_until``, in s; raise a pause if it is one."""
        start = self._silent_from
        limit = start + self.settings.pause_s
        if not known_until >= limit:  # also while nothing is known
            return []
        self._silent_from = math.nan  # one alarm a pause
        text = f"no beat for {self.settings.pause_s:g} s"
        return self._raise("pause", start, limit + WAIT, -1, -1, text)

    def signal_lost(self, start: float) -> list[Alarm]:
        """Tell that all leads went at ``start``, in s: what follows is no pause of the heart."""
        alarms = self.silence(start)
        self._silent_from = math.nan
        return alarms

    def signal_back(self, stop: float) -> None:
        """Tell that a lead is there again from ``stop`` on, in s."""
        self._silent_from = max(stop, self._last_beat) if math.isfinite(self._last_beat) else stop

    def hole(self, lead: str | None, start: float, reason: str) -> list[Alarm]:
        """Tell that a lead (None: every lead) has been gone since ``start`` for the time that the rule grants."""
        now = start + self.settings.flat_s
        if lead is None:
            return self._raise("no signal", start, now, -1, -1, f"all leads {reason}")
        return self._raise("lead off", start, now, -1, -1, f"lead {lead} {reason}", key=lead)

    def snapshot(self) -> dict[str, Any]:
        """Return the carried state as plain values."""
        return {
            "recent": list(self._recent),
            "intervals": list(self._intervals),
            "run": (self._run, self._ventricular, self._run_start),
            "last": (self._last_beat, self._silent_from),
            "until": dict(self._until),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        self._recent = deque(state["recent"], maxlen=self.settings.n)
        self._intervals = deque(state["intervals"], maxlen=RATE_BEATS)
        self._run, self._ventricular, (number, time) = state["run"]
        self._run_start = number, time
        self._last_beat, self._silent_from = state["last"]
        self._until = dict(state["until"])
