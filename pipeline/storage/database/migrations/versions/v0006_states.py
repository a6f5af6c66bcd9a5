"""The rhythm after each beat of a live stay."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; of beats from before nothing is known."""
    op.add_column("live_beats", sa.Column("state", sa.String(20)))
