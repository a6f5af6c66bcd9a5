"""``ecg-anomaly formats``."""

from __future__ import annotations

from typing import Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option

EPILOG = """
Examples:
  ecg-anomaly formats
  ecg-anomaly score night.edf study/*.dcm --out results
  ecg-anomaly import holter.ecg --out my-records

Any of them may be compressed with gzip (night.edf.gz). Where a library is
missing: pip install 'ecg-anomaly[formats]' Packages add formats by an entry
point of the group ecg_anomaly.formats. Damaged files are tried by `ecg-anomaly
fuzz`.
"""


@click.command("formats", cls=PipelineCommand, epilog=EPILOG)
@json_option
def command(as_json: bool) -> None:
    """List the formats of recordings that are read, by which library, and what is kept of them."""
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
