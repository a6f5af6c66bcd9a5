"""Partitions, patients and results of live monitoring."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of live monitoring."""
    op.create_table(
        "live_partitions",
        sa.Column("partition", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("of", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(200)),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("log", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("partition", name="pk_live_partitions"),
    )
    op.create_table(
        "live_patients",
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("log", sa.String(40), nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Column("stored_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("patient", name="pk_live_patients"),
    )
    op.create_index("ix_live_patients_partition", "live_patients", ["partition"])
    _of_a_stay(
        "live_stays",
        sa.Column("session", sa.String(100), nullable=False),
        sa.Column("fs", sa.Float(53), nullable=False),
        sa.Column("leads", sa.JSON, nullable=False),
    )
    _of_a_stay(
        "live_beats",
        sa.Column("beat", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("r_peak", sa.BigInteger, nullable=False),
        sa.Column("rr_s", sa.Float(53)),
        sa.Column("score", sa.Float(53)),
        sa.Column("threshold", sa.Float(53)),
        sa.Column("p_value", sa.Float(53)),
        sa.Column("is_anomaly", sa.Boolean, nullable=False),
        sa.Column("drift", sa.Boolean, nullable=False),
        sa.Column("quality", sa.Float(53), nullable=False),
        sa.Column("learning", sa.Boolean, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("shape", sa.Float(53)),
        sa.Column("rhythm", sa.Float(53)),
        key=("beat",),
    )
    _of_a_stay(
        "live_drifts",
        sa.Column("beat", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("before", sa.Float(53), nullable=False),
        sa.Column("after", sa.Float(53), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        key=("beat",),
    )
    _of_a_stay(
        "live_gaps",
        sa.Column("start_us", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("stop_us", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        key=("start_us", "stop_us", "reason"),
    )
    op.create_table(
        "live_deliveries",
        sa.Column("sink", sa.String(200), nullable=False),
        sa.Column("alarm", sa.Integer, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("sink", "alarm", name="pk_live_deliveries"),
        sa.ForeignKeyConstraint(["alarm"], ["alarms.id"], name="fk_live_deliveries_alarm", ondelete="CASCADE"),
    )
    op.create_index("ix_live_deliveries_alarm", "live_deliveries", ["alarm"])


def _of_a_stay(name: str, *columns: sa.Column[Any], key: tuple[str, ...] = ()) -> None:
    op.create_table(
        name,
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("began_at_us", sa.BigInteger, autoincrement=False, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("patient", "began_at_us", *key, name=f"pk_{name}"),
    )
