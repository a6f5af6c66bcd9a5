"""An index by which a page asks what was acknowledged lately, once a second."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_alarms_acknowledged_at_us", "alarms", ["acknowledged_at_us"])
