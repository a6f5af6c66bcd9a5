"""Live monitoring: who owns which partition, patients' states and results, together or not at all."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.errors import LeaseLost, OutputError
from pipeline.records import Alarm
from pipeline.storage.database.alarms import StoredAlarm, alarm_row, stored_alarm, write_alarms
from pipeline.storage.database.live_results import StayResults, beat_rows, drift_rows, gap_rows, stay_row
from pipeline.storage.database.tables import (
    alarms,
    live_beats,
    live_deliveries,
    live_drifts,
    live_gaps,
    live_partitions,
    live_patients,
    live_stays,
)
from pipeline.storage.database.upsert import upsert

if TYPE_CHECKING:
    from pipeline.storage.database.connection import Database

__all__ = ["Lease", "LiveStore", "PatientState", "partition_of"]


def partition_of(patient: str, partitions: int) -> int:
    """Return the partition that a patient belongs to, of so many; the same for ever and everywhere.

    >>> partition_of("ward/bed-1", 64)
    61
    """
    return zlib.crc32(patient.encode()) % partitions


@dataclass(frozen=True, slots=True)
class Lease:
    """Who owns a partition.

    Attributes
    ----------
    partition : int
        Its number.
    owner : str
        Who owns it.
    until_us : int
        Until when, by the owner's clock, in microseconds since 1970 UTC.
    """

    partition: int
    owner: str
    until_us: int


@dataclass(frozen=True, slots=True)
class PatientState:
    """A patient's state, and how far into the log of frames it reaches.

    Attributes
    ----------
    patient : str
        The patient's name.
    position : int
        Number, in the log, of the last of its frames that the state includes.
    log : str
        What tells that log from another one.
    state : bytes
        As :meth:`pipeline.live.engine.Engine.snapshot` returns it.
    """

    patient: str
    position: int
    log: str
    state: bytes


class LiveStore:
    """The tables of live monitoring; every method is one transaction.

    Each raises OutputError where the database cannot be used. A patient's position, state and results change together,
    and only by who owns its partition, so that what is monitored twice is written once.

    Parameters
    ----------
    database : Database
        Where the tables are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(
        self,
        owner: str,
        wanted: Collection[int],
        of: int,
        *,
        now_us: int,
        until_us: int,
        stale: Collection[Lease] = (),
    ) -> dict[int, tuple[int, str]]:
        """Take the partitions that nobody owns, or whose owner has let its lease run out.

        Parameters
        ----------
        owner : str
            Who asks: a name that no other process ever has.
        wanted : collection of int
            The partitions asked for.
        of : int
            How many partitions there are.
        now_us, until_us : int
            The time now and when the lease ends unless it is renewed, in microseconds since 1970 UTC.
        stale : collection of Lease
            Leases that have run out whatever they say, as long as nobody has renewed them meanwhile.

        Returns
        -------
        dict of int to (int, str)
            All that the owner now holds of those it wants, with their position and the log that it is a position in;
            0 and nothing for a new one.

        Raises
        ------
        OutputError
            If the database spreads its patients over another number of partitions.
        """
        table = live_partitions
        rows = [
            {"partition": i, "of": of, "owner": None, "until_us": 0, "position": 0, "log": ""} for i in sorted(wanted)
        ]
        with self._database.writing() as connection:
            others = connection.execute(select(table.c.of).where(table.c.of != of).limit(1)).scalar()
            if others is not None:
                raise OutputError(
                    f"database {self._database.url} spreads its patients over {others} partitions, not {of}: "
                    f"use --partitions 0-{others - 1}/{others} or a part of it, or another database"
                )
            _insert_new(connection, table, rows)
            ends = {(lease.owner, lease.until_us) for lease in stale}
            is_free = or_(
                table.c.owner.is_(None),
                table.c.owner == owner,
                table.c.until_us < now_us,
                *(and_(table.c.owner == who, table.c.until_us == until) for who, until in ends),
            )
            chosen = table.c.partition.in_(sorted(wanted))
            connection.execute(update(table).where(chosen, is_free).values(owner=owner, until_us=until_us))
            held = select(table.c.partition, table.c.position, table.c.log).where(chosen, table.c.owner == owner)
            return {row.partition: (row.position, row.log) for row in connection.execute(held)}

    def leases(self, partitions: Collection[int]) -> list[Lease]:
        """Return the leases of those partitions that somebody owns."""
        table = live_partitions
        wanted = select(table.c.partition, table.c.owner, table.c.until_us).where(
            table.c.partition.in_(sorted(partitions)), table.c.owner.is_not(None)
        )
        with self._database.reading() as connection:
            return [Lease(*row) for row in connection.execute(wanted)]

    def release(self, owner: str) -> None:
        """Let go of all partitions."""
        with self._database.writing() as connection:
            table = live_partitions
            connection.execute(update(table).where(table.c.owner == owner).values(owner=None, until_us=0))

    def states(self, partitions: Collection[int]) -> list[PatientState]:
        """Return the states of all patients of some partitions."""
        table = live_patients
        wanted = select(table.c.patient, table.c.position, table.c.log, table.c.state).where(
            table.c.partition.in_(sorted(partitions))
        )
        with self._database.reading() as connection:
            return [PatientState(*row) for row in connection.execute(wanted)]

    def state(self, patient: str) -> PatientState | None:
        """Return the state of one patient, or None where there is none."""
        table = live_patients
        columns = (table.c.patient, table.c.position, table.c.log, table.c.state)
        with self._database.reading() as connection:
            row = connection.execute(select(*columns).where(table.c.patient == patient)).one_or_none()
        return None if row is None else PatientState(*row)

    def commit(
        self,
        owner: str,
        of: int,
        *,
        now_us: int,
        until_us: int,
        positions: Mapping[int, int],
        log: str,
        states: Sequence[PatientState] = (),
        results: Sequence[StayResults] = (),
        sinks: Collection[str] = (),
    ) -> None:
        """Write what was done since the last commit, and renew the lease.

        Parameters
        ----------
        owner, of, now_us, until_us
            As in :meth:`acquire`.
        positions : mapping of int to int
            Every partition that the owner holds, and the position up to which the states of its patients include all
            frames.
        log : str
            The log that these are positions in.
        states : sequence of PatientState
            The patients that have changed.
        results : sequence of StayResults
            What came out for them.
        sinks : collection of str
            Names of those that each new state of an alarm is still to be delivered to.

        Raises
        ------
        LeaseLost
            If another owner has taken one of the partitions; nothing is written.
        """
        with self._database.writing() as connection:
            self._renew(connection, owner, positions, log, until_us)
            stored = [
                {
                    "patient": state.patient,
                    "partition": partition_of(state.patient, of),
                    "position": state.position,
                    "log": state.log,
                    "state": state.state,
                    "stored_at_us": now_us,
                }
                for state in states
            ]
            upsert(connection, live_patients, stored, key=("patient",))
            if not results:
                return
            _insert_new(connection, live_stays, [stay_row(stay) for stay in results])
            _insert_new(connection, live_beats, [row for stay in results for row in beat_rows(stay)])
            _insert_new(connection, live_drifts, [row for stay in results for row in drift_rows(stay)])
            _insert_new(connection, live_gaps, [row for stay in results for row in gap_rows(stay)])
            for stay in results:
                rows = [alarm_row(stay.origin, alarm, now_us, stay.began_at_us, None) for alarm in stay.alarms()]
                _write_alarms(connection, rows, partition_of(stay.patient, of), sinks)

    def tell(
        self, origin: str, alarm: Alarm, *, now_us: int, started_at_us: int, partition: int, sinks: Collection[str]
    ) -> None:
        """Write an alarm that is about no patient, such as one about the worker itself.

        Parameters
        ----------
        origin : str
            Who raises it.
        alarm : Alarm
            The alarm, in s from ``started_at_us``.
        now_us, started_at_us : int
            The time now and when its clock began, in microseconds since 1970 UTC.
        partition : int
            A partition of the worker that is to deliver it.
        sinks : collection of str
            As in :meth:`commit`.
        """
        with self._database.writing() as connection:
            _write_alarms(connection, [alarm_row(origin, alarm, now_us, started_at_us, None)], partition, sinks)

    def undelivered(self, sink: str, partitions: Collection[int], limit: int = 100) -> list[StoredAlarm]:
        """Return alarms of some partitions whose last state a sink has not yet taken, oldest first."""
        wanted = (
            select(alarms)
            .join(live_deliveries, live_deliveries.c.alarm == alarms.c.id)
            .where(live_deliveries.c.sink == sink, live_deliveries.c.partition.in_(sorted(partitions)))
            .order_by(alarms.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [stored_alarm(row) for row in connection.execute(wanted)]

    def delivered(self, sink: str, taken: Iterable[StoredAlarm]) -> None:
        """Note that a sink has taken alarms, as they stood; what has changed since is still to be delivered."""
        table = live_deliveries
        these = or_(*(and_(table.c.alarm == one.id, table.c.revision <= one.alarm.revision) for one in taken))
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.sink == sink, these))

    def _renew(self, connection: Connection, owner: str, positions: Mapping[int, int], log: str, until_us: int) -> None:
        table = live_partitions
        mine = table.c.owner == owner
        held = connection.execute(
            update(table).where(table.c.partition.in_(sorted(positions)), mine).values(until_us=until_us)
        ).rowcount
        if held != len(positions):
            raise LeaseLost(f"{owner} owns {held} of its {len(positions)} partitions: another worker has taken over")
        # Most partitions share one position: a statement for each that there is.
        for position in sorted(set(positions.values())):
            at = [partition for partition, value in positions.items() if value == position]
            connection.execute(update(table).where(table.c.partition.in_(at), mine).values(position=position, log=log))


def _write_alarms(
    connection: Connection, rows: Sequence[dict[str, Any]], partition: int, sinks: Collection[str]
) -> None:
    """Write alarms of one origin and record, and that each is still to be delivered."""
    if not rows:
        return
    write_alarms(connection, rows)
    if not sinks:
        return
    there = connection.execute(
        select(alarms.c.id, alarms.c.revision).where(
            alarms.c.origin == rows[0]["origin"],
            alarms.c.record == rows[0]["record"],
            alarms.c.key.in_(sorted({row["key"] for row in rows})),
        )
    ).all()
    due = [
        {"sink": sink, "alarm": row.id, "partition": partition, "revision": row.revision}
        for sink in sinks
        for row in there
    ]
    upsert(connection, live_deliveries, due, key=("sink", "alarm"))


def _insert_new(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows that are not there yet."""
    if rows:
        insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
        connection.execute(insert.on_conflict_do_nothing(), [dict(row) for row in rows])
