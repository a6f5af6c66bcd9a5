"""What the measuring commands share: their options, and how their figures are shown, kept and inserted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.study import asked, insert_text, wide_console

if TYPE_CHECKING:
    from pipeline.bench.machine import Machine
    from pipeline.evaluation.sheet import Sheet

__all__ = ["deliver", "records_argument", "synthetic_minutes_option"]

WIDTH = 120  # columns, where standard output is no terminal

records_argument = click.argument("records", nargs=-1)
synthetic_minutes_option = click.option(
    "--minutes",
    type=click.FloatRange(min=1),
    default=30.0,
    show_default=True,
    help="Length of a synthetic record, where no real one is in reach.",
)


def deliver(
    sheets: Sequence[Sheet],
    figures: dict[str, Any],
    machine: Machine,
    *,
    as_json: bool,
    insert: tuple[Path, str] | None,
    only_shown: Sequence[Sheet] = (),
    notes: Sequence[str] = (),
) -> None:
    """Print tables or one JSON document, and put the tables where they were asked to be put.

    Parameters
    ----------
    sheets : sequence of Sheet
        The tables.
    figures : dict
        The same figures, and more, for a machine.
    machine : Machine
        Where they were measured.
    as_json : bool
        Print JSON in place of tables.
    insert : (Path, str), optional
        Markdown file and name of its markers.
    only_shown : sequence of Sheet
        Tables that are printed and not inserted.
    notes : sequence of str
        Lines under the tables.
    """
    from pipeline.cli.display import show_json

    if as_json:
        show_json({"command": asked(), "machine": machine.to_dict(), **figures})
    else:
        console = wide_console(WIDTH)
        for sheet in (*sheets, *only_shown):
            console.print(sheet.rich())
        for line in (*notes, machine.line()):
            console.print(line)
    if insert is not None:
        tables = "\n\n".join(sheet.markdown() for sheet in sheets)
        under = "\n".join(f"{line}  " for line in (*notes, machine.line()))
        insert_text(*insert, f"From `{asked()}`.\n\n{tables}\n\n{under}", quietly=as_json)
