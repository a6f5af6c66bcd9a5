"""``ecg-anomaly models``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.database import open_database
from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option, read_settings
from pipeline.clock import moment, now_us

if TYPE_CHECKING:
    from pipeline.storage.database import Database, ModelStore, ModelVersion

EPILOG = """
Examples:
  ecg-anomaly models list
  ecg-anomaly models restore 5c74fd71

Published models lie in the folder models of ECG_STATE_DIR, each named by its
checksum; the database (ECG_DATABASE_URL) knows which were published when.
"""


class _Group(PipelineCommand, click.Group):
    """A command of commands whose examples keep their lines."""


@click.group("models", cls=_Group, epilog=EPILOG)
def command() -> None:
    """List the published models, or put an old one back."""


@command.command(
    "list", cls=PipelineCommand, epilog="\nExamples:\n  ecg-anomaly models list\n  ecg-anomaly models list --json\n"
)
@json_option
def list_models(as_json: bool) -> None:
    """Show the published models, the last one first."""
    from pipeline.cli.display import show_json

    settings = read_settings()
    with open_database(settings) as database:
        store = _store(database)
        versions, pointer = store.versions(), store.pointer
    if as_json:
        show_json({"folder": str(store.folder), "current": pointer, "models": [_facts(v) for v in versions]})
        return
    if not versions:
        click.echo("No model was published.")
        return
    _show(versions, settings.time_zone)
    click.echo(f"Folder: {store.folder}")
    published = next(version.checksum for version in versions if version.state == "published")
    if pointer != published:
        click.echo(
            f"Publishing was interrupted: the folder's pointer names {pointer or 'none'}, the database {published}. "
            f"`ecg-anomaly models restore {published[:12]}` makes them one.",
            err=True,
        )


@command.command("restore", cls=PipelineCommand, epilog="\nExamples:\n  ecg-anomaly models restore 5c74fd71\n")
@click.argument("checksum")
@json_option
def restore(checksum: str, as_json: bool) -> None:
    """Make the published model of this CHECKSUM, or its first digits, the current one again."""
    from pipeline.cli.display import show_json

    with open_database(read_settings()) as database:
        version = _store(database).restore(checksum, at_us=now_us())
    if as_json:
        show_json(_facts(version))
    else:
        click.echo(f"Model {version.checksum[:12]} is the current one.")


def _store(database: Database) -> ModelStore:
    from pipeline.storage.database import ModelStore

    return ModelStore(database, read_settings().models)


def _facts(version: ModelVersion) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(version), "published_at": moment(version.published_at_us, form="%Y-%m-%d %H:%M:%SZ")}


def _show(versions: list[ModelVersion], zone: str) -> None:
    from rich.table import Table

    from pipeline.cli.display import show_table

    table = Table(box=None, pad_edge=False)
    for name in ("model", "state", "published", "figures"):
        table.add_column(name, overflow="fold")
    for version in versions:
        plain = {name: value for name, value in version.figures.items() if isinstance(value, int | float | str)}
        figures = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in plain.items())
        table.add_row(version.checksum[:12], version.state, moment(version.published_at_us, zone), figures)
    show_table(table)
