"""Who acknowledged which alarm and who took that back, line by line: the log outlives both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table, and write down what alarms say of themselves so far."""
    op.create_table(
        "alarm_actions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("alarm", sa.Integer),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("priority", sa.String(10), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("done_at_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alarm_actions"),
        sa.ForeignKeyConstraint(["alarm"], ["alarms.id"], name="fk_alarm_actions_alarm", ondelete="SET NULL"),
    )
    op.create_index("ix_alarm_actions_alarm", "alarm_actions", ["alarm"])
    op.create_index("ix_alarm_actions_done_at_us", "alarm_actions", ["done_at_us"])
    op.execute(
        'INSERT INTO alarm_actions (alarm, record, kind, priority, action, "by", done_at_us) '
        "SELECT id, record, kind, priority, 'acknowledged', acknowledged_by, acknowledged_at_us "
        "FROM alarms WHERE acknowledged_by IS NOT NULL"
    )
