"""``ecg-anomaly fuzz``."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option, progress_option, seed_option

EPILOG = """
Examples:
  ecg-anomaly fuzz readers --inputs 10000 --seed 0
  ecg-anomaly fuzz readers --ending .edf --inputs 1000 --keep faults

A small file of each format is damaged in headers, samples and annotations, and read
in a process of its own. Each is to be read, or refused in one line, within 20 s and
1 GB. Exit codes: 0 all were, 1 some were not.
"""


@click.group("fuzz")
def command() -> None:
    """Try what reads recordings on damaged files."""


@command.command("readers", cls=PipelineCommand, epilog=EPILOG)
@click.option("--inputs", type=click.IntRange(min=1), default=1000, show_default=True, help="How many files.")
@seed_option
@click.option("--ending", "endings", multiple=True, help="Only formats of this ending, such as .edf.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder for the files at fault.")
@json_option
@progress_option
@click.pass_context
def readers(
    ctx: click.Context,
    inputs: int,
    seed: int,
    endings: tuple[str, ...],
    keep: Path | None,
    as_json: bool,
    progress: bool | None,
) -> None:
    """Read damaged files of every format."""
    from dataclasses import asdict

    from pipeline.cli.display import progress_bar, show_json
    from pipeline.sources.fuzz import fuzz_readers

    with progress_bar("reading", progress) as show:
        try:
            report = fuzz_readers(
                inputs, seed, only=endings, keep=keep, progress=lambda done: show(f"{done} files", done / inputs)
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    if as_json:
        show_json({**asdict(report), "inputs": inputs, "seed": seed})
    else:
        for fault in report.faults[:20]:
            click.echo(f"Input {fault.number} ({fault.file}): {fault.what}\n{fault.details}", err=True)
        click.echo(
            f"{inputs} files: {report.read} read, {report.refused} refused in one line, {len(report.faults)} at fault; "
            f"{report.largest_mb:.0f} MB at the most."
        )
    ctx.exit(int(bool(report.faults)))
