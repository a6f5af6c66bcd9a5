"""What live monitoring no longer keeps: dropped in transactions so short that nobody waits for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, select

from pipeline.storage.database.tables import live_beats, live_drifts, live_gaps, live_patients, live_stays

if TYPE_CHECKING:
    from pipeline.storage.database.connection import Database

__all__ = ["Stay", "drop_beats", "drop_rest", "drop_states", "stays_before"]

AT_A_TIME = 1000  # beats in a transaction: a few milliseconds


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay of which something is old."""

    patient: str
    began_at_us: int
    fs: float


def stays_before(database: Database, before_us: int, is_mine: Callable[[str], bool]) -> list[Stay]:
    """Return the stays that began before a moment, in microseconds since 1970 UTC, of the patients asked for."""
    table = live_stays
    wanted = select(table.c.patient, table.c.began_at_us, table.c.fs).where(table.c.began_at_us < before_us)
    with database.reading() as connection:
        return [Stay(*row) for row in connection.execute(wanted) if is_mine(row.patient)]


def drop_beats(database: Database, stay: Stay, before_us: int) -> int:
    """Drop the oldest beats of a stay, a thousand at the most, that are older than a moment; return how many."""
    table = live_beats
    mine = (table.c.patient == stay.patient) & (table.c.began_at_us == stay.began_at_us)
    oldest = select(table.c.beat, table.c.r_peak).where(mine).order_by(table.c.beat).limit(AT_A_TIME)
    until = (before_us - stay.began_at_us) / 1e6 * stay.fs
    with database.reading() as connection:
        old = [row.beat for row in connection.execute(oldest) if row.r_peak < until]
    if old:  # they are numbered in the order of time
        with database.writing() as connection:
            connection.execute(delete(table).where(mine, table.c.beat <= old[-1]))
    return len(old)


def drop_rest(database: Database, stay: Stay, before_us: int) -> None:
    """Drop the drifts and gaps of a stay that are older than a moment, and the stay itself where nothing is left."""
    until_us = before_us - stay.began_at_us
    with database.writing() as connection:
        for table, time_us in ((live_drifts, live_drifts.c.time_us), (live_gaps, live_gaps.c.stop_us)):
            mine = (table.c.patient == stay.patient) & (table.c.began_at_us == stay.began_at_us)
            connection.execute(delete(table).where(mine, time_us < until_us))
        stays = live_stays
        empty = [
            ~exists().where(table.c.patient == stays.c.patient, table.c.began_at_us == stays.c.began_at_us)
            for table in (live_beats, live_drifts, live_gaps)
        ]
        mine = (stays.c.patient == stay.patient) & (stays.c.began_at_us == stay.began_at_us)
        connection.execute(delete(stays).where(mine, *empty))


def drop_states(database: Database, before_us: int, partitions: set[int]) -> int:
    """Drop the states of patients of whom nothing was heard since a moment; return how many."""
    table = live_patients
    old = (table.c.stored_at_us < before_us) & table.c.partition.in_(sorted(partitions))
    with database.writing() as connection:
        return int(connection.execute(delete(table).where(old)).rowcount)
