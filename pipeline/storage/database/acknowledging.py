"""Taking note of alarms, and taking that back; each is a line in a log that outlives both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Update, insert, select, update

from pipeline.storage.database.tables import alarm_actions as log
from pipeline.storage.database.tables import alarms as table

__all__ = ["ACKNOWLEDGED", "TAKEN_BACK", "AlarmAction", "acknowledge", "actions", "take_back"]

ACKNOWLEDGED, TAKEN_BACK = "acknowledged", "taken back"
LARGEST = 2**31 - 1  # number of an alarm that the table can have, in PostgreSQL
TOGETHER = 500  # numbers in one statement: databases bound how many values one takes


@dataclass(frozen=True, slots=True)
class AlarmAction:
    """What somebody did about an alarm.

    Attributes
    ----------
    alarm : int or None
        Its number; None where it has been dropped since.
    record, kind, priority : str
        What it was at that moment.
    action : str
        ``acknowledged`` or ``taken back``.
    by : str
        Who.
    done_at_us : int
        When, in microseconds since 1970 UTC.
    """

    alarm: int | None
    record: str
    kind: str
    priority: str
    action: str
    by: str
    done_at_us: int


def acknowledge(connection: Connection, numbers: Collection[int], by: str, at_us: int) -> list[Row[Any]]:
    """Note who has taken note of alarms, all of them or none; where somebody has before, that stays.

    Returns
    -------
    list of Row
        The alarms' rows afterwards, in the order of their numbers.

    Raises
    ------
    ValueError
        If one of them is not there, or ``by`` is blank.
    """
    name = _name(by, "acknowledged")
    change = update(table).where(table.c.acknowledged_by.is_(None))
    change = change.values(acknowledged_by=name, acknowledged_at_us=at_us)
    return _carry_out(connection, numbers, change, ACKNOWLEDGED, name, at_us)


def take_back(connection: Connection, numbers: Collection[int], by: str, at_us: int) -> list[Row[Any]]:
    """Undo acknowledgements, all of them or none; what is not acknowledged stays so. As :func:`acknowledge`."""
    name = _name(by, "opened again")
    change = update(table).where(table.c.acknowledged_by.is_not(None))
    change = change.values(acknowledged_by=None, acknowledged_at_us=None)
    return _carry_out(connection, numbers, change, TAKEN_BACK, name, at_us)


def actions(
    connection: Connection, limit: int, *, since_us: int | None = None, record: str | None = None
) -> list[AlarmAction]:
    """Return what was done, the last first."""
    wanted = select(*(log.c[name] for name in AlarmAction.__slots__)).order_by(log.c.done_at_us.desc(), log.c.id.desc())
    if since_us is not None:
        wanted = wanted.where(log.c.done_at_us >= since_us)
    if record is not None:
        wanted = wanted.where(log.c.record == record)
    return [AlarmAction(*row) for row in connection.execute(wanted.limit(limit))]


def _name(by: str, what: str) -> str:
    if not by.strip():
        raise ValueError(f"an alarm is {what} by somebody: by is blank")
    return by.strip()


def _rows(connection: Connection, numbers: Collection[int]) -> list[Row[Any]]:
    wanted = sorted(set(numbers))
    possible = [number for number in wanted if 0 < number <= LARGEST]
    rows: list[Row[Any]] = []
    for part in _parts(possible):
        rows += connection.execute(select(table).where(table.c.id.in_(part)).order_by(table.c.id)).all()
    missing = set(wanted) - {row.id for row in rows}
    if missing:
        raise ValueError(f"there is no alarm of number {min(missing)}")
    return rows


def _carry_out(
    connection: Connection, numbers: Collection[int], change: Update, action: str, by: str, at_us: int
) -> list[Row[Any]]:
    """Change the alarms that are not so yet, and log these: of two who do the same at once, one did it."""
    wanted = [row.id for row in _rows(connection, numbers)]
    told = (table.c.id, table.c.record, table.c.kind, table.c.priority)
    for part in _parts(wanted):
        changed = connection.execute(change.where(table.c.id.in_(part)).returning(*told)).all()
        lines = [
            {"alarm": row.id, "record": row.record, "kind": row.kind, "priority": row.priority, "action": action}
            for row in sorted(changed, key=lambda row: row.id)
        ]
        if lines:
            connection.execute(insert(log), [{**line, "by": by, "done_at_us": at_us} for line in lines])
    return _rows(connection, wanted)


def _parts(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[i : i + TOGETHER] for i in range(0, len(numbers), TOGETHER)]
