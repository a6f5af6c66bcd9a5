"""Rows that are written again replace themselves: what makes a second run change nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["upsert"]


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    keep: Collection[str] = (),
) -> None:
    """Insert rows; a row whose key is there already is updated.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that writes.
    table : sqlalchemy.Table
        Where to.
    rows : sequence of mapping
        Values by name of the column, the same columns in each.
    key : sequence of str
        The columns of the constraint that tells rows apart.
    keep : collection of str
        Columns whose value stays what it was in a row that is there already.
    """
    if not rows:
        return
    # Both databases know the same clause; SQLAlchemy has it in a class for each.
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    changed = {name: insert.excluded[name] for name in rows[0] if name not in {*key, *keep}}
    connection.execute(
        insert.on_conflict_do_update(index_elements=list(key), set_=changed), [dict(row) for row in rows]
    )
