"""What was run, when, with what, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import JsonValue
from sqlalchemy import Row, select, update

from pipeline.storage.database.tables import runs as table
from pipeline.storage.database.upsert import upsert

if TYPE_CHECKING:
    from pipeline.storage.database.connection import Database

__all__ = ["RunStore", "StoredRun"]

End = Literal["completed", "failed", "cancelled", "crashed"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run.

    Attributes
    ----------
    id : str
        What tells it from others, such as the number that a scheduler has given it.
    kind : str
        What was done, such as ``score`` or ``train``.
    state : str
        ``running``, ``completed``, ``failed``, ``cancelled`` or ``crashed``.
    started_at_us : int
        When it was first started, in microseconds since 1970 UTC.
    finished_at_us : int or None
        When it ended; None while it is running.
    command : str
        How it was started.
    model : str or None
        Checksum of the model it ran with.
    facts : dict
        What its results depend on: settings, versions.
    figures : dict
        What came out, in figures.
    message : str
        What came out, in one line.
    """

    id: str
    kind: str
    state: str
    started_at_us: int
    finished_at_us: int | None
    command: str
    model: str | None
    facts: dict[str, Any]
    figures: dict[str, Any]
    message: str


class RunStore:
    """The table of runs; every method is one transaction and raises OutputError where the database cannot be used.

    Parameters
    ----------
    database : Database
        Where the table is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(
        self,
        run: str,
        kind: str,
        *,
        at_us: int,
        command: str = "",
        model: str | None = None,
        facts: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Note that a run has begun; one that begins again, such as a retry, is running and keeps its first start.

        Parameters
        ----------
        run : str
            What tells it from others.
        kind : str
            What is done, such as ``score`` or ``train``.
        at_us : int
            The time now, in microseconds since 1970 UTC.
        command : str
            How it was started.
        model : str, optional
            Checksum of the model it runs with.
        facts : mapping, optional
            What its results depend on: settings, versions.
        """
        row = {
            "id": run,
            "kind": kind,
            "state": "running",
            "started_at_us": at_us,
            "finished_at_us": None,
            "command": command,
            "model": model,
            "facts": dict(facts or {}),
            "figures": {},
            "message": "",
        }
        with self._database.writing() as connection:
            upsert(connection, table, [row], key=("id",), keep=("started_at_us",))

    def finish(
        self, run: str, state: End, *, at_us: int, figures: Mapping[str, JsonValue] | None = None, message: str = ""
    ) -> None:
        """Note how a run has ended.

        Parameters
        ----------
        run : str
            What :meth:`start` was told.
        state : {"completed", "failed", "cancelled", "crashed"}
            How it ended; ``crashed`` is for a run whose process is gone without a word.
        at_us : int
            The time now, in microseconds since 1970 UTC.
        figures : mapping, optional
            What came out, in figures.
        message : str
            What came out, in one line.

        Raises
        ------
        ValueError
            If there is no such run, or no such state.
        """
        if state not in get_args(End):
            raise ValueError(f"a run does not end as {state!r}, but as one of {', '.join(get_args(End))}")
        values = {"state": state, "finished_at_us": at_us, "figures": dict(figures or {}), "message": message}
        with self._database.writing() as connection:
            changed = connection.execute(update(table).where(table.c.id == run).values(values)).rowcount
        if not changed:
            raise ValueError(f"run {run!r} has ended, but never started")

    def get(self, run: str) -> StoredRun | None:
        """Return a run, or None if there is none of this name."""
        with self._database.reading() as connection:
            row = connection.execute(select(table).where(table.c.id == run)).one_or_none()
        return None if row is None else _stored(row)

    def newest(self, limit: int = 100, *, kind: str | None = None, state: str | None = None) -> list[StoredRun]:
        """Return runs, the last one started first.

        Parameters
        ----------
        limit : int
            How many at the most.
        kind, state : str, optional
            Those of one kind, or in one state.
        """
        wanted = select(table).order_by(table.c.started_at_us.desc(), table.c.id.desc())
        if kind is not None:
            wanted = wanted.where(table.c.kind == kind)
        if state is not None:
            wanted = wanted.where(table.c.state == state)
        with self._database.reading() as connection:
            return [_stored(row) for row in connection.execute(wanted.limit(limit))]

    def between(self, since_us: int, until_us: int) -> list[StoredRun]:
        """Return the runs that were started from ``since_us`` on and before ``until_us``, the last one first."""
        inside = (table.c.started_at_us >= since_us) & (table.c.started_at_us < until_us)
        wanted = select(table).where(inside).order_by(table.c.started_at_us.desc(), table.c.id.desc())
        with self._database.reading() as connection:
            return [_stored(row) for row in connection.execute(wanted)]


def _stored(row: Row[Any]) -> StoredRun:
    return StoredRun(**row._mapping)
