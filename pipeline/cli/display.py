"""What a person sees: tables of 80 columns on standard output, progress on standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["progress_bar", "show_json", "show_lines", "show_table", "shows_progress", "strict"]

_WIDTH = 80

Report = Callable[[str, float], None]
"""Called as ``progress(what is under way, how much of everything is done)``, the latter from 0 to 1."""


def show_json(document: Any) -> None:
    """Print a document: strict JSON, where NaN and the infinities are null."""
    click.echo(json.dumps(strict(document), indent=2, allow_nan=False))


def strict(value: Any) -> Any:
    """Return a document with null in place of NaN and the infinities, which JSON does not know."""
    if isinstance(value, Mapping):
        return {name: strict(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show_table(table: Table) -> None:
    """Print a table; 80 columns wide where standard output is no terminal."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    console.print(table)


def show_lines(facts: Mapping[str, str]) -> None:
    """Print a line per fact, folded to the width of the page."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, text in facts.items():
        table.add_row(name, text)
    show_table(table)


def shows_progress(wanted: bool | None) -> bool:
    """Tell whether progress is shown: where it is asked for, by default on a terminal."""
    return sys.stderr.isatty() if wanted is None else wanted


@contextmanager
def progress_bar(title: str, wanted: bool | None) -> Iterator[Report]:
    """Show a bar on standard error while the block runs; by default only on a terminal."""
    if not shows_progress(wanted):
        yield lambda _what, _share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=1.0, what="")

        def report(what: str, share: float) -> None:
            bar.update(task, completed=share, what=what)

        yield report
