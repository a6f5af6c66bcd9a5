"""From verdicts to what a person is told: rules over runs of beats, over time without beats, and over the signal."""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from typing import Any

from pipeline.detection.episodes import Episodes
from pipeline.detection.fibrillation import ON
from pipeline.detection.rules import rules_in_force
from pipeline.records import Alarm
from pipeline.settings import AlarmSettings

__all__ = ["WAIT", "AlarmEngine"]

WAIT = 0.5  # s: a beat is out at most so long after its R peak, so only then is silence known to be silence
RATE_BEATS = 8  # R-R intervals in the mean heart rate of extreme tachycardia, beats in the mean noise
SLOW_BEATS, FAST_BEATS = 4, 16  # R-R intervals in the mean heart rate of a slow and of a fast heart
RUN, LONG_RUN = 3, 6  # beats
REGULAR = 0.12  # standard deviation over mean of the intervals of a run that noise does not make
FIBRILLATION_S = 4.0  # s by which fibrillation began before it is found, at the least: the length of a window


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
        self._intervals: deque[float] = deque(maxlen=FAST_BEATS)
        self._noise: deque[float] = deque(maxlen=RATE_BEATS)
        self._run = 0
        self._ventricular = 0
        self._run_start = (0, 0.0)  # number and time of the run's first beat
        self._last_beat = math.nan
        self._silent_from = math.nan  # since when signal has been there without a beat
        self._paused = False
        self._times: deque[float] = deque(maxlen=max(64, settings.vt_beats))  # of the last beats

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
        self._paused = False
        self._last_beat = self._silent_from = time
        self._times.append(time)
        self._recent.append(is_anomaly)
        if math.isfinite(rr):
            self._intervals.append(rr)
        else:
            self._intervals.clear()
        self._noise.append(noise)
        self._in_a_row(number, time, decided, is_anomaly, ventricular)
        count = sum(self._recent)
        if count >= self.settings.k:
            text = f"{count} anomalies among {len(self._recent)} beats"
            first = number - len(self._recent) + 1
            self._episodes.tell("frequent anomalies", time, decided, first, number, text, true_s=time)
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
        # Electrode motion makes ventricular shapes: a run is told where the signal can tell.
        clear = self._noise_of(self.settings.vt_beats) <= self.settings.run_noise_ratio or self._is_regular()
        if self._ventricular >= self.settings.vt_beats and clear:
            n = min(self._ventricular, len(self._times))
            rate = 60.0 * (n - 1) / (time - self._times[-n])
            if rate >= self.settings.vt_bpm:
                text = f"{self._ventricular} ventricular-like beats in a row at {rate:.0f} a minute"
                self._run_of("ventricular tachycardia", number, time, decided, text)
        # Each rule that holds is told, the gravest first: where one is switched off, the next is not.
        if self._ventricular >= RUN and self._noise_of(RUN) <= self.settings.run_noise_ratio:
            text = f"{self._ventricular} ventricular-like beats in a row"
            self._run_of("ventricular run", number, time, decided, text)
        if self._run >= LONG_RUN:
            self._run_of("long run", number, time, decided, f"{self._run} anomalies in a row")
        if self._run >= RUN:
            self._run_of("run", number, time, decided, f"{self._run} anomalies in a row")
        if self._ventricular >= 2 and self._noise_of(RUN) <= self.settings.run_noise_ratio:
            self._run_of("couplet", number, time, decided, f"{self._ventricular} ventricular-like beats in a row")

    def _noise_of(self, beats: int) -> float:
        """Return the noise around the last beats over the usual, as a mean of logs."""
        last = list(self._noise)[-beats:]
        return math.exp(sum(last) / len(last))

    def _is_regular(self) -> bool:
        """Tell whether the run's last intervals are alike, as those of artefacts are not."""
        last = list(self._times)[-self.settings.vt_beats :]
        intervals = [b - a for a, b in pairwise(last)]
        mean = sum(intervals) / len(intervals)
        return sum((one - mean) ** 2 for one in intervals) / len(intervals) <= (REGULAR * mean) ** 2

    def _run_of(self, kind: str, number: int, time: float, decided: float, text: str) -> None:
        first, onset = self._run_start
        rate = 60.0 * (self._run - 1) / (time - onset) if time > onset else None
        self._episodes.tell(kind, onset, decided, first, number, text, longest=self._run, rate_bpm=rate, true_s=time)

    def _rate(self, number: int, time: float, decided: float) -> None:
        limits = self.settings
        for kind, n, sign, limit in (
            ("extreme bradycardia", SLOW_BEATS, -1.0, limits.extreme_brady_bpm),
            ("bradycardia", SLOW_BEATS, -1.0, limits.brady_bpm),
            ("extreme tachycardia", RATE_BEATS, 1.0, limits.extreme_tachy_bpm),
            ("tachycardia", FAST_BEATS, 1.0, limits.tachy_bpm),
        ):
            if len(self._intervals) < n:
                continue
            took = sum(list(self._intervals)[-n:])
            rate = 60.0 * n / took
            if sign * rate > sign * limit:
                text = f"{rate:.0f} beats a minute"
                self._episodes.tell(kind, time - took, decided, number - n, number, text, rate_bpm=rate, true_s=time)

    def window(self, stop: float, fibrillation: float) -> None:
        """Take what the signal of the last seconds up to ``stop``, in s, looks like.

        Parameters
        ----------
        stop : float
            End of the window in s.
        fibrillation : float
            Log odds of ventricular fibrillation or flutter; NaN where nobody can tell.
        """
        self.expire(stop)
        self.silence(stop - WAIT)
        if fibrillation > ON:
            self._episodes.tell(
                "ventricular fibrillation", stop - FIBRILLATION_S, stop, -1, -1, "fibrillation or flutter", true_s=stop
            )

    def silence(self, known_until: float) -> None:
        """Tell that no beat stands between the last one and ``known_until``, in s; raise a pause if it is one."""
        start, limits = self._silent_from, self.settings
        if not known_until >= start + limits.pause_s:  # also while nothing is known
            return
        for kind, limit in (("pause", limits.pause_s), ("asystole", limits.asystole_s)):
            if known_until >= start + limit and (kind == "asystole" or not self._paused):
                now = start + limit + WAIT
                self._episodes.tell(kind, start, now, -1, -1, f"no beat for {limit:g} s", lasting=True)
                self._paused = True
        if known_until >= start + limits.asystole_s:
            # Told once; where fibrillation goes before, silence begins anew.
            self._silent_from = start + limits.asystole_s if self._episodes.lasts("fibrillation") else math.nan

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
            "last": (self._last_beat, self._silent_from, self._paused),
            "times": list(self._times),
            "episodes": self._episodes.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        self._recent = deque(state["recent"], maxlen=self.settings.n)
        self._intervals = deque(state["intervals"], maxlen=FAST_BEATS)
        self._noise = deque(state["noise"], maxlen=RATE_BEATS)
        self._run, self._ventricular, (number, time) = state["run"]
        self._run_start = number, time
        self._last_beat, self._silent_from, self._paused = state["last"]
        self._times.extend(state["times"])
        self._episodes.restore(state["episodes"])
