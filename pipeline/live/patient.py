"""What the engine holds for a patient, beside the monitor in its ward."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from pipeline.live.hearing import Hearing
from pipeline.live.listener import Status
from pipeline.live.sequencer import Sequencer
from pipeline.live.stays import Counts, Stay
from pipeline.records import Alarm

__all__ = ["SILENT_S", "Patient"]

SILENT_S = 3.0  # s without a frame after which a patient's stream is late
OPEN = 16  # alarms that are remembered as open: the state stays small
STUCK_S = 8.0  # s in which nothing comes but frames that were there before
APART_S = 2.0  # s that one message counts for at the most which is no frame: nobody knows how long it would have been


class Patient:
    """One patient's frames, stay, and what was told of it.

    Parameters
    ----------
    name : str
        The patient's name.

    Attributes
    ----------
    sequencer : Sequencer
        Its frames in order.
    hearing : Hearing
        Whether it is heard.
    stay : Stay or None
        The one that is under way, or the last one.
    until_s : float
        End of the last stay, in s from its beginning.
    heard_us : int
        When the last message came.
    told, told_us : Status or None, int
        What listeners know of its stream, and since when.
    to_tell : list of Alarm
        What is told as soon as there is a stay to which it belongs.
    open : dict of str to Alarm
        Alarms that its monitor has raised and not ended, by key, the newest.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sequencer = Sequencer(name)
        self.hearing = Hearing(name)
        self.stay: Stay | None = None
        self.until_s = 0.0
        self.heard_us = 0
        self.told: Status | None = None
        self.told_us = 0
        self.to_tell: list[Alarm] = []
        self.open: dict[str, Alarm] = {}
        self._before = Counts()  # frames that another engine took
        self._refused_us = 0  # when the last message came that is no frame
        self._stuck_us = 0  # since when only frames come that were there before

    def counts(self) -> Counts:
        """Return what became of the frames that this engine took."""
        return self.sequencer.counts.since(self._before)

    def is_deaf(self, now_us: int) -> bool:
        """Tell whether frames come and beats do not."""
        is_live = now_us - self.heard_us <= SILENT_S * 1e6
        return is_live and (self.hearing.is_deaf or self.hearing.is_dropping)

    def begin(self, stay: Stay) -> None:
        """Begin a stay."""
        self.stay = stay
        self.hearing.begin()

    def note(self, states: Iterable[Alarm]) -> None:
        """Take note of states of alarms that its monitor has told."""
        for alarm in states:
            self.open.pop(alarm.key, None)
            if alarm.ended_s is None:
                self.open[alarm.key] = alarm
        while len(self.open) > OPEN:
            del self.open[next(iter(self.open))]

    def close_all(self, at_s: float) -> list[Alarm]:
        """Return the last states of the alarms of a monitor that is gone, and end them."""
        states = [
            replace(alarm, revision=alarm.revision + 1, ended_s=max(at_s, alarm.onset_s))
            for alarm in self.open.values()
        ]
        self.open = {}
        return states

    def begin_anew(self) -> None:
        """Forget where the signal was; the next frame begins another stay."""
        self.until_s = self.sequencer.until_s
        self.hearing.end(self.until_s)
        self.sequencer = self.sequencer.anew()

    def since_refused(self, at_us: int) -> float:
        """Return how much signal a message may have stood for that is no frame, in s."""
        since_s = (at_us - self._refused_us) / 1e6 if self._refused_us else 0.0
        self._refused_us = at_us
        return min(max(since_s, 0.0), APART_S)

    def is_stuck(self, now_us: int, *, is_twin: bool) -> bool:
        """Take note whether a frame was there before; tell whether that has been so for all of them for long."""
        if not is_twin:
            self._stuck_us = 0
        elif not self._stuck_us:
            self._stuck_us = now_us
        return is_twin and now_us - self._stuck_us >= STUCK_S * 1e6

    def snapshot(self) -> tuple[bytes, list[Any]]:
        """Return the carried state: of the sequencer, and the rest as plain values."""
        stay = None if self.stay is None else asdict(self.stay)
        to_tell, still_open = ([asdict(alarm) for alarm in some] for some in (self.to_tell, self.open.values()))
        rest = [stay, self.until_s, self.hearing.snapshot(), to_tell, still_open, self._refused_us]
        return self.sequencer.snapshot(), rest

    def restore(self, sequence: bytes, rest: list[Any]) -> None:
        """Continue from what :meth:`snapshot` returned."""
        self.sequencer.restore(sequence)
        stay, self.until_s, hearing, to_tell, still_open, self._refused_us = rest
        self.stay = None if stay is None else Stay(**{**stay, "leads": tuple(stay["leads"])})
        self.hearing = Hearing.restore(self.name, hearing)
        self.to_tell = [Alarm(**alarm) for alarm in to_tell]
        self.note(Alarm(**alarm) for alarm in still_open)
        self._before = replace(self.sequencer.counts)
