"""Runs, alarms and model versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("started_at_us", sa.BigInteger, nullable=False),
        sa.Column("finished_at_us", sa.BigInteger),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("model", sa.String(64)),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("figures", sa.JSON, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.CheckConstraint(
            "state IN ('running', 'completed', 'failed', 'cancelled', 'crashed')", name=op.f("ck_runs_state")
        ),
    )
    op.create_index("ix_runs_started_at_us", "runs", ["started_at_us"])
    op.create_table(
        "alarms",
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
        sa.Column("started_at_us", sa.BigInteger),
        sa.Column("noted_at_us", sa.BigInteger, nullable=False),
        sa.Column("run", sa.String(200)),
        sa.Column("acknowledged_by", sa.String(200)),
        sa.Column("acknowledged_at_us", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_alarms_run", ondelete="SET NULL"),
        sa.UniqueConstraint("origin", "record", "kind", "raised_us", "message", name="uq_alarms_origin"),
        sa.CheckConstraint(
            "(acknowledged_by IS NULL) = (acknowledged_at_us IS NULL)", name=op.f("ck_alarms_acknowledged")
        ),
    )
    op.create_index("ix_alarms_run", "alarms", ["run"])
    op.create_table(
        "model_versions",
        sa.Column("checksum", sa.String(64), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("figures", sa.JSON, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("published_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("checksum", name="pk_model_versions"),
        sa.CheckConstraint("state IN ('published', 'archived')", name=op.f("ck_model_versions_state")),
    )
    op.create_index(
        "uq_model_versions_published",
        "model_versions",
        ["state"],
        unique=True,
        sqlite_where=sa.text("state = 'published'"),
        postgresql_where=sa.text("state = 'published'"),
    )
