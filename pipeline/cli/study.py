"""What commands that measure share: options, and where their tables, figures and numbers go."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.cli.display import strict
from pipeline.errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.records import Record
    from pipeline.settings import Settings

__all__ = [
    "Group",
    "annotated_records",
    "asked",
    "check_outputs",
    "chosen_groups",
    "chosen_records",
    "figure_option",
    "insert_option",
    "insert_text",
    "json_file_option",
    "rpeaks_option",
    "wide_console",
    "write_json",
    "write_text",
]

F = TypeVar("F", bound=Callable[..., Any])

_FILE = click.Path(dir_okay=False, path_type=Path)

json_file_option = click.option("--json", "json_file", type=_FILE, help="Also write all figures here.")
figure_option = click.option("--figure", type=_FILE, help="Draw it here (.png, .svg or .pdf).")
insert_option = click.option(
    "--insert",
    type=(click.Path(exists=True, dir_okay=False, path_type=Path), str),
    metavar="FILE NAME",
    help="Also put the tables into a Markdown file, between <!-- NAME:begin --> and <!-- NAME:end -->.",
)


def rpeaks_option(default: str) -> Callable[[F], F]:
    """Return the option that tells whose R peaks are scored."""
    return click.option(
        "--rpeaks",
        type=click.Choice(["reference", "detected"]),
        default=default,
        show_default=True,
        help="Score annotated R peaks, or those that the project detects.",
    )


def chosen_records(
    records: Sequence[str], split: str | None, data_dir: Path | None, settings: Settings, annotator: str = "atr"
) -> list[str]:
    """Return the names of the records that are measured: those of a split, or those that are named.

    Of a folder without names, those count that somebody annotated; how many are left out is said.

    Raises
    ------
    click.UsageError
        If records and split are both given, or nothing is, or nobody annotated a record of the folder.
    """
    if split and records:
        raise click.UsageError("--split names records: leave out RECORDS, or --split")
    if not (records or split or data_dir):
        raise click.UsageError("name records, a database, --split DS1, or a folder with --data-dir")
    from pipeline.evaluation.protocol import SPLITS
    from pipeline.sources import list_records

    if split in SPLITS:
        return [name if data_dir is None else name.rpartition("/")[2] for name in SPLITS[split]]
    if data_dir is None:
        return list_records(*(records or ["mitdb"]), settings=settings)
    names = list_records(*records, data_dir=data_dir)
    if records:
        return names
    annotated = [name for name in names if (data_dir / f"{name}.{annotator}").is_file()]
    if not annotated:
        raise click.UsageError(f"{data_dir} holds no record with beat annotations (.{annotator})")
    if len(annotated) < len(names):
        left_out = f"{len(names) - len(annotated)} of {len(names)} records in {data_dir}"
        click.echo(f"{left_out} have no annotations (.{annotator}): left out.", err=True)
    return annotated


@dataclass(frozen=True, slots=True)
class Group:
    """Records that are measured together: their names, the folder they lie in, and their database if one is meant."""

    name: str
    records: tuple[str, ...]
    data_dir: Path | None
    database: str | None


def chosen_groups(
    records: Sequence[str],
    splits: Sequence[str],
    data_dirs: Sequence[Path],
    settings: Settings,
    annotator: str = "atr",
) -> list[Group]:
    """Return the groups of records that are measured: each split or folder by itself, or the records that are named.

    Raises
    ------
    click.UsageError
        As :func:`chosen_records`; or if several folders are given beside records or splits.
    """
    if len(data_dirs) > 1 and (records or splits):
        raise click.UsageError("several --data-dir are measured each by itself: leave out RECORDS and --split")
    folder = data_dirs[0] if data_dirs else None
    if splits:
        databases = {split: "svdb" if split.startswith("svdb") else "mitdb" for split in splits}
        return [
            Group(split, tuple(chosen_records(records, split, folder, settings, annotator)), folder, database)
            for split, database in databases.items()
        ]
    if len(data_dirs) > 1:
        return [
            Group(str(one), tuple(chosen_records((), None, one, settings, annotator)), one, None) for one in data_dirs
        ]
    return [Group("", tuple(chosen_records(records, None, folder, settings, annotator)), folder, None)]


def annotated_records(
    records: Sequence[str], data_dir: Path | None, settings: Settings, default: Sequence[str]
) -> list[Record]:
    """Open the records that are named, or all of a folder, or the default ones.

    Raises
    ------
    click.UsageError
        If nobody has annotated one of them.
    """
    from pipeline.sources import list_records, open_record

    chosen = list_records(*records, data_dir=data_dir, settings=settings) if records or data_dir else default
    opened: list[Record] = [open_record(name, data_dir=data_dir, settings=settings) for name in chosen]
    bare = [record.name for record in opened if record.annotations() is None]
    if bare:
        raise click.UsageError(f"{bare[0]} has no beat annotations to be judged against")
    return opened


def asked() -> str:
    """Return the command as it was given, to stand beside what it printed."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def wide_console(width: int) -> Console:
    """Return a console of so many columns where standard output is no terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width, highlight=False)


def check_outputs(
    json_file: Path | None = None, insert: tuple[Path, str] | None = None, figure: Path | None = None
) -> None:
    """Make sure, before the work, that its results will have a place.

    Raises
    ------
    click.UsageError
        If a folder is missing, a file has no markers, or a figure's name tells no format.
    """
    for option, file in (("--json", json_file), ("--figure", figure)):
        if file is not None and not file.absolute().parent.is_dir():
            raise click.UsageError(f"{option}: there is no folder {file.parent}")
    if figure is not None:
        from pipeline.figures import check_format

        try:
            check_format(figure)
        except ValueError as error:
            raise click.UsageError(f"--figure: {error}") from error
    if insert is not None:
        _inserted(*insert, "")


def write_json(file: Path, document: Any) -> None:
    """Write strict JSON, where NaN and the infinities are null, and say where."""
    write_text(file, json.dumps(strict(document), indent=2, allow_nan=False) + "\n")


def insert_text(file: Path, name: str, text: str, *, quietly: bool = False) -> None:
    """Put text between the markers of a name in a Markdown file, and say where."""
    write_text(file, _inserted(file, name, text), quietly=quietly)


def write_text(file: Path, text: str, *, quietly: bool = False) -> None:
    """Write a file, and say where: on standard error if ``quietly``, as standard output belongs to a document.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise OutputError(f"{file}: {error.strerror}") from error
    click.echo(f"Written: {file}", err=quietly)


def _inserted(file: Path, name: str, text: str) -> str:
    from pipeline.evaluation.sheet import insert_between_markers

    try:
        return insert_between_markers(file.read_text("utf-8"), text, name)
    except ValueError as error:
        raise click.UsageError(f"--insert: {file}: {error}") from error
