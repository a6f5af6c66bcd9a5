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


def stays_before(database: Database, before_us: int, is_mine: Callable[[str], bool]) -> list[tuple[Stay, int]]:
    """Return the stays, of the patients asked for, of which something may be older than a moment.

    Devices' clocks may be wrong, and what is replayed may be years old: age counts from when things were stored. So
    beside each stay stands what that moment is by its patient's clock: earlier by as much as the newest beat was old
    when the patient's state was stored last.

    Parameters
    ----------
    database : Database
        Where they are.
    before_us : int
        The moment, in microseconds since 1970 UTC.
    is_mine : callable
        Whether a patient is asked for.
    """
    stays, patients = live_stays, live_patients
    wanted = (
        select(stays.c.patient, stays.c.began_at_us, stays.c.fs, patients.c.stored_at_us)
        .outerjoin(patients, patients.c.patient == stays.c.patient)
        .order_by(stays.c.began_at_us.desc())
    )
    found: list[tuple[Stay, int]] = []
    moments: dict[str, int] = {}
    with database.reading() as connection:
        for patient, began_at_us, fs, stored_at_us in connection.execute(wanted).all():
            if not is_mine(patient):
                continue
            if patient not in moments:  # its last stay
                beats = live_beats
                mine = (beats.c.patient == patient) & (beats.c.began_at_us == began_at_us)
                last = select(beats.c.r_peak).where(mine).order_by(beats.c.beat.desc()).limit(1)
                r_peak = connection.execute(last).scalar_one_or_none() or 0
                newest_us = began_at_us + round(r_peak / fs * 1e6)
                moments[patient] = before_us - max(0, (stored_at_us or newest_us) - newest_us)
            if began_at_us < moments[patient]:
                found.append((Stay(patient, began_at_us, fs), moments[patient]))
    return found


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
