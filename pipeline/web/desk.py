"""Alarms on their way to the database and back: a thread of its own, so that scoring never waits for a disk."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from pipeline.clock import now_us
from pipeline.errors import OutputError
from pipeline.records import Alarm
from pipeline.settings import AlarmSettings
from pipeline.storage.database.acknowledging import AlarmAction
from pipeline.storage.database.alarms import StoredAlarm
from pipeline.storage.database.connection import Database
from pipeline.storage.database.limits import LimitChange
from pipeline.web.hub import Hub

__all__ = ["AlarmDesk"]

log = logging.getLogger(__name__)

RETRY_S = 2.0  # wait after the database could not be used
BATCH = 200  # alarms written in one transaction at the most
AGAIN_S = 0.3  # wait for a worker that stores alarms itself
FORGET_S = 300.0  # after which an alarm that a worker has not stored is another worker's
LOOK_S = 1.0  # between two looks at what other processes have acknowledged
SKEW_S = 120.0  # by which their clocks may be off
CHANGES = 100  # of limits that are told
SEARCHED = 1000  # alarms of a record among which one just written is looked for


@dataclass(frozen=True, slots=True)
class _Item:
    """An alarm on its way; without one, a stay whose earlier alarms are to be found."""

    record: str
    began_us: int
    alarm: Alarm | None = None
    since: float = field(default_factory=time.monotonic)


class AlarmDesk:
    """Store a hub's alarms, find out their numbers, and note who acknowledges them.

    While the database is away alarms wait in memory and stand on the page all the same; none is dropped.

    Parameters
    ----------
    hub : Hub
        Whose alarms; it is told what the database says of them.
    database : Database
        Where to.
    origin : str or None
        What tells alarms of this run of the monitor from those of another; None where a worker stores them itself, so
        that this only finds out their numbers, and those of the same stay that were raised before this page was there.
    alarms : AlarmSettings, optional
        The limits that hold where a patient has none of its own.
    now_us : callable, optional
        Wall clock, in microseconds since 1970 UTC.
    """

    def __init__(
        self,
        hub: Hub,
        database: Database,
        origin: str | None,
        *,
        alarms: AlarmSettings | None = None,
        now_us: Callable[[], int] = now_us,
    ) -> None:
        self._hub = hub
        self._database = database
        self._origin = origin
        self._alarms = alarms or AlarmSettings()
        self._now_us = now_us
        self._incoming: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._waiting: list[_Item] = []
        self._thread = threading.Thread(target=self._run, name="alarm-desk", daemon=True)
        self._stop = threading.Event()
        self._looker = threading.Thread(target=self._look, name="alarm-looker", daemon=True)
        self.trouble: str | None = None

    def __enter__(self) -> Self:
        self._hub.on_alarm = lambda alarm, began_us: self._incoming.put(_Item(alarm.record, began_us, alarm))
        if self._origin is None:
            self._hub.on_stay = lambda record, began_us: self._incoming.put(_Item(record, began_us))
        self._thread.start()
        self._looker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._hub.on_alarm = self._hub.on_stay = None
        self._stop.set()
        self._incoming.put(None)
        self._thread.join()
        self._looker.join()

    def acknowledge(self, numbers: Collection[int], by: str) -> list[StoredAlarm]:
        """Note who has taken note of alarms, all of them or none; every page hears of it. Waits for the database.

        Raises
        ------
        ValueError
            If one of them is not there, or ``by`` is blank.
        OutputError
            If the database cannot be used.
        """
        stored = self._database.alarms.acknowledge_all(numbers, by, at_us=self._now_us())
        self._hub.metrics.acknowledged.inc(len(stored))
        return self._told(stored, "acknowledged", by)

    def take_back(self, numbers: Collection[int], by: str) -> list[StoredAlarm]:
        """Undo acknowledgements, all of them or none; as :meth:`acknowledge`."""
        return self._told(self._database.alarms.take_back(numbers, by, at_us=self._now_us()), "taken back", by)

    def _told(self, stored: list[StoredAlarm], what: str, by: str) -> list[StoredAlarm]:
        for one in stored:
            self._hub.stored(one)
            log.info("alarm %s", what, extra={"alarm": one.id, "by": by})
        return stored

    def actions(self, limit: int) -> list[AlarmAction]:
        """Return who did what about alarms, the last first. Waits for the database."""
        return self._database.alarms.actions(limit)

    def history(self, record: str, limit: int) -> list[StoredAlarm]:
        """Return a patient's alarms of all sessions, the newest first. Waits for the database."""
        return self._database.alarms.newest(limit, record=record)

    def knows(self, number: int) -> bool:
        """Tell whether there is an alarm of this number, of any session. Waits for the database."""
        return bool(self._database.alarms.newest(1, numbers=[number]))

    def limits(self, patient: str) -> tuple[AlarmSettings, dict[str, float], list[LimitChange]]:
        """Return a patient's usual limits, those that somebody set, and who did, the last first.

        Waits for the database.
        """
        store = self._database.limits
        return self._alarms.of(patient), store.current(patient).get(patient, {}), store.history(patient, CHANGES)

    def set_limits(self, patient: str, limits: Mapping[str, float | None], by: str) -> None:
        """Set limits of a patient, None to the usual ones; they hold within two seconds. Waits for the database.

        Raises
        ------
        ValueError
            If there is no such limit, one is outside its range, a milder one lies beyond the graver one, or ``by`` is
            blank.
        OutputError
            If the database cannot be used.
        """
        check = partial(self._alarms.of, patient)
        self._database.limits.set(patient, limits, by, at_us=self._now_us(), check=check)
        log.info("limits set", extra={"patient": patient, "by": by, "limits": dict(limits)})

    def _look(self) -> None:
        """Tell the hub what other processes acknowledge, a second later at the most."""
        while not self._stop.wait(LOOK_S):
            try:
                since_us = self._now_us() - round(SKEW_S * 1e6)
                lately = self._database.alarms.acknowledged(since_us)
            except OutputError:
                continue  # the other thread says so, and the next look sees what this one missed
            for stored in lately:
                self._hub.acknowledged(stored)

    def _run(self) -> None:
        while not (self._stop.is_set() and not self._waiting):
            self._gather()
            try:
                self._store()
            except OutputError as error:
                if self.trouble is None:
                    log.warning("alarms wait for the database: %s", error)
                self.trouble = str(error)
                if self._stop.wait(RETRY_S):
                    log.error("%d alarms could not be stored: %s", len(self._waiting), error)
                    return
            else:
                self.trouble = None
                # What a worker has not stored yet is asked for again soon; at the end nobody waits for it.
                if self._waiting and self._stop.wait(AGAIN_S):
                    return
            self._hub.metrics.unstored.set(sum(item.alarm is not None for item in self._waiting))

    def _gather(self) -> None:
        """Take what came in; wait for it where nothing else waits."""
        while not self._waiting or (len(self._waiting) < BATCH and not self._incoming.empty()):
            item = self._incoming.get()
            if item is None:
                return
            self._waiting.append(item)

    def _store(self) -> None:
        """Write down what waits; it stops waiting when its number is known."""
        if self._origin is not None:
            for began_us in {item.began_us for item in self._waiting}:
                alarms = [item.alarm for item in self._waiting if item.alarm is not None and item.began_us == began_us]
                self._database.alarms.add(self._origin, alarms, at_us=self._now_us(), started_at_us=began_us or None)
        still: list[_Item] = []
        for record in {item.record for item in self._waiting}:
            stored = self._database.alarms.newest(SEARCHED, origin=self._origin, record=record)
            still += [item for item in self._waiting if item.record == record and not self._found(item, stored)]
        now = time.monotonic()
        self._waiting = [item for item in still if now - item.since < FORGET_S]

    def _found(self, item: _Item, stored: Sequence[StoredAlarm]) -> bool:
        """Tell the hub what is stored of an item; return whether that is all."""
        mine = [one for one in stored if self._origin is not None or one.started_at_us == item.began_us]
        if item.alarm is None:
            for one in reversed(mine):
                self._hub.stored(one, add=True)
            return True
        for one in mine:
            if one.alarm.key == item.alarm.key and one.alarm.revision >= item.alarm.revision:
                self._hub.stored(one)
                return True
        return False
