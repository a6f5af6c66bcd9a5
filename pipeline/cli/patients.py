"""The synthetic patients by name, as files."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import click

__all__ = ["patients", "write_patients"]

_DATABASE = "synth/"


def patients(names: Sequence[str] = ()) -> dict[str, str]:
    """Return what each patient has, by name such as ``bigeminy``; all of them if none is named.

    Raises
    ------
    click.UsageError
        If there is no such patient.
    """
    from pipeline.sources.synthetic import demo_ward

    titles = {name.removeprefix(_DATABASE): scenario.title for name, scenario in demo_ward().items()}
    wanted = [name.removeprefix(_DATABASE) for name in names] or list(titles)
    for name in wanted:
        if name not in titles:
            near = get_close_matches(name, titles, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(titles)}"
            raise click.UsageError(f"no synthetic patient is called {name!r}; {hint}")
    return {name: titles[name] for name in wanted}


def write_patients(
    names: Sequence[str], folder: Path, *, minutes: float, fs: float, seed: int, progress: bool | None
) -> list[str]:
    """Write patients as WFDB records into a folder and return the names of the records in it.

    Raises
    ------
    click.UsageError
        If there is no such patient.
    OutputError
        If the folder cannot be written to.
    """
    from pipeline.cli.display import progress_bar
    from pipeline.sources.synthetic import demo_ward, synthesise, write_wfdb

    wanted = list(patients(names))
    seconds = 60.0 * minutes
    ward = demo_ward(seconds)
    with progress_bar("writing", progress) as show:
        for i, name in enumerate(wanted):
            show(name, i / len(wanted))
            full = _DATABASE + name
            write_wfdb(synthesise(ward[full], name=full, fs=fs, seconds=seconds, seed=seed), folder)
    return wanted
