"""Alarms on their way to the database and back: a thread of its own, so that scoring never waits for a disk."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pipeline.errors import OutputError
from pipeline.records import Alarm
from pipeline.storage.database.alarms import StoredAlarm
from pipeline.storage.database.connection import Database
from pipeline.web.hub import Hub

__all__ = ["AlarmDesk"]

log = logging.getLogger(__name__)

RETRY_S = 2.0  # wait after the database could not be used
BATCH = 200  # alarms written in one transaction at the most
SEARCHED = 1000  # alarms of a record among which one just written is looked for


def _now_us() -> int:
    return time.time_ns() // 1000


class AlarmDesk:
    """Store a hub's alarms, find out their numbers, and note who acknowledges them.

    While the database is away alarms wait in memory and stand on the page all the same; none is dropped.

    Parameters
    ----------
    hub : Hub
        Whose alarms; it is told what the database says of them.
    database : Database
        Where to.
    origin : str
        The session: what tells alarms of this run of the monitor from those of another.
    now_us : callable, optional
        Wall clock, in microseconds since 1970 UTC.
    """

    def __init__(self, hub: Hub, database: Database, origin: str, *, now_us: Callable[[], int] = _now_us) -> None:
        self._hub = hub
        self._database = database
        self._origin = origin
        self._now_us = now_us
        self._incoming: queue.SimpleQueue[tuple[Alarm, int] | None] = queue.SimpleQueue()
        self._waiting: deque[tuple[Alarm, int]] = deque()
        self._thread = threading.Thread(target=self._run, name="alarm-desk", daemon=True)
        self._stop = threading.Event()
        self.trouble: str | None = None

    def __enter__(self) -> Self:
        self._hub.on_alarm = lambda alarm, began_us: self._incoming.put((alarm, began_us))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._hub.on_alarm = None
        self._stop.set()
        self._incoming.put(None)
        self._thread.join()

    def acknowledge(self, number: int, by: str) -> StoredAlarm:
        """Note who has taken note of an alarm; every page hears of it. Waits for the database.

        Raises
        ------
        ValueError
            If there is no such alarm, or ``by`` is blank.
        OutputError
            If the database cannot be used.
        """
        stored = self._database.alarms.acknowledge(number, by, at_us=self._now_us())
        self._hub.metrics.acknowledged.inc()
        self._hub.stored(stored)
        log.info("alarm acknowledged", extra={"alarm": number, "by": by})
        return stored

    def history(self, record: str, limit: int) -> list[StoredAlarm]:
        """Return a patient's alarms of all sessions, the newest first. Waits for the database."""
        return self._database.alarms.newest(limit, record=record)

    def _run(self) -> None:
        while True:
            if not self._waiting:
                item = self._incoming.get()
                if item is None:
                    return
                self._waiting.append(item)
            while len(self._waiting) < BATCH and not self._incoming.empty():
                item = self._incoming.get()
                if item is not None:
                    self._waiting.append(item)
            self._hub.metrics.unstored.set(len(self._waiting))
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
            self._hub.metrics.unstored.set(len(self._waiting))

    def _store(self) -> None:
        """Write down what waits; it stops waiting when it is stored and its number is known."""
        batch = list(self._waiting)
        for began_us in {began_us for _, began_us in batch}:
            alarms = [alarm for alarm, began in batch if began == began_us]
            self._database.alarms.add(self._origin, alarms, at_us=self._now_us(), started_at_us=began_us or None)
        new = {(alarm.record, alarm.kind, round(alarm.raised_s * 1e6), alarm.message) for alarm, _ in batch}
        for record in {alarm.record for alarm, _ in batch}:
            for stored in self._database.alarms.newest(SEARCHED, origin=self._origin, record=record):
                alarm = stored.alarm
                if (record, alarm.kind, round(alarm.raised_s * 1e6), alarm.message) in new:
                    self._hub.stored(stored)
        for _ in batch:
            self._waiting.popleft()
