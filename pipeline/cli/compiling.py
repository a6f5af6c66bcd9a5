"""A first run that says that it compiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipeline.detection.model import BeatModel

__all__ = ["ensure_compiled"]


def ensure_compiled(model: BeatModel | None = None, *, progress: bool | None = None) -> None:
    """Make the machine code of this version if it is not there, with a line and a bar where somebody looks.

    Parameters
    ----------
    model : BeatModel, optional
        What will score; by default the model that ships.
    progress : bool or None
        Whether the line and the bar are shown; by default on a terminal.
    """
    from pipeline.cli.display import progress_bar, shows_progress
    from pipeline.compiling import compile_all, is_compiled

    kind = "autoencoder" if model is None else model.kind
    if is_compiled(kind):
        return
    if shows_progress(progress):
        click.echo("First run of this version: compiling machine code takes a minute or so, once.", err=True)
    with progress_bar("compiling", progress) as show:
        compile_all(kind, lambda share: show("", share))
