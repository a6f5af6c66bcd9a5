"""Whether beats come out of what comes in: a patient who is not heard is an alarm, for whatever reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from pipeline.detection.alarms import WAIT
from pipeline.records import Alarm, Gap

__all__ = ["ANEW", "DROPPED", "DROPPED_S", "NO_BEATS", "Hearing"]

NO_BEATS, DROPPED, ANEW = "no beats", "frames dropped", "monitor anew"
PRIORITY = "medium"

# A person is told within 10 s of signal, of which frames of 1 s may wait 3 s for one that is missing.
DEAF_S = 6.5  # s without a beat; later than a lead that is off is told, and a pause of the heart
DROPPED_S = 6.0  # s of signal that was dropped
HOLE_S = 5.0  # s of lost signal from which on nothing came, so that nothing can be missed in it
LEAK = 0.1  # s of dropped signal that each s which is taken makes good: late frames here and there are no alarm
GAPS = 64  # holes remembered since the last beat
COVERS = frozenset(
    {"asystole", "cannot analyse", "no signal", "signals disagree"}
)  # alarms that tell already why there is no beat


class Hearing:
    """Judge for one patient what comes in against what comes out.

    Times are those of the signal, so that the same frames raise the same alarms at the same moments, however they are
    cut and whenever they come.

    Parameters
    ----------
    patient : str
        The patient's name, for the alarms.

    Attributes
    ----------
    is_deaf : bool
        True while frames come and no beats do.
    ended : list of Alarm
        Last states of alarms whose cause has gone; whoever tells takes them out.
    """

    def __init__(self, patient: str) -> None:
        self.patient = patient
        self.is_deaf = False
        self.ended: list[Alarm] = []
        self._open: dict[str, Alarm] = {}  # by kind, while their cause lasts
        self._is_told = False  # of the beats that do not come
        self._since = 0.0  # s: the last beat, or the stay's beginning
        self._carried = 0.0  # s without a beat in short stays before this one
        self._gaps: list[tuple[float, float]] = []  # holes since then
        self._extras: list[tuple[float, float]] = []  # where signal was dropped since then, and how much, in s
        self._is_covered = False
        self._dropped_s = 0.0
        self._is_drop_told = False

    @property
    def is_dropping(self) -> bool:
        """True while more of the patient's signal is dropped than can be overlooked."""
        return self._is_drop_told

    # What happens to frames.

    def took(self, seconds: float, at_s: float) -> None:
        """Note that signal was taken in, up to ``at_s``."""
        self._dropped_s = max(0.0, self._dropped_s - LEAK * seconds)
        if self._is_drop_told and self._dropped_s < 1.0:
            self._is_drop_told = False
            self._close(DROPPED, at_s)

    def dropped(self, seconds: float, why: str, at_s: float) -> list[Alarm]:
        """Note that signal was dropped or refused, when the signal had come to ``at_s``; return what is to be told."""
        self._dropped_s += seconds
        self._add_extra(at_s, seconds)
        told: list[Alarm] = []
        if self._dropped_s >= DROPPED_S and not self._is_drop_told:
            self._is_drop_told = self._is_covered = True
            onset_s = max(at_s - self._dropped_s, 0.0)
            told = [self._alarm(DROPPED, onset_s, at_s, f"what it sends is dropped: {why}")]
        return told + self._look(at_s - WAIT, at_s)

    def lost(self, gap: Gap) -> None:
        """Note that signal never came."""
        if gap.stop_s - gap.start_s > HOLE_S:
            self._gaps = [*self._gaps[1 - GAPS :], (gap.start_s, gap.stop_s)]

    # What comes out.

    def begin(self) -> None:
        """Note that a stay begins."""
        self._carried += sum(seconds for _, seconds in self._extras)
        self._since, self._gaps, self._extras = 0.0, [], []
        self._is_covered = self._is_drop_told
        self._is_told = self._is_told and self._carried > 0

    def end(self, until_s: float, *, is_discharged: bool = False) -> None:
        """Note that a stay ended: one that was too short for a beat counts with what follows it."""
        is_short = until_s < DEAF_S and self._since == 0.0
        self._carried = self._unheard(until_s, until_s) if is_short else 0.0
        self._extras = []
        for kind in list(self._open):  # what goes on is told anew of the next stay
            self._close(kind, until_s)
        if is_discharged:
            self._carried, self.is_deaf = 0.0, False

    def scored(self, beats_s: Iterable[float], alarms: Iterable[Alarm], known_until_s: float) -> list[Alarm]:
        """Take what came out of a stretch of signal; return what is to be told.

        Parameters
        ----------
        beats_s : iterable of float
            R peaks of the beats, in s.
        alarms : iterable of Alarm
            What was told.
        known_until_s : float
            End of the stretch, in s; all beats until half a second before it are known.
        """
        self._is_covered = self._is_covered or any(alarm.kind in COVERS for alarm in alarms)
        told: list[Alarm] = []
        for beat_s in beats_s:
            told += self._look(beat_s, beat_s)
            self._close(NO_BEATS, beat_s)
            self._since, self._carried, self._is_told, self.is_deaf = beat_s, 0.0, False, False
            self._gaps = [gap for gap in self._gaps if gap[1] > beat_s]
            self._extras = [extra for extra in self._extras if extra[0] > beat_s]
            self._is_covered = self._is_drop_told
        return told + self._look(known_until_s - WAIT, known_until_s - WAIT)

    def anew(self, at_s: float, why: str) -> Alarm:
        """Return what is to be told where the patient's monitor failed and began anew."""
        return replace(self._alarm(ANEW, at_s, at_s, f"its monitor began anew: {why:.160}"), ended_s=at_s)

    def _look(self, until_s: float, dropped_until_s: float) -> list[Alarm]:
        if self._is_told or self._unheard(until_s, dropped_until_s) < DEAF_S:
            return []
        self._is_told = self.is_deaf = True
        if self._is_covered:
            return []
        return [self._alarm(NO_BEATS, self._since, self._deaf_from(), f"no beat is found in {DEAF_S:g} s of signal")]

    def _add_extra(self, at_s: float, seconds: float) -> None:
        if self._extras and (self._extras[-1][0] == at_s or len(self._extras) == GAPS):
            at_s, seconds = self._extras[-1][0], self._extras.pop()[1] + seconds
        self._extras.append((at_s, seconds))

    def _unheard(self, until_s: float, dropped_until_s: float) -> float:
        """Return how much came since the last beat, in s."""
        dropped = sum(seconds for at_s, seconds in self._extras if at_s <= dropped_until_s)
        return self._carried + self._silence(until_s) + dropped

    def _silence(self, until_s: float) -> float:
        """Return the signal without a beat, in s: what was lost in between does not count."""
        lost = sum(max(0.0, min(stop, until_s) - max(start, self._since)) for start, stop in self._gaps)
        return max(0.0, until_s - self._since - lost)

    def _deaf_from(self) -> float:
        """Return where in the signal so much had come, and that no beat was in it was known."""
        at_s, room_s = self._since, DEAF_S - self._carried
        skips = [*((stop, 0.0, start) for start, stop in self._gaps), *((at, drop, at) for at, drop in self._extras)]
        for stop, drop, start in sorted(skips, key=lambda skip: skip[2]):
            if start - at_s > room_s:
                break
            room_s -= max(start - at_s, 0.0) + drop
            at_s = max(at_s, stop)
            if room_s <= 0:
                return at_s
        return at_s + max(room_s, 0.0) + WAIT

    def _alarm(self, kind: str, onset_s: float, raised_s: float, message: str) -> Alarm:
        alarm = Alarm(self.patient, kind, PRIORITY, False, onset_s, raised_s, -1, -1, message)
        if kind != ANEW:
            self._open[kind] = alarm
        return alarm

    def _close(self, kind: str, at_s: float) -> None:
        alarm = self._open.pop(kind, None)
        if alarm is not None:
            self.ended.append(replace(alarm, revision=alarm.revision + 1, ended_s=max(at_s, alarm.onset_s)))

    def snapshot(self) -> list[Any]:
        """Return the carried state as plain values."""
        return [
            self.is_deaf, self._is_told, self._since, self._carried, self._gaps, self._extras,
            self._is_covered, self._dropped_s, self._is_drop_told, [asdict(alarm) for alarm in self._open.values()],
        ]  # fmt: skip

    @classmethod
    def restore(cls, patient: str, state: list[Any]) -> Hearing:
        """Continue from a state that :meth:`snapshot` returned."""
        hearing = cls(patient)
        (
            hearing.is_deaf, hearing._is_told, hearing._since, hearing._carried, gaps, extras,
            hearing._is_covered, hearing._dropped_s, hearing._is_drop_told, still_open,
        ) = state  # fmt: skip
        hearing._gaps = [(start, stop) for start, stop in gaps]
        hearing._extras = [(at_s, seconds) for at_s, seconds in extras]
        hearing._open = {alarm["kind"]: Alarm(**alarm) for alarm in still_open}
        return hearing
