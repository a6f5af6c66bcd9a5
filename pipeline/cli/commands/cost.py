"""``ecg-anomaly cost``."""

from __future__ import annotations

import time
from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, progress_option, read_settings
from pipeline.cli.study import (
    annotated_records,
    asked,
    check_outputs,
    figure_option,
    insert_option,
    insert_text,
    json_file_option,
    wide_console,
    write_json,
)

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
@json_file_option
@figure_option
@insert_option
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
    check_outputs(json_file, insert, figure)
    settings = read_settings()
    from pipeline.cli.display import progress_bar
    from pipeline.evaluation.protocol import DS1
    from pipeline.figures import draw_cost, save_figure
    from pipeline.learning.cost import cost_sheet, measure_cost

    opened = annotated_records(records, data_dir, settings, DS1)
    started = time.perf_counter()
    with progress_bar("cost", progress) as show:
        try:
            rows = measure_cost(opened, folds=folds, passes=epochs, clock=time.perf_counter, progress=show)
        except ValueError as error:
            raise click.UsageError(f"these records cannot be measured: {error}") from error
    sheet = cost_sheet(rows, f"Networks: {len(opened)} records in {folds} folds, {epochs} passes, own R peaks")
    wide_console(120).print(sheet.rich())
    if json_file is not None:
        write_json(json_file, {"command": asked(), "rows": [row.to_dict() for row in rows]})
    if insert is not None:
        insert_text(*insert, f"From `{asked()}`.\n\n{sheet.markdown()}")
    if figure is not None:
        save_figure(draw_cost(rows), figure)
        click.echo(f"Written: {figure}")
    click.echo(f"{len(rows)} variants in {time.perf_counter() - started:.0f} s.")
