"""Limits of alarms that are set in the database, brought to the engine: whoever sets them, wherever the page is."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

from pipeline.errors import OutputError
from pipeline.live.engine import Engine
from pipeline.storage.database.connection import Database

__all__ = ["LimitLooker"]

log = logging.getLogger(__name__)

LOOK_S = 1.0  # between two looks


class LimitLooker:
    """Look into the database for limits of single patients while the block runs; a second later they hold.

    While the database is away the last ones that are known hold.

    Parameters
    ----------
    database : Database
        Where they are set.
    engine : Engine
        Where they hold.
    """

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine
        self._known = -1  # number of the last change
        self._is_away = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="limit-looker", daemon=True)

    def __enter__(self) -> Self:
        self._look()  # before the first beat
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            self._look()

    def _look(self) -> None:
        try:
            newest = self._database.limits.newest()
            if newest == self._known:
                return
            self._engine.set_limits(self._database.limits.current())
        except OutputError as error:
            if not self._is_away:
                log.warning("limits of patients stay as they are: %s", error)
            self._is_away = True
        else:
            self._known, self._is_away = newest, False
