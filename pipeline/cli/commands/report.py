"""``ecg-anomaly report``."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option

EPILOG = """
Examples:
  ecg-anomaly report results
  ecg-anomaly report results --title 'Night of 12 March'
"""


@click.command("report", cls=PipelineCommand, epilog=EPILOG)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--title", help="Title of the page.")
@json_option
def command(folder: Path, title: str | None, as_json: bool) -> None:
    """Write report.html anew from the results in FOLDER."""
    from pipeline.cli.display import show_json, show_table
    from pipeline.report import summary_table, write_report
    from pipeline.storage import read_summary

    page = write_report(folder) if title is None else write_report(folder, title=title)
    summary = read_summary(folder)
    if as_json:
        show_json({"report": str(page), "records": len(summary.records), "failed": len(summary.failed)})
    else:
        show_table(summary_table(summary))
        click.echo(f"Report:  {page}")
