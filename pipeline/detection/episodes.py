"""Alarms with a life: an episode begins, may grow worse, and ends; a person is told of it once at each priority."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.detection.rules import RANKS, Rule
from pipeline.records import Alarm

__all__ = ["Episodes"]

PROGRESS_S = 60.0  # s between two updates of an episode that grows


@dataclass(slots=True)
class _Open:
    """An episode that has not been forgotten: it lasts, or has ended so lately that it may come back."""

    alarm: Alarm  # as it was told last
    last_true_s: float  # when its condition held last
    until_s: float  # it ends if its condition does not hold again by then; inf while something lasts by itself
    calm_s: float
    refractory_s: float
    progress_s: float  # when it is next due for an update
    last_beat: int
    longest: int
    rate_bpm: float | None
    ended: bool = False
    came_back_from_s: float | None = None  # when it had ended, before its condition came back

    def now(self) -> Alarm:
        """Return its present state, a revision further."""
        return replace(
            self.alarm,
            last_beat=self.last_beat,
            longest=self.longest,
            rate_bpm=self.rate_bpm,
            revision=self.alarm.revision + 1,
            ended_s=self.last_true_s if self.ended else None,
        )


class Episodes:
    """The episodes of one patient, by their cause.

    Parameters
    ----------
    record : str
        Name of the record, for the alarms.
    rules : mapping of str to Rule
        The rules in force.

    Attributes
    ----------
    told : list of Alarm
        What a person is told: new episodes, and those whose priority has risen. Whoever reads it empties it.
    updates : list of Alarm
        The other states: an episode that grew, ended, or came back within its refractory time.
    """

    def __init__(self, record: str, rules: Mapping[str, Rule]) -> None:
        self._record = record
        self._rules = rules
        self._open: dict[str, _Open] = {}
        self.told: list[Alarm] = []
        self.updates: list[Alarm] = []

    def lasts(self, *causes: str) -> bool:
        """Tell whether an episode of one of these causes goes on."""
        return any(cause in self._open and not self._open[cause].ended for cause in causes)

    def is_told(self, kind: str) -> bool:
        """Tell whether an alarm of this kind has been told that goes on."""
        return any(episode.alarm.kind == kind and not episode.ended for episode in self._open.values())

    def _is_said(self, rule: Rule) -> bool:
        """Tell whether an episode of no less priority goes on that says more than a new one of this rule would."""
        of = [self._open[cause] for cause in rule.quiet_while if self.lasts(cause)]
        return any(RANKS[episode.alarm.priority] >= RANKS[rule.priority] for episode in of)

    def tell(
        self,
        kind: str,
        onset_s: float,
        now_s: float,
        first_beat: int,
        last_beat: int,
        message: str,
        *,
        subject: str = "",
        longest: int = 0,
        rate_bpm: float | None = None,
        true_s: float | None = None,
        lasting: bool = False,
    ) -> None:
        """Take that the condition of a rule holds.

        Parameters
        ----------
        kind : str
            The rule; nothing happens if it is off.
        onset_s, now_s : float
            When it began, and when it is known, in s.
        first_beat, last_beat : int
            The beats that it is about, -1 if none.
        message : str
            One line for a person.
        subject : str
            What it is about where several may be at once, such as a lead.
        longest : int
            Beats of the run.
        rate_bpm : float, optional
            Its rate in beats a minute.
        true_s : float, optional
            The last moment of which it is known that the condition held; ``now_s`` by default.
        lasting : bool
            True if it holds until :meth:`over` says otherwise, False if only as long as it is told.
        """
        rule = self._rules.get(kind)
        if rule is None:
            return
        true_s = now_s if true_s is None else true_s
        cause = f"{rule.cause} {subject}".strip()
        episode = self._open.get(cause)
        if episode is not None and self._is_another(episode, rule):
            self._close(cause, now_s)
            episode = None
        if episode is None:
            if self._is_said(rule):
                return
            key = f"{cause}@{round(now_s * 1e6)}"
            alarm = Alarm(
                self._record, kind, rule.priority, rule.physiological, onset_s, now_s, first_beat, last_beat, message,
                key, 0, None, longest, rate_bpm,
            )  # fmt: skip
            self._open[cause] = episode = _Open(
                alarm, true_s, 0.0, rule.calm_s, rule.refractory_s, now_s + PROGRESS_S, last_beat, longest, rate_bpm
            )
            self.told.append(alarm)
        else:
            self._go_on(episode, rule, now_s, last_beat, message, longest, rate_bpm, true_s)
        episode.until_s = math.inf if lasting else true_s + episode.calm_s

    def _go_on(
        self,
        episode: _Open,
        rule: Rule,
        now_s: float,
        last_beat: int,
        message: str,
        longest: int,
        rate_bpm: float | None,
        true_s: float,
    ) -> None:
        was_over, episode.ended = episode.ended, False
        if was_over:
            episode.came_back_from_s = episode.last_true_s
        episode.last_true_s = max(true_s, episode.last_true_s)
        episode.last_beat = max(last_beat, episode.last_beat)
        episode.longest = max(longest, episode.longest)
        if rate_bpm is not None:
            worst = min if rule.slow else max
            episode.rate_bpm = rate_bpm if episode.rate_bpm is None else worst(rate_bpm, episode.rate_bpm)
        if RANKS[rule.priority] > RANKS[episode.alarm.priority]:
            episode.calm_s, episode.refractory_s = rule.calm_s, rule.refractory_s
            episode.alarm = replace(
                episode.now(), kind=rule.kind, priority=rule.priority, raised_s=now_s, message=message
            )
            episode.progress_s = now_s + PROGRESS_S
            self.told.append(episode.alarm)
        elif was_over:
            self._update(episode, now_s)

    @staticmethod
    def _is_another(episode: _Open, rule: Rule) -> bool:
        """Tell whether what is graver than an episode that had ended has come: it is not that episode grown worse."""
        had_ended = episode.ended or episode.came_back_from_s is not None
        return had_ended and RANKS[rule.priority] > RANKS[episode.alarm.priority]

    def _close(self, cause: str, now_s: float) -> None:
        """Take an episode for ended when it had ended first, for what brought it back was the start of another."""
        episode = self._open.pop(cause)
        if episode.came_back_from_s is not None and not episode.ended:
            episode.last_true_s, episode.ended = episode.came_back_from_s, True
            self._update(episode, now_s)

    def over(self, cause: str, at_s: float) -> None:
        """Take that what lasts by itself was over at ``at_s``, in s; its episode ends when its calm has passed."""
        episode = self._open.get(cause)
        if episode is not None and not episode.ended:
            episode.last_true_s = max(at_s, episode.last_true_s)
            episode.until_s = at_s + episode.calm_s

    def expire(self, now_s: float) -> None:
        """Take that it is ``now_s``, in s, all until then having been told: end what is calm, show what grew."""
        while True:
            due_s, cause = min(((self._due(one), cause) for cause, one in self._open.items()), default=(math.inf, ""))
            if due_s > now_s:
                return
            episode = self._open[cause]
            if episode.ended:
                del self._open[cause]
            elif episode.until_s <= due_s:
                episode.ended = True
                self._update(episode, due_s)
                if episode.refractory_s <= 0:
                    del self._open[cause]
            else:
                grown = (episode.last_beat, episode.longest, episode.rate_bpm)
                if grown != (episode.alarm.last_beat, episode.alarm.longest, episode.alarm.rate_bpm):
                    self._update(episode, due_s)
                episode.progress_s = due_s + PROGRESS_S

    def end_all(self, at_s: float) -> None:
        """End what still lasts: the record is over at ``at_s``, in s."""
        self.expire(at_s)
        for episode in self._open.values():
            if not episode.ended:
                episode.last_true_s = at_s if math.isinf(episode.until_s) else min(episode.last_true_s, at_s)
                episode.ended = True
                self._update(episode, at_s)
        self._open.clear()

    @staticmethod
    def _due(episode: _Open) -> float:
        if episode.ended:
            return episode.until_s + episode.refractory_s
        return min(episode.until_s, episode.progress_s)

    def _update(self, episode: _Open, now_s: float) -> None:
        episode.alarm = episode.now()
        episode.progress_s = now_s + PROGRESS_S
        self.updates.append(episode.alarm)

    def snapshot(self) -> dict[str, Any]:
        """Return the carried state as plain values."""
        return {cause: asdict(episode) for cause, episode in self._open.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state that :meth:`snapshot` returned, also by way of JSON."""
        self._open = {cause: _Open(**{**values, "alarm": Alarm(**values["alarm"])}) for cause, values in state.items()}
