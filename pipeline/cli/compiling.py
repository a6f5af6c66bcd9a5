"""A first run that says that it compiles."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from threading import Event

    from pipeline.detection.model import BeatModel

__all__ = ["compile_while_shown", "ensure_compiled"]

FIRST_RUN = "First run of this version: compiling machine code takes one to two minutes, once."


class _Stopped(Exception):
    """Nobody waits for it any more."""


def compile_while_shown(model: BeatModel, stop: Event) -> None:
    """Make the machine code of this version if it is not there, beside a page that answers already, until told to stop.

    It is said in one line; the bar would stand between the lines of the log.
    """
    from pipeline.compiling import compile_all, is_compiled

    def go_on(_share: float) -> None:
        if stop.is_set():
            raise _Stopped

    if is_compiled(model.kind):
        return
    click.echo(f"{FIRST_RUN} The patients come after it.", err=True)
    with suppress(_Stopped):
        compile_all(model.kind, go_on)


def ensure_compiled(model: BeatModel | None = None, *, progress: bool | None = None) -> None:
    """Make the machine code of this version if it is not there, with a line, and a bar where somebody looks.

    Parameters
    ----------
    model : BeatModel, optional
        What will score; by default the model that ships.
    progress : bool or None
        Whether the bar is shown; by default on a terminal. The line is left out only if it is False.
    """
    from pipeline.cli.display import progress_bar
    from pipeline.compiling import compile_all, is_compiled

    kind = "autoencoder" if model is None else model.kind
    if is_compiled(kind):
        return
    if progress is not False:  # also into a log: a minute of silence looks like a standstill
        click.echo(FIRST_RUN, err=True)
    with progress_bar("compiling", progress) as show:
        compile_all(kind, lambda share: show("", share))
