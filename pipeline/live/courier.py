"""Alarms on their way from the database to sinks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence

from pipeline.errors import PipelineError
from pipeline.live.sinks import TIMEOUT_S, Sink, alarm_document
from pipeline.storage.database import Database

__all__ = ["Courier"]

LOOK_S = 0.25  # s between two looks at what is to be delivered
LONGEST_WAIT_S = 60.0

logger = logging.getLogger(__name__)


class Courier:
    """Bring alarms from the database to sinks, each in a thread of its own, until each has taken them.

    Parameters
    ----------
    database : Database
        Where alarms wait.
    sinks : sequence of Sink
        Where they go.
    partitions : callable
        Returns the partitions whose alarms this process delivers.
    """

    def __init__(self, database: Database, sinks: Sequence[Sink], partitions: Callable[[], Collection[int]]) -> None:
        self._database = database
        self._partitions = partitions
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(sink,), name=f"sink {sink.name}", daemon=True) for sink in sinks
        ]

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Deliver what a sink will take now, and end."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT_S)

    def _run(self, sink: Sink) -> None:
        wait_s = LOOK_S
        while True:
            is_last = self._stopping.is_set()
            try:
                self.deliver(sink)
                wait_s = LOOK_S
            except PipelineError as error:
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                logger.warning("%s; again in %.1f s", error, wait_s)
            if is_last:
                sink.close()
                return
            self._stopping.wait(wait_s)

    def deliver(self, sink: Sink) -> None:
        """Deliver all that waits for a sink.

        Raises
        ------
        PipelineError
            If the sink or the database cannot be used now.
        """
        live = self._database.live
        while waiting := live.undelivered(sink.name, self._partitions()):
            for stored in waiting:
                sink.deliver(alarm_document(stored))
                live.delivered(sink.name, [stored])
