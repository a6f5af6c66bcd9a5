"""Alarms with a life: a row is an episode, and its later states replace the ones before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_OLD = (
    "id, origin, record, kind, priority, physiological, onset_us, raised_us, first_beat, last_beat, message, "
    "started_at_us, noted_at_us, run, acknowledged_by, acknowledged_at_us"
)


def upgrade() -> None:
    """Give the tables of alarms and deliveries their new columns."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    text = "CAST(raised_us AS VARCHAR)" if is_postgresql else "raised_us"
    key = f"kind || '@' || {text} || '/' || message"  # as pipeline.records.Alarm has it where nobody gives it one
    if is_postgresql:
        _add_columns(key)
    else:
        _copy_table(key)
    op.add_column("live_deliveries", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))


def _add_columns(key: str) -> None:
    op.add_column("alarms", sa.Column("key", sa.Text))
    op.add_column("alarms", sa.Column("revision", sa.Integer, nullable=False, server_default="0"))
    op.add_column("alarms", sa.Column("ended_us", sa.BigInteger))
    op.add_column("alarms", sa.Column("longest", sa.Integer, nullable=False, server_default="0"))
    op.add_column("alarms", sa.Column("rate_bpm", sa.Float(53)))
    op.execute(f"UPDATE alarms SET key = {key}")  # noqa: S608 - the key is written above
    op.alter_column("alarms", "key", nullable=False)
    op.drop_constraint("uq_alarms_origin", "alarms", type_="unique")
    op.create_unique_constraint("uq_alarms_origin", "alarms", ["origin", "record", "key"])


def _copy_table(key: str) -> None:
    # SQLite changes no constraint, and takes the rows of a dropped table for deleted: deliveries wait meanwhile.
    op.execute("CREATE TEMPORARY TABLE waiting AS SELECT * FROM live_deliveries")
    op.create_table(
        "alarms_new",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("priority", sa.String(10), nullable=False),
        sa.Column("physiological", sa.Boolean, nullable=False),
        sa.Column("onset_us", sa.BigInteger, nullable=False),
        sa.Column("raised_us", sa.BigInteger, nullable=False),
        sa.Column("first_beat", sa.BigInteger, nullable=False),
        sa.Column("last_beat", sa.BigInteger, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
        sa.Column("ended_us", sa.BigInteger),
        sa.Column("longest", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rate_bpm", sa.Float(53)),
        sa.Column("started_at_us", sa.BigInteger),
        sa.Column("noted_at_us", sa.BigInteger, nullable=False),
        sa.Column("run", sa.String(200)),
        sa.Column("acknowledged_by", sa.String(200)),
        sa.Column("acknowledged_at_us", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_alarms_run", ondelete="SET NULL"),
        sa.UniqueConstraint("origin", "record", "key", name="uq_alarms_origin"),
        sa.CheckConstraint(
            "(acknowledged_by IS NULL) = (acknowledged_at_us IS NULL)", name=op.f("ck_alarms_acknowledged")
        ),
    )
    op.execute(f"INSERT INTO alarms_new ({_OLD}, key) SELECT {_OLD}, {key} FROM alarms")  # noqa: S608
    op.drop_table("alarms")
    op.rename_table("alarms_new", "alarms")
    op.create_index("ix_alarms_run", "alarms", ["run"])
    op.create_index("ix_alarms_acknowledged_at_us", "alarms", ["acknowledged_at_us"])
    op.execute("INSERT OR IGNORE INTO live_deliveries SELECT * FROM waiting")
    op.execute("DROP TABLE waiting")
