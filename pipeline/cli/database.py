"""The database that the settings name, opened for a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.storage.database import Database

__all__ = ["open_database"]


def open_database(settings: Settings) -> Database:
    """Open the database that the settings name, its tables brought up to date.

    Raises
    ------
    click.UsageError
        If ``database_url`` is no URL of a database that can be used.
    OutputError
        If it cannot be reached or written to, or a newer version of this project has written it.
    """
    from pipeline.storage.database import Database

    try:
        return Database.open(settings.database)
    except ValueError as error:
        raise click.UsageError(f"setting database_url (ECG_DATABASE_URL): {error}") from error
