"""Limits of alarms that somebody has set for one patient: each change is a line that stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, insert, select, text

from pipeline.alarm_limits import LIMITS, check_limits
from pipeline.storage.database.tables import alarm_limits as table

if TYPE_CHECKING:
    from pipeline.storage.database.connection import Database

__all__ = ["LimitChange", "LimitStore"]


@dataclass(frozen=True, slots=True)
class LimitChange:
    """What somebody set.

    Attributes
    ----------
    patient : str
        Whose limit.
    name : str
        Which, see :data:`pipeline.alarm_limits.LIMITS`.
    value : float or None
        To what; None where the usual one holds again.
    by : str
        Who.
    set_at_us : int
        When, in microseconds since 1970 UTC.
    """

    patient: str
    name: str
    value: float | None
    by: str
    set_at_us: int


class LimitStore:
    """The limits of single patients.

    Parameters
    ----------
    database : Database
        Where.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(
        self,
        patient: str,
        limits: Mapping[str, float | None],
        by: str,
        *,
        at_us: int,
        check: Callable[[dict[str, float]], object] | None = None,
    ) -> None:
        """Set limits of a patient, all of them or none.

        Parameters
        ----------
        patient : str
            Whose.
        limits : mapping of str to float or None
            By name; None where the usual one is to hold again. Others stay as they are.
        by : str
            Who sets them.
        at_us : int
            When, in microseconds since 1970 UTC.
        check : callable, optional
            Asked whether all limits of the patient go together that would hold then; it raises a ValueError if not.
            Nobody else sets limits meanwhile.

        Raises
        ------
        ValueError
            If there is no such limit, one is outside its range, ``by`` is blank, or ``check`` says so.
        OutputError
            If the database cannot be used.
        """
        if not by.strip():
            raise ValueError("limits are set by somebody: by is blank")
        check_limits({name: value for name, value in limits.items() if value is not None})
        if unknown := sorted(limits.keys() - LIMITS.keys()):
            raise ValueError(f"there is no limit {unknown[0]!r:.60}; the limits are {', '.join(LIMITS)}")
        rows = [
            {"patient": patient, "name": name, "value": value, "by": by.strip(), "set_at_us": at_us}
            for name, value in limits.items()
        ]
        if rows:
            with self._database.writing() as connection:
                if connection.dialect.name == "postgresql":  # SQLite's writers are alone from the start
                    connection.execute(text("LOCK TABLE alarm_limits IN SHARE ROW EXCLUSIVE MODE"))
                if check is not None:
                    own = {**_current(connection, patient).get(patient, {}), **limits}
                    check({name: value for name, value in own.items() if value is not None})
                connection.execute(insert(table), rows)

    def current(self, patient: str | None = None) -> dict[str, dict[str, float]]:
        """Return the limits that hold now, by patient and name: of all patients who have some, or of one.

        Raises
        ------
        OutputError
            If the database cannot be used.
        """
        with self._database.reading() as connection:
            return _current(connection, patient)

    def newest(self) -> int:
        """Return the number of the last change, 0 without one: a change of it says that there is another.

        Raises
        ------
        OutputError
            If the database cannot be used.
        """
        with self._database.reading() as connection:
            return int(connection.execute(select(func.max(table.c.id))).scalar() or 0)

    def history(self, patient: str | None = None, limit: int = 1000) -> list[LimitChange]:
        """Return what was set, the last first: for all patients, or for one.

        Raises
        ------
        OutputError
            If the database cannot be used.
        """
        wanted = select(*(table.c[name] for name in LimitChange.__slots__)).order_by(table.c.id.desc()).limit(limit)
        if patient is not None:
            wanted = wanted.where(table.c.patient == patient)
        with self._database.reading() as connection:
            return [LimitChange(*row) for row in connection.execute(wanted)]


def _current(connection: Connection, patient: str | None) -> dict[str, dict[str, float]]:
    last = select(func.max(table.c.id)).group_by(table.c.patient, table.c.name)
    if patient is not None:
        last = last.where(table.c.patient == patient)
    wanted = select(table.c.patient, table.c.name, table.c.value)
    wanted = wanted.where(table.c.id.in_(last), table.c.value.is_not(None))
    found: dict[str, dict[str, float]] = {}
    for name_of, name, value in connection.execute(wanted.order_by(table.c.id)):
        if name in LIMITS:  # a later version may have had more
            found.setdefault(name_of, {})[name] = float(value)
    return found
