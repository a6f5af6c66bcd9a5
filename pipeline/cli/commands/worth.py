"""``ecg-anomaly worth``."""

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
    insert_option,
    insert_text,
    json_file_option,
    wide_console,
    write_json,
)

EPILOG = """
Examples:
  ecg-anomaly worth
  ecg-anomaly worth --data-dir my-annotated-records --folds 5 --json worth.json

Without RECORDS: the records that the shipped model learnt from. Each network is
trained in folds over the records and judged on records that it has not seen, on
the project's own R peaks, from 5:00 on. With the defaults it takes half an
hour.
"""


@click.command("worth", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@data_dir_option
@click.option("--folds", type=click.IntRange(2, 22), default=3, show_default=True, help="Folds over the records.")
@click.option("--passes", type=click.IntRange(min=1), default=120, show_default=True, help="Readings of each record.")
@json_file_option
@insert_option
@progress_option
def command(
    records: tuple[str, ...],
    data_dir: Path | None,
    folds: int,
    passes: int,
    json_file: Path | None,
    insert: tuple[Path, str] | None,
    progress: bool | None,
) -> None:
    """Hold the sequence network beside none, and beside one that knows the last eight beats."""
    check_outputs(json_file, insert)
    settings = read_settings()
    from pipeline.cli.display import progress_bar
    from pipeline.detection.sequence.training import SequenceSettings
    from pipeline.evaluation.protocol import DS1, SVDB_DEV
    from pipeline.learning.worth import measure_worth, worth_sheet

    opened = annotated_records(records, data_dir, settings, (*DS1, *SVDB_DEV))
    started = time.perf_counter()
    with progress_bar("worth", progress) as show:
        try:
            rows = measure_worth(
                opened,
                folds=folds,
                settings=SequenceSettings(passes=passes),
                progress=lambda share, loss: show(f"loss {loss:.3f}", share),
            )
        except ValueError as error:
            raise click.UsageError(f"these records cannot be measured: {error}") from error
    title = f"What the sequence network is worth: {len(opened)} records in {folds} folds, own R peaks"
    sheet = worth_sheet(rows, title)
    wide_console(180).print(sheet.rich())
    click.echo("In brackets: above the network without memory, with the paired 95 % interval over records.")
    if json_file is not None:
        write_json(json_file, {"command": asked(), "rows": [row.to_dict() for row in rows]})
    if insert is not None:
        insert_text(*insert, f"From `{asked()}`.\n\n{sheet.markdown()}")
    click.echo(f"{len(rows)} ways in {time.perf_counter() - started:.0f} s.")
