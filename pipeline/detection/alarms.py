"""From verdicts to what a person is told: rules over runs of beats, over time without beats, and over the signal."""

from __future__ import annotations

import math
import statistics
from collections import deque
from itertools import pairwise
from typing import Any

from pipeline.detection.capture import Capture
from pipeline.detection.episodes import Episodes
from pipeline.detection.fibrillation import ON
from pipeline.detection.patterns import AF_S, VENTRICULAR, Patterns
from pipeline.detection.pulses import LATE_S, PulseWatch
from pipeline.detection.rules import rules_in_force
from pipeline.detection.runs import Runs
from pipeline.detection.stillness import Stillness
from pipeline.records import Alarm, PulseMark
from pipeline.settings import AlarmSettings

__all__ = ["WAIT", "AlarmEngine"]

WAIT = 0.5  # s: a beat is out at most so long after its R peak, so only then is silence known to be silence
RATE_BEATS = 8  # R-R intervals in the mean heart rate of extreme tachycardia, beats in the mean noise
SLOW_BEATS, FAST_BEATS = 4, 16  # R-R intervals in the mean heart rate of a slow and of a fast heart
RUN, LONG_RUN = 3, 6  # beats
TIMES = 32  # of beats that are kept
HEARD_S = 3.0  # s since the last beat after which a lead's usual span is no longer learnt
# Beats that come one by one, slower than fibrillation and flutter and more alike, overrule the windows while these are
# not sure: (s) over which they are looked at, intervals at the least, the least median in s, deviation over mean.
ORGANISED_S, ORGANISED, SLOWEST_RR, ALIKE = 5.5, 6, 0.36, 0.4
SURE = 3.0  # log odds of fibrillation that no beats overrule
# Two beats of the patient's own shape so lately say that a run is over which the window of 4 s still holds: log odds of
# being ventricular, s, beats.
OWN, OWN_S, OWN_BEATS = 1.3, 3.0, 2
PULSES_S = 4.0  # s over which pulses tell whether the ventricles fibrillate
APART = 1.3  # times the rate of pulses by which that of beats is another
PART = 0.15  # so near to twice or three times it, a heart that fills too little between two beats moves blood with one
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
        self._runs = Runs(settings.vt_beats)
        self._stillness = Stillness()
        self._pulses = PulseWatch()
        self._patterns = Patterns()
        self._capture = Capture()
        self._own: deque[float] = deque(maxlen=OWN_BEATS)  # of the last beats that look like the patient's own
        self._beats_heard = 0  # up to RATE_BEATS
        self._times: deque[float] = deque(maxlen=TIMES)  # of the last beats
        self._last_beat = math.nan
        self._silent_from = math.nan  # since when signal has been there without a beat
        self._paused = False
        self._unclear = False  # a silence is long enough for an alarm, in signal that cannot tell

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
        wide: float,
        noise: float = 0.0,
        *,
        atria_fibrillate: bool = False,
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
        is_anomaly : bool
            Its verdict.
        wide : float
            Log odds that it is ventricular by its width and likeness, see :mod:`pipeline.detection.width`.
        noise : float
            Log of the noise around it over the patient's usual.
        atria_fibrillate : bool
            Whether the rhythm after it is atrial fibrillation.
        """
        self.expire(decided)
        self.silence(time)
        was_asystole = self._episodes.lasts("asystole") and math.isnan(self._silent_from)
        was_unclear, self._unclear = self._unclear, False
        for cause in ("asystole", "cannot analyse", "signals disagree asystole"):
            self._episodes.over(cause, time)
        self._paused = False
        self._last_beat = self._silent_from = time
        self._times.append(time)
        self._pulses.beat(time)
        self._recent.append(is_anomaly)
        if not is_anomaly and wide < OWN and wide != 0.0:  # 0 is what is not known
            self._own.append(time)
        if not math.isfinite(rr) or was_unclear:
            self._intervals.clear()
        else:  # a standstill that was told is no slow heart as well
            self._intervals.append(min(rr, self.settings.asystole_s) if was_asystole else rr)
        self._runs.beat(number, time, is_anomaly, wide, noise)
        if is_anomaly:
            self._in_a_row(number, time, decided)
        self._capture.beat(time)
        is_clear = math.exp(noise) <= self.settings.run_noise_ratio
        is_ventricular = is_anomaly and wide > VENTRICULAR
        self._patterns.beat(time, rr, is_clear and is_ventricular, is_clear and atria_fibrillate)
        self._pattern(number, time, decided)
        count = sum(self._recent)
        if count >= self.settings.k:
            text = f"{count} anomalies among {len(self._recent)} beats"
            first = number - len(self._recent) + 1
            self._episodes.tell("frequent anomalies", time, decided, first, number, text, true_s=time)
        self._beats_heard = min(self._beats_heard + 1, RATE_BEATS)
        ratio = self._runs.noise(RATE_BEATS)
        if self._beats_heard == RATE_BEATS and ratio > self.settings.noise_ratio:
            text = f"noise {ratio:.1f} times the usual"
            self._episodes.tell("noise", time, decided, number - RATE_BEATS + 1, number, text, true_s=time)
        self._rate(number, time, decided)

    def _in_a_row(self, number: int, time: float, decided: float) -> None:
        runs, limits = self._runs, self.settings
        length, ventricular = runs.length, runs.ventricular
        # Electrode motion makes ventricular shapes: a run is told where the signal can tell.
        clear = runs.noise(limits.vt_beats) <= limits.run_noise_ratio or runs.is_regular()
        if ventricular >= limits.vt_beats and clear and runs.is_wide(limits.vt_beats) and runs.is_another_rhythm():
            rate = runs.rate()
            if rate >= limits.vt_bpm:
                text = f"{ventricular} ventricular-like beats in a row at {rate:.0f} a minute"
                self._run_of("ventricular tachycardia", number, time, decided, text)
        # Each rule that holds is told, the gravest first: where one is switched off, the next is not.
        quiet = runs.noise(RUN) <= limits.run_noise_ratio
        if ventricular >= RUN and quiet and runs.is_wide(RUN) and runs.is_another_rhythm():
            text = f"{ventricular} ventricular-like beats in a row"
            self._run_of("ventricular run", number, time, decided, text)
        if length >= LONG_RUN and runs.is_narrow():
            text = f"{length} anomalies in a row, shaped like the patient's own beats"
            self._run_of("supraventricular run", number, time, decided, text)
        if length >= LONG_RUN:
            self._run_of("long run", number, time, decided, f"{length} anomalies in a row")
        if length >= RUN:
            self._run_of("run", number, time, decided, f"{length} anomalies in a row")
        if ventricular >= 2 and quiet and runs.is_wide(2) and runs.is_another_rhythm():
            self._run_of("couplet", number, time, decided, f"{ventricular} ventricular-like beats in a row")

    def _run_of(self, kind: str, number: int, time: float, decided: float, text: str) -> None:
        first, onset = self._runs.start
        length = self._runs.length
        rate = 60.0 * (length - 1) / (time - onset) if time > onset else None
        self._episodes.tell(kind, onset, decided, first, number, text, longest=length, rate_bpm=rate, true_s=time)

    def _pattern(self, number: int, time: float, decided: float) -> None:
        tell, patterns = self._episodes.tell, self._patterns
        found = patterns.pattern()
        if found is not None:
            name, beats = found
            onset = self._times[-beats] if len(self._times) >= beats else self._times[0]
            tell(name, onset, decided, number - beats + 1, number, f"{name} for {beats} beats", true_s=time)
        if patterns.is_r_on_t():
            tell(
                "R on T", time, decided, number, number, "a ventricular-like beat on the T wave before it", true_s=time
            )
        since = patterns.fibrillates_since(time)
        if since is not None:
            text = f"atrial fibrillation for more than {AF_S:g} s"
            tell("atrial fibrillation", since, decided, -1, number, text, true_s=time)

    def _rate(self, number: int, time: float, decided: float) -> None:
        limits = self.settings
        # An extreme rate that is refuted is no milder alarm either: so pulses that would be one refute nothing.
        milder = {"extreme bradycardia": limits.brady_bpm, "extreme tachycardia": limits.tachy_bpm}
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
                if kind in milder and self._disagree(
                    kind, time - took, time - took, decided, text, (rate, sign, milder[kind])
                ):
                    return
                self._episodes.tell(kind, time - took, decided, number - n, number, text, rate_bpm=rate, true_s=time)

    def window(self, stop: float, fibrillation: float, spread: tuple[float, ...] = ()) -> None:
        """Take what the signal of the last seconds up to ``stop``, in s, looks like.

        Parameters
        ----------
        stop : float
            End of the window in s.
        fibrillation : float
            Log odds of ventricular fibrillation or flutter; NaN where nobody can tell.
        spread : tuple of float
            What each lead spans in the last second, in mV; NaN for one that is away.
        """
        self.expire(stop)
        self.silence(stop - WAIT)
        has_beats = self._last_beat >= stop - HEARD_S and not fibrillation > ON
        self._stillness.second(stop, spread, has_beats=has_beats)
        if self._unclear:
            self._silence(stop, is_still=self._stillness.is_still(self._silent_from, stop - WAIT))
        if not fibrillation > ON:
            return
        text, start = "fibrillation or flutter in the signal", stop - FIBRILLATION_S
        is_sure = fibrillation > SURE or self._pulses.have_stopped(stop)
        if not is_sure and (self._is_organised(stop) or sum(t > stop - OWN_S for t in self._own) == OWN_BEATS):
            return
        # Compressions of the chest make pulses: they end no fibrillation that has been told.
        lasts = self._episodes.is_told("ventricular fibrillation")
        if lasts or not self._disagree("ventricular fibrillation", start, stop - PULSES_S, stop, text):
            self._episodes.tell(
                "ventricular fibrillation", stop - FIBRILLATION_S, stop, -1, -1, "fibrillation or flutter", true_s=stop
            )

    def _is_organised(self, stop: float) -> bool:
        """Tell whether beats came one by one in the last seconds up to ``stop``, in s, below the rate of flutter."""
        intervals = [b - a for a, b in pairwise(self._times) if a > stop - ORGANISED_S]
        if len(intervals) < ORGANISED:
            return False
        alike = statistics.pstdev(intervals) < ALIKE * statistics.fmean(intervals)
        return alike and statistics.median(intervals) > SLOWEST_RR

    def silence(self, known_until: float) -> None:
        """Tell that no beat stands between the last one and ``known_until``, in s; raise a pause if it is one."""
        start, limits = self._silent_from, self.settings
        if not known_until >= start + limits.pause_s:  # also while nothing is known
            return
        if not self._paused:
            self._paused = True
            if self._stillness.is_still(start, start + limits.pause_s):
                now, text = start + limits.pause_s + WAIT, f"no beat for {limits.pause_s:g} s"
                self._episodes.tell("pause", start, now, -1, -1, text, lasting=True)
        if not known_until >= start + limits.asystole_s or self._unclear:
            return
        now = start + limits.asystole_s + WAIT
        self._silence(now, is_still=self._stillness.is_still(start, start + limits.asystole_s))

    def _silence(self, now: float, *, is_still: bool) -> None:
        """Tell what a silence is that is long enough for an alarm: pulses decide, else whether a lead is still."""
        start = self._silent_from
        lasted = f"no beat for {now - WAIT - start:.3g} s"
        if not self._episodes.is_told("asystole") and self._disagree("asystole", start, start + LATE_S, now, lasted):
            self._episodes.over("cannot analyse", now)
            self._unclear = True
        elif is_still or self._pulses.have_stopped(now):
            self._asystole(now)
        elif not self._unclear or self._episodes.lasts("signals disagree asystole"):
            self._unclear = True
            self._episodes.over("signals disagree asystole", now)
            text = f"{lasted}, and no lead is clear enough to tell"
            self._episodes.tell("cannot analyse", start, now, -1, -1, text, lasting=True)

    def _disagree(
        self,
        kind: str,
        onset: float,
        start: float,
        now: float,
        text: str,
        rate: tuple[float, float, float] | None = None,
    ) -> bool:
        """Tell it where pulses from ``start`` on, in s, say that an alarm is none; without pulses nothing says so.

        Of a ``rate`` (it, 1 if it is too high or -1, the limit of the mildest alarm on that side) they say so where
        theirs is another one, and no alarm.
        """
        pulses = self._pulses.rate(start, now)
        if pulses is None:
            return False
        if rate is not None:
            of_beats, sign, limit = rate
            times = of_beats / pulses
            is_part = round(times) > 1 and abs(times - round(times)) <= PART
            if sign * pulses > sign * limit or 1.0 / APART <= times <= APART or is_part:
                return False
        lasting = kind == "asystole"
        text = f"{text}, but pulses at {pulses:.0f} a minute: no {kind} is told"
        self._episodes.tell("signals disagree", onset, now, -1, -1, text, subject=kind, lasting=lasting, true_s=now)
        return True

    def spike(self, at: float, now: float) -> None:
        """Take a pacemaker's pulse at ``at``, in s, now that all beats are known that it could have started."""
        since = self._capture.pulse(at)
        if since is not None:
            text = "pacing pulses start no beat"
            self._episodes.tell("failure to capture", since, now, -1, -1, text, true_s=at)

    def pulse(self, mark: PulseMark, now: float) -> None:
        """Take what became known of a pulse wave at ``now``, in s, in its turn among beats, windows and holes."""
        self._pulses.mark(mark, now)

    def _asystole(self, now: float) -> None:
        start = self._silent_from
        text = f"no beat for {now - WAIT - start:.3g} s"
        for cause in ("cannot analyse", "signals disagree asystole"):
            self._episodes.over(cause, now)
        self._unclear = False
        self._episodes.tell("asystole", start, now, -1, -1, text, lasting=True)
        # Told once; where fibrillation goes before, silence begins anew.
        self._silent_from = now - WAIT if self._episodes.lasts("fibrillation") else math.nan

    def signal_lost(self, start: float) -> None:
        """Tell that all leads went at ``start``, in s: what follows is no pause of the heart."""
        self.silence(start)
        for cause in ("asystole", "cannot analyse", "signals disagree asystole"):
            self._episodes.over(cause, start)
        self._silent_from, self._unclear = math.nan, False

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
            "heard": self._beats_heard,
            "runs": self._runs.snapshot(),
            "stillness": self._stillness.snapshot(),
            "pulses": self._pulses.snapshot(),
            "patterns": self._patterns.snapshot(),
            "capture": self._capture.snapshot(),
            "last": (self._last_beat, self._silent_from, self._paused, self._unclear),
            "times": list(self._times),
            "own": list(self._own),
            "episodes": self._episodes.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        self._recent = deque(state["recent"], maxlen=self.settings.n)
        self._intervals = deque(state["intervals"], maxlen=FAST_BEATS)
        self._beats_heard = state["heard"]
        self._runs.restore(state["runs"])
        self._stillness.restore(state["stillness"])
        self._pulses.restore(state.get("pulses", []))
        if "patterns" in state:
            self._patterns.restore(state["patterns"])
            self._capture.restore(state["capture"])
        self._last_beat, self._silent_from, self._paused, self._unclear = state["last"]
        self._times = deque(state["times"], maxlen=TIMES)
        self._own = deque(state.get("own", []), maxlen=OWN_BEATS)
        self._episodes.restore(state["episodes"])
