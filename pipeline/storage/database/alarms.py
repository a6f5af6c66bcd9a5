"""What persons were told, and who has taken note of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, delete, distinct, func, null, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.records import Alarm
from pipeline.storage.database import acknowledging
from pipeline.storage.database.acknowledging import LARGEST, AlarmAction
from pipeline.storage.database.tables import alarm_actions as actions_table
from pipeline.storage.database.tables import alarms as table

if TYPE_CHECKING:
    from pipeline.storage.database.connection import Database

__all__ = ["DEMO", "AlarmCount", "AlarmStore", "StoredAlarm", "alarm_row", "stored_alarm", "write_alarms"]

DEMO = "demo-"  # how the origins of alarms begin that a demo has raised, of synthetic patients

_KEY = ("origin", "record", "key")


@dataclass(frozen=True, slots=True)
class StoredAlarm:
    """An alarm with its place in the database.

    Attributes
    ----------
    id : int
        Its number in this database.
    origin : str
        Where it comes from: the folder of the results, or the session of a live stream.
    alarm : Alarm
        The alarm; its times are kept to the microsecond.
    started_at_us : int or None
        When the first sample of its record was taken, in microseconds since 1970 UTC; None if nobody knows.
    noted_at_us : int
        When it was first written down.
    run : str or None
        The run that wrote it last.
    acknowledged_by : str or None
        Who has taken note of it.
    acknowledged_at_us : int or None
        When.
    """

    id: int
    origin: str
    alarm: Alarm
    started_at_us: int | None
    noted_at_us: int
    run: str | None
    acknowledged_by: str | None
    acknowledged_at_us: int | None


@dataclass(frozen=True, slots=True)
class AlarmCount:
    """How many alarms of one kind there were.

    Attributes
    ----------
    priority, kind : str
        As in :class:`pipeline.records.Alarm`.
    number : int
        How many.
    open : int
        Of these, how many nobody has acknowledged.
    records : int
        In how many records.
    """

    priority: str
    kind: str
    number: int
    open: int
    records: int


class AlarmStore:
    """The table of alarms; every method is one transaction and raises OutputError where the database cannot be used.

    A row is an episode, known by its origin, record and key: a later state of it replaces the one before, an earlier
    one changes nothing. Who has acknowledged it stays, unless its priority has risen since: then it is to be
    acknowledged anew.

    Parameters
    ----------
    database : Database
        Where the table is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        origin: str,
        alarms: Sequence[Alarm],
        *,
        at_us: int,
        started_at_us: int | None = None,
        run: str | None = None,
    ) -> None:
        """Write alarms down, such as those of a live stream, as they are raised.

        Parameters
        ----------
        origin : str
            Where they come from: the folder of the results, or the session of a live stream.
        alarms : sequence of Alarm
            Of any records.
        at_us : int
            The time now, in microseconds since 1970 UTC.
        started_at_us : int, optional
            When the first sample of their record was taken.
        run : str, optional
            A run that :meth:`RunStore.start` has announced.
        """
        rows = [alarm_row(origin, alarm, at_us, started_at_us, run) for alarm in alarms]
        with self._database.writing() as connection:
            write_alarms(connection, rows)

    def replace(
        self,
        origin: str,
        record: str,
        alarms: Sequence[Alarm],
        *,
        at_us: int,
        started_at_us: int | None = None,
        run: str | None = None,
    ) -> None:
        """Write down all alarms of a record that was scored as a whole.

        Those of an earlier run that have not come again are dropped, unless somebody has acknowledged them.

        Parameters
        ----------
        origin, at_us, started_at_us, run
            As in :meth:`add`.
        record : str
            Name of the record.
        alarms : sequence of Alarm
            All of this record's.

        Raises
        ------
        ValueError
            If one of them is of another record.
        """
        if wrong := {alarm.record for alarm in alarms} - {record}:
            raise ValueError(f"alarms of {', '.join(sorted(wrong))} written down as those of {record!r}")
        rows = [alarm_row(origin, alarm, at_us, started_at_us, run) for alarm in alarms]
        come_again = {tuple(row[name] for name in _KEY) for row in rows}
        mine = (table.c.origin == origin) & (table.c.record == record) & table.c.acknowledged_by.is_(None)
        with self._database.writing() as connection:
            write_alarms(connection, rows, whole=True)
            there = connection.execute(select(table.c.id, *(table.c[name] for name in _KEY)).where(mine)).all()
            stale = [{"stale": row.id} for row in there if tuple(row[1:]) not in come_again]
            if stale:
                connection.execute(delete(table).where(table.c.id == bindparam("stale")), stale)

    def acknowledge(self, number: int, by: str, *, at_us: int) -> StoredAlarm:
        """Note who has taken note of one alarm; see :meth:`acknowledge_all`."""
        return self.acknowledge_all([number], by, at_us=at_us)[0]

    def acknowledge_all(self, numbers: Collection[int], by: str, *, at_us: int) -> list[StoredAlarm]:
        """Note who has taken note of alarms, and when, all of them or none; where somebody has before, that stays.

        Parameters
        ----------
        numbers : collection of int
            Their ``id``.
        by : str
            Who.
        at_us : int
            When, in microseconds since 1970 UTC.

        Returns
        -------
        list of StoredAlarm
            In the order of their numbers.

        Raises
        ------
        ValueError
            If one of them is not there, or ``by`` is blank.
        """
        with self._database.writing() as connection:
            return [stored_alarm(row) for row in acknowledging.acknowledge(connection, numbers, by, at_us)]

    def take_back(self, numbers: Collection[int], by: str, *, at_us: int) -> list[StoredAlarm]:
        """Undo acknowledgements; the log keeps both. As :meth:`acknowledge_all`."""
        with self._database.writing() as connection:
            return [stored_alarm(row) for row in acknowledging.take_back(connection, numbers, by, at_us)]

    def actions(
        self, limit: int = 1000, *, since_us: int | None = None, record: str | None = None
    ) -> list[AlarmAction]:
        """Return who did what about alarms, the last first."""
        with self._database.reading() as connection:
            return acknowledging.actions(connection, limit, since_us=since_us, record=record)

    def newest(
        self,
        limit: int | None = 1000,
        *,
        origin: str | None = None,
        record: str | None = None,
        only_open: bool = False,
        numbers: Collection[int] | None = None,
        with_demos: bool = True,
    ) -> list[StoredAlarm]:
        """Return alarms, the last one raised of the last record written down first.

        Parameters
        ----------
        limit : int or None
            How many at the most; None for all.
        origin, record : str, optional
            Those of one origin, or of one record.
        only_open : bool
            Those alone that nobody has acknowledged.
        numbers : collection of int, optional
            Those alone of these numbers.
        with_demos : bool
            Those of synthetic patients that a demo has shown as well.
        """
        wanted = select(table).order_by(table.c.noted_at_us.desc(), table.c.raised_us.desc(), table.c.id.desc())
        wanted = wanted.where(*_which(origin, record, only_open, numbers, with_demos))
        with self._database.reading() as connection:
            return [stored_alarm(row) for row in connection.execute(wanted.limit(limit))]

    def count(
        self,
        *,
        origin: str | None = None,
        record: str | None = None,
        only_open: bool = False,
        numbers: Collection[int] | None = None,
        with_demos: bool = True,
    ) -> int:
        """Return how many alarms :meth:`newest` would return without a limit."""
        wanted = select(func.count()).select_from(table)
        with self._database.reading() as connection:
            return int(
                connection.execute(wanted.where(*_which(origin, record, only_open, numbers, with_demos))).scalar_one()
            )

    def acknowledged(self, since_us: int) -> list[StoredAlarm]:
        """Return the alarms that somebody has acknowledged, or opened again, from a moment on, by that one's clock."""
        lately = select(actions_table.c.alarm).where(actions_table.c.done_at_us >= since_us)
        wanted = select(table).where(table.c.id.in_(lately)).order_by(table.c.id)
        with self._database.reading() as connection:
            return [stored_alarm(row) for row in connection.execute(wanted)]

    def counts(self, since_us: int, until_us: int) -> list[AlarmCount]:
        """Return how many alarms were first written down from ``since_us`` on and before ``until_us``, most first.

        Those of synthetic patients that a demo has shown are left out.
        """
        kind = (table.c.priority, table.c.kind)
        inside = (table.c.noted_at_us >= since_us) & (table.c.noted_at_us < until_us)
        inside &= ~table.c.origin.startswith(DEMO, autoescape=True)
        is_open = case((table.c.acknowledged_by.is_(None), 1), else_=0)
        number, patients = func.count(), func.count(distinct(table.c.record))
        wanted = select(*kind, number, func.sum(is_open), patients).where(inside).group_by(*kind)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(number.desc(), table.c.kind)).all()
        return [AlarmCount(str(r[0]), str(r[1]), int(r[2]), int(r[3]), int(r[4])) for r in rows]


def _which(
    origin: str | None, record: str | None, only_open: bool, numbers: Collection[int] | None, with_demos: bool
) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if origin is not None:
        wanted.append(table.c.origin == origin)
    if record is not None:
        wanted.append(table.c.record == record)
    if only_open:
        wanted.append(table.c.acknowledged_by.is_(None))
    if numbers is not None:
        wanted.append(table.c.id.in_([number for number in numbers if number <= LARGEST]))
    if not with_demos:
        wanted.append(~table.c.origin.startswith(DEMO, autoescape=True))
    return wanted


def write_alarms(connection: Connection, rows: Sequence[dict[str, Any]], *, whole: bool = False) -> None:
    """Insert alarms, or bring those that are there to a later state.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that writes.
    rows : sequence of dict
        As :func:`alarm_row` returns them.
    whole : bool
        True if these are the last states of a record that was scored as a whole, which count whatever was there.
    """
    if not rows:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    new = insert.excluded
    has_risen = _rank(new.priority) > _rank(table.c.priority)
    changed = {name: new[name] for name in rows[0] if name not in {*_KEY, "noted_at_us"}}
    for name in ("acknowledged_by", "acknowledged_at_us"):
        changed[name] = case((has_risen, null()), else_=table.c[name])
    where = None if whole else new.revision >= table.c.revision
    connection.execute(
        insert.on_conflict_do_update(index_elements=list(_KEY), set_=changed, where=where), [dict(row) for row in rows]
    )


def _rank(priority: Any) -> Any:
    return case({"high": 2, "medium": 1}, value=priority, else_=0)


def alarm_row(origin: str, alarm: Alarm, at_us: int, started_at_us: int | None, run: str | None) -> dict[str, Any]:
    """Return an alarm as a row of the table."""
    return {
        "origin": origin,
        "record": alarm.record,
        "kind": alarm.kind,
        "priority": alarm.priority,
        "physiological": alarm.physiological,
        "onset_us": round(alarm.onset_s * 1e6),
        "raised_us": round(alarm.raised_s * 1e6),
        "first_beat": alarm.first_beat,
        "last_beat": alarm.last_beat,
        "message": alarm.message,
        "key": alarm.key,
        "revision": alarm.revision,
        "ended_us": None if alarm.ended_s is None else round(alarm.ended_s * 1e6),
        "longest": alarm.longest,
        "rate_bpm": alarm.rate_bpm,
        "started_at_us": started_at_us,
        "noted_at_us": at_us,
        "run": run,
    }


def stored_alarm(row: Row[Any]) -> StoredAlarm:
    """Return the alarm in a row of the table."""
    alarm = Alarm(
        record=row.record,
        kind=row.kind,
        priority=row.priority,
        physiological=row.physiological,
        onset_s=row.onset_us / 1e6,
        raised_s=row.raised_us / 1e6,
        first_beat=row.first_beat,
        last_beat=row.last_beat,
        message=row.message,
        key=row.key,
        revision=row.revision,
        ended_s=None if row.ended_us is None else row.ended_us / 1e6,
        longest=row.longest,
        rate_bpm=row.rate_bpm,
    )
    return StoredAlarm(
        id=row.id,
        origin=row.origin,
        alarm=alarm,
        started_at_us=row.started_at_us,
        noted_at_us=row.noted_at_us,
        run=row.run,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at_us=row.acknowledged_at_us,
    )
