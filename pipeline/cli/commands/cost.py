"""``ecg-anomaly cost``."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, progress_option, read_settings
from pipeline.errors import OutputError

EPILOG = """
Examples:
  ecg-anomaly cost
  ecg-anomaly cost --json cost.json --figure cost.png
  ecg-anomaly cost --data-dir my-annotated-records --folds 5

Without RECORDS: the training half of mitdb (DS1). Each variant is trained in
folds over the records and judged on records that it has not seen, on the
project's own R peaks, from 5:00 on. With the defaults it takes some minutes.
"""


@click.command("cost", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@data_dir_option
@click.option("--folds", type=click.IntRange(2, 22), default=3, show_default=True, help="Folds over the records.")
@click.option("--epochs", type=click.IntRange(min=1), default=3, show_default=True, help="Passes over the beats.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write all figures here."
)
@click.option("--figure", type=click.Path(dir_okay=False, path_type=Path), help="Draw it here (.png, .svg or .pdf).")
@click.option(
    "--insert",
    type=(click.Path(exists=True, dir_okay=False, path_type=Path), str),
    metavar="FILE NAME",
    help="Also put the table into a Markdown file, between <!-- NAME:begin --> and <!-- NAME:end -->.",
)
@progress_option
def command(
    records: tuple[str, ...],
    data_dir: Path | None,
    folds: int,
    epochs: int,
    json_file: Path | None,
    figure: Path | None,
    insert: tuple[Path, str] | None,
    progress: bool | None,
) -> None:
    """Hold networks side by side: what each costs, and what it is worth."""
    settings = read_settings()
    from rich.console import Console

    from pipeline.cli.display import progress_bar
    from pipeline.cost import cost_sheet, measure_cost
    from pipeline.evaluation.protocol import DS1
    from pipeline.evaluation.sheet import insert_between_markers
    from pipeline.figures import check_format, draw_cost, save_figure
    from pipeline.sources import list_records, open_record

    asked = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    try:
        if figure is not None:
            check_format(figure)
        if insert is not None:
            insert_between_markers(insert[0].read_text("utf-8"), "", insert[1])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    names = list_records(*records, data_dir=data_dir, settings=settings) if records or data_dir else list(DS1)
    opened = [open_record(name, data_dir=data_dir, settings=settings) for name in names]
    bare = [record.name for record in opened if record.annotations() is None]
    if bare:
        raise click.UsageError(f"{bare[0]} has no beat annotations to be judged against")
    started = time.perf_counter()
    with progress_bar("cost", progress) as show:
        try:
            rows = measure_cost(opened, folds=folds, passes=epochs, clock=time.perf_counter, progress=show)
        except ValueError as error:
            raise click.UsageError(f"these records cannot be measured: {error}") from error
    sheet = cost_sheet(rows, f"Networks: {len(names)} records in {folds} folds, {epochs} passes, own R peaks")
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(sheet.rich())
    try:
        if json_file is not None:
            document = {"command": asked, "rows": [row.to_dict() for row in rows]}
            json_file.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
        if insert is not None:
            text = f"From `{asked}`.\n\n{sheet.markdown()}"
            insert[0].write_text(insert_between_markers(insert[0].read_text("utf-8"), text, insert[1]), "utf-8")
    except OSError as error:
        raise OutputError(f"{error.filename}: {error.strerror}") from error
    if figure is not None:
        save_figure(draw_cost(rows), figure)
    click.echo(f"{len(rows)} variants in {time.perf_counter() - started:.0f} s.")
