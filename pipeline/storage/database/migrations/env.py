"""What alembic runs the migrations with: the connection, and so the transaction, of who called it."""

from __future__ import annotations

from alembic import context

from pipeline.storage.database.schema import VERSION_TABLE
from pipeline.storage.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,  # SQLite changes a table by copying it
)
context.run_migrations()
