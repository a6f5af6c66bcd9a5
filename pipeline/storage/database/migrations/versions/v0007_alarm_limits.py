"""Limits of alarms that somebody has set for one patient, line by line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "alarm_limits",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.Float(53)),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("set_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alarm_limits"),
    )
    op.create_index("ix_alarm_limits_patient", "alarm_limits", ["patient"])
