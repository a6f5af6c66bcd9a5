"""``ecg-anomaly holter``."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand, bad_arguments
from pipeline.cli.options import (
    data_dir_option,
    json_option,
    leads_option,
    model_option,
    progress_option,
    read_settings,
)

EPILOG = """
Examples:
  ecg-anomaly holter mitdb/208
  ecg-anomaly holter night --data-dir my-records --out summaries
  ecg-anomaly holter mitdb/119 --json

Writes RECORD.html (the worst strips first), RECORD.pdf (A4, strips at 25 mm/s),
RECORD.json (with ST levels by the minute) and RECORD.parquet (a row an hour)
into the folder. Each figure stands with its definition and, where the record is
annotated, beside the annotators'.
"""


@click.command("holter", cls=PipelineCommand, epilog=EPILOG)
@click.argument("record")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="holter",
    show_default=True,
    help="Folder of the summaries.",
)
@data_dir_option
@leads_option
@model_option
@json_option
@progress_option
def command(
    record: str,
    out: Path,
    data_dir: Path | None,
    leads: tuple[str, ...] | None,
    model: Path | None,
    as_json: bool,
    progress: bool | None,
) -> None:
    """Sum RECORD up: rates, ectopic beats, fibrillation, variability, ST levels, and the strips to look at first."""
    settings = read_settings()
    from pipeline.cli.compiling import ensure_compiled
    from pipeline.cli.display import progress_bar, show_json, show_table, strict
    from pipeline.detection.model import DEFAULT_MODEL, BeatModel
    from pipeline.holter.pages import write_html, write_parquet, write_pdf
    from pipeline.holter.record import holter
    from pipeline.holter.table import rows
    from pipeline.sources import open_record
    from pipeline.storage.files import replace_file

    with bad_arguments():
        network = BeatModel.load(model or DEFAULT_MODEL)
    opened = open_record(record, data_dir=data_dir, leads=leads, settings=settings)
    ensure_compiled(network, progress=progress)
    with progress_bar("reading", progress) as show:
        done = holter(opened, network, settings, progress=lambda share: show(opened.name, share))
    import json

    name = opened.name.replace("/", "-")
    document = strict(done.to_dict())
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    write_html(out / f"{name}.html", done)
    write_pdf(out / f"{name}.pdf", done)
    write_parquet(out / f"{name}.parquet", done)
    replace_file(out / f"{name}.json", lambda part: part.write_text(text, encoding="utf-8"))
    if as_json:
        show_json(document)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=0, title=f"{opened.name}, {', '.join(opened.leads)}", title_justify="left")
    for heading in ("", "found", *(("annotated",) if done.reference else ())):
        table.add_column(heading, no_wrap=True)
    for row in rows(done.found, done.reference, done.st):
        table.add_row(*row[: len(table.columns)])
    show_table(table)
    click.echo("Not a medical device.")
    click.echo(f"Page:    {out / name}.html\nPrint:   {out / name}.pdf")
