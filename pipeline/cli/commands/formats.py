"""``ecg-anomaly formats``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option, progress_option, seed_option

EPILOG = """
Examples:
  ecg-anomaly formats
  ecg-anomaly score night.edf study/*.dcm --out results
  ecg-anomaly import holter.ecg --out my-records
  ecg-anomaly formats --fuzz 10000 --seed 0

Any of them may be compressed with gzip (night.edf.gz). Where a library is missing:
pip install 'ecg-anomaly[formats]'
Packages add formats by an entry point of the group ecg_anomaly.formats.

With --fuzz a small file of each format (but BIOPAC's) is damaged, over and over, in headers,
samples and annotations, and read in a process of its own. Each is to be read, or
refused in one line, within 20 s and 1 GB. Exit codes: 0 all were, 1 some were not.
"""


@click.command("formats", cls=PipelineCommand, epilog=EPILOG)
@click.option("--fuzz", "inputs", type=click.IntRange(min=1), help="Try all readers on so many damaged files.")
@seed_option
@click.option("--ending", "endings", multiple=True, help="Try only formats of this ending, such as .edf.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Folder for the files at fault.")
@json_option
@progress_option
@click.pass_context
def command(
    ctx: click.Context,
    inputs: int | None,
    seed: int,
    endings: tuple[str, ...],
    keep: Path | None,
    as_json: bool,
    progress: bool | None,
) -> None:
    """List the formats of recordings that are read, by which library, and what is kept of them."""
    if inputs is None:
        _list(as_json=as_json)
        return
    from dataclasses import asdict

    from pipeline.cli.display import progress_bar, show_json
    from pipeline.sources.fuzz import fuzz_readers

    def tell(done: int) -> None:
        show(f"{done} files", done / inputs)

    with progress_bar("reading", progress) as show:
        try:
            report = fuzz_readers(inputs, seed, only=endings, keep=keep, progress=tell)
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


def _list(*, as_json: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from pipeline.cli.display import show_json, show_table
    from pipeline.sources.foreign import formats

    rows: list[dict[str, Any]] = [
        {
            "name": known.name,
            "endings": list(known.endings),
            "library": known.library or "ecg-anomaly",
            "installed": known.is_installed,
            "keeps": known.keeps,
            "in_folders": known.lists,
        }
        for known in formats()
    ]
    wfdb = {"name": "WFDB", "endings": [".hea"], "library": "wfdb", "installed": True}
    rows.insert(0, {**wfdb, "keeps": "start, annotations, holes", "in_folders": True})
    if as_json:
        show_json({"formats": rows})
        return
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for head in ("format", "endings", "read by", "kept beside the signal"):
        table.add_column(head, overflow="fold")
    for row in rows:
        library = str(row["library"]) + ("" if row["installed"] else " (missing)")
        table.add_row(str(row["name"]), " ".join(row["endings"]), library, str(row["keeps"]))
    show_table(table)
