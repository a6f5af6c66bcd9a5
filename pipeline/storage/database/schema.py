"""Bringing the tables of a database to the version of the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from pipeline.errors import OutputError

if TYPE_CHECKING:
    from pipeline.storage.database.connection import Database

__all__ = ["VERSION_TABLE", "upgrade"]

# Not alembic's own name for it: Prefect's tables may lie in the same PostgreSQL database, and it uses that.
VERSION_TABLE = "ecg_anomaly_schema"

_LOCK = 0x45434721  # any number that nobody else in the database locks


def upgrade(database: Database) -> None:
    """Run the migrations that a database lacks, all of them or none.

    Several processes may do so at once: one does the work, the others find it done.

    Raises
    ------
    OutputError
        If the database cannot be used, or a newer version of this project has written it.
    """
    config = Config()
    config.set_main_option("script_location", "pipeline.storage.database:migrations")
    scripts = ScriptDirectory.from_config(config)
    latest = scripts.get_current_head()
    known = {script.revision for script in scripts.walk_revisions()}
    with database.reading() as connection:
        if _version(connection, database.url, known) == latest:
            return
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's writers are alone from the start
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if _version(connection, database.url, known) != latest:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _version(connection: Connection, url: str, known: set[str]) -> str | None:
    version = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if version is not None and version not in known:
        raise OutputError(
            f"database {url} was written by a newer version of this project (its tables are of version {version}, "
            f"the newest known here is {max(known)}); upgrade ecg-anomaly, or name another with ECG_DATABASE_URL"
        )
    return version
