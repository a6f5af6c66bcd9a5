"""From verdicts to what a person is told: rules over runs of beats, over time without beats, and over the signal."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from pipeline.detection.episodes import Episodes
from pipeline.detection.rules import rules_in_force
from pipeline.records import Alarm
from pipeline.settings import AlarmSettings

__all__ = ["WAIT", "AlarmEngine"]

WAIT = 0.5  # s: a beat is out at most so long after its R peak, so only then is silence known to be silence
RATE_BEATS = 8  # R-R intervals in the mean heart rate, beats in the mean noise
RUN, LONG_RUN = 3, 6  # beats


class AlarmEngine:
    """Raise alarms for one patient.

    Its alarms depend on the beats and the holes alone, never on how they were chunked. They are read with :meth:`take`.

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
        self._episodes = Episodes(record, rules_in_force(settings))
        self._recent: deque[bool] = deque(maxlen=settings.n)
        self._intervals: deque[float] = deque(maxlen=RATE_BEATS)
        self._noise: deque[float] = deque(maxlen=RATE_BEATS)
        self._run = 0
        self._ventricular = 0
        self._run_start = (0, 0.0)  # number and time of the run's first beat
        self._last_beat = math.nan
        self._silent_from = math.nan  # since when signal has been there without a beat

    def take(self) -> tuple[tuple[Alarm, ...], tuple[Alarm, ...]]:
        """Return what is told since the last time, and the other states of episodes that have been told."""
        episodes = self._episodes
        out = tuple(episodes.told), tuple(episodes.updates)
        episodes.told.clear()
        episodes.updates.clear()
        return out

    def expire(self, now: float) -> None:
        """Tell that it is ``now``, in s: episodes whose condition has been gone for long enough end."""
        self._episodes.expire(now)

    def finish(self, stop: float) -> None:
        """Tell that the record is over at ``stop``, in s: all episodes end."""
        self._episodes.end_all(stop)

    def beat(
        self,
        number: int,
        time: float,
        decided: float,
        rr: float,
        is_anomaly: bool,
        ventricular: bool,
        noise: float = 0.0,
    ) -> None:
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
        noise : float
            Log of the noise around it over the patient's usual.
        """
        self.expire(decided)
        self.silence(time)
        self._episodes.over("asystole", time)
        self._last_beat = self._silent_from = time
        self._recent.append(is_anomaly)
        if math.isfinite(rr):
            self._intervals.append(rr)
        else:
            self._intervals.clear()
        self._in_a_row(number, time, decided, is_anomaly, ventricular)
        count = sum(self._recent)
        if count >= self.settings.k:
            text = f"{count} anomalies among {len(self._recent)} beats"
            first = number - len(self._recent) + 1
            self._episodes.tell("frequent anomalies", time, decided, first, number, text, true_s=time)
        self._noise.append(noise)
        ratio = math.exp(sum(self._noise) / len(self._noise))
        if len(self._noise) == RATE_BEATS and ratio > self.settings.noise_ratio:
            text = f"noise {ratio:.1f} times the usual"
            self._episodes.tell("noise", time, decided, number - RATE_BEATS + 1, number, text, true_s=time)
        self._rate(number, time, decided)

    def _in_a_row(self, number: int, time: float, decided: float, is_anomaly: bool, ventricular: bool) -> None:
        if not is_anomaly:
            self._run = self._ventricular = 0
            return
        if self._run == 0:
            self._run_start = number, time
        self._run += 1
        self._ventricular = self._ventricular + 1 if ventricular else 0
        # Each rule that holds is told, the gravest first: where one is switched off, the next is not.
        if self._ventricular >= RUN:
            text = f"{self._ventricular} ventricular-like beats in a row"
            self._run_of("ventricular run", number, time, decided, text)
        if self._run >= LONG_RUN:
            self._run_of("long run", number, time, decided, f"{self._run} anomalies in a row")
        if self._run >= RUN:
            self._run_of("run", number, time, decided, f"{self._run} anomalies in a row")
        if self._ventricular >= 2:
            self._run_of("couplet", number, time, decided, f"{self._ventricular} ventricular-like beats in a row")

    def _run_of(self, kind: str, number: int, time: float, decided: float, text: str) -> None:
        first, onset = self._run_start
        rate = 60.0 * (self._run - 1) / (time - onset) if time > onset else None
        self._episodes.tell(kind, onset, decided, first, number, text, longest=self._run, rate_bpm=rate, true_s=time)

    def _rate(self, number: int, time: float, decided: float) -> None:
        if len(self._intervals) < RATE_BEATS:
            return
        rate = 60.0 * RATE_BEATS / sum(self._intervals)
        limits = self.settings
        for kind, passed in (
            ("extreme bradycardia", rate < limits.extreme_brady_bpm),
            ("bradycardia", rate < limits.brady_bpm),
            ("extreme tachycardia", rate > limits.extreme_tachy_bpm),
            ("tachycardia", rate > limits.tachy_bpm),
        ):
            if passed:
                onset, first = time - sum(self._intervals), number - RATE_BEATS
                text = f"{rate:.0f} beats a minute"
                self._episodes.tell(kind, onset, decided, first, number, text, rate_bpm=rate, true_s=time)

    def silence(self, known_until: float) -> None:
        """Tell that no beat stands between the last one and ``known_until``, in s; raise a pause if it is one."""
        start = self._silent_from
        limit = start + self.settings.pause_s
        if not known_until >= limit:  # also while nothing is known
            return
        self._silent_from = math.nan  # one alarm a pause
        text = f"no beat for {self.settings.pause_s:g} s"
        self._episodes.tell("asystole", start, limit + WAIT, -1, -1, text, lasting=True)

    def signal_lost(self, start: float) -> None:
        """Tell that all leads went at ``start``, in s: what follows is no pause of the heart."""
        self.silence(start)
        self._episodes.over("asystole", start)
        self._silent_from = math.nan

    def signal_back(self, stop: float) -> None:
        """Tell that a lead is there again from ``stop`` on, in s."""
        self._silent_from = max(stop, self._last_beat) if math.isfinite(self._last_beat) else stop

    def hole(self, lead: str | None, start: float, reason: str) -> None:
        """Tell that a lead (None: every lead) has been gone since ``start`` for the time that the rule grants."""
        now = start + self.settings.flat_s
        if lead is None:
            self._episodes.tell("no signal", start, now, -1, -1, f"all leads {reason}", lasting=True)
        else:
            self._episodes.tell("lead off", start, now, -1, -1, f"lead {lead} {reason}", subject=lead, lasting=True)

    def hole_over(self, lead: str | None, stop: float) -> None:
        """Tell that a lead (None: every lead) came back at ``stop``, in s."""
        self._episodes.over("no signal" if lead is None else f"lead off {lead}", stop)

    def snapshot(self) -> dict[str, Any]:
        """Return the carried state as plain values."""
        return {
            "recent": list(self._recent),
            "intervals": list(self._intervals),
            "noise": list(self._noise),
            "run": (self._run, self._ventricular, self._run_start),
            "last": (self._last_beat, self._silent_from),
            "episodes": self._episodes.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        self._recent = deque(state["recent"], maxlen=self.settings.n)
        self._intervals = deque(state["intervals"], maxlen=RATE_BEATS)
        self._noise = deque(state["noise"], maxlen=RATE_BEATS)
        self._run, self._ventricular, (number, time) = state["run"]
        self._run_start = number, time
        self._last_beat, self._silent_from = state["last"]
        self._episodes.restore(state["episodes"])
