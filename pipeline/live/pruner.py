"""What is too old to be kept is dropped, beside the work and never in its way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from pipeline.errors import OutputError
from pipeline.storage.database import Database, partition_of
from pipeline.storage.database.retention import drop_beats, drop_rest, drop_states, stays_before

__all__ = ["Pruner"]

EVERY_S = 3600.0
PAUSE_S = 0.05  # s between two transactions, so that whoever stores results comes in between
DAY_US = 86_400_000_000

logger = logging.getLogger(__name__)


class Pruner:
    """Drop old beats, drifts, gaps and states of some partitions, once an hour, in a thread of its own.

    Alarms stay: they are what persons were told.

    Parameters
    ----------
    database : Database
        Where they are.
    partitions : callable
        Returns the partitions that this process owns.
    of : int
        How many partitions there are.
    keep_days : float
        Age from which things are dropped, in days.
    clock : callable
        Returns the time now, in microseconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        partitions: Callable[[], Collection[int]],
        of: int,
        *,
        keep_days: float,
        clock: Callable[[], int],
    ) -> None:
        self._database, self._partitions, self._of = database, partitions, of
        self._keep_us, self._clock = round(keep_days * DAY_US), clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pruner", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def prune(self) -> int:
        """Drop what is too old now; return the number of beats.

        Raises
        ------
        OutputError
            If the database cannot be used.
        """
        before_us, owned = self._clock() - self._keep_us, set(self._partitions())
        dropped = 0
        stays = stays_before(self._database, before_us, lambda name: partition_of(name, self._of) in owned)
        for stay, until_us in stays:
            while not self._stopping.is_set() and (n := drop_beats(self._database, stay, until_us)):
                dropped += n
                self._stopping.wait(PAUSE_S)
            drop_rest(self._database, stay, until_us)
        drop_states(self._database, before_us, owned)
        return dropped

    def _run(self) -> None:
        wait_s = PAUSE_S
        while not self._stopping.wait(wait_s):
            wait_s = EVERY_S if self._partitions() else 1.0  # until there is a lease
            try:
                if dropped := self.prune():
                    logger.info("%d beats were too old to be kept", dropped)
            except OutputError as error:
                logger.warning("%s; what is old is dropped later", error)
