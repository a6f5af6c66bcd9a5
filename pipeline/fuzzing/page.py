"""The monitor's page, served for as long as the process lives."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path

from pipeline.storage.database import Database
from pipeline.web.access import Access
from pipeline.web.app import create_app
from pipeline.web.desk import AlarmDesk
from pipeline.web.hub import Hub
from pipeline.web.server import Server

__all__ = ["ANSWER_S", "Page"]

ANSWER_S = 15.0
_open = ExitStack()  # what is served ends with the process


class Page:
    """A page of nobody, and what its server says of its own failures.

    Parameters
    ----------
    folder : Path
        Where its database is.
    """

    def __init__(self, folder: Path) -> None:
        self._kept = _Kept()
        for name in ("uvicorn", "pipeline", "asyncio"):
            logging.getLogger(name).addHandler(self._kept)
        hub = Hub()
        database = _open.enter_context(Database.open(f"sqlite:///{folder / 'ecg.db'}"))
        desk = _open.enter_context(AlarmDesk(hub, database, "fuzz"))
        server = Server("127.0.0.1", 0)
        _open.enter_context(server.running(create_app(hub, desk, Access())))
        self.port = server.port

    def check(self) -> None:
        """Raise what has failed since the last time."""
        if self._kept.failures:
            raise AssertionError(self._kept.failures.pop())


class _Kept(logging.Handler):
    """Keeps what a server says of its own failures."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.failures.append(self.format(record))
