"""``ecg-anomaly score``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import (
    OUT,
    annotator_option,
    data_dir_option,
    fs_option,
    read_settings,
    scoring_options,
    units_option,
)

EPILOG = """
Examples:
  ecg-anomaly score mitdb/208 mitdb/119 --out results
  ecg-anomaly score mitdb --out results --jobs 4
  ecg-anomaly score 'mitdb/1*' --leads MLII,V5,V1 --alpha 0.005 --out results
  ecg-anomaly score night.edf study/*.dcm --out results
  ecg-anomaly score export.csv --fs 250 --units uV
  ecg-anomaly score --data-dir my-records --out results --json

Exit codes: 0 all records scored, 1 some or all failed (the others were scored),
2 bad argument, 130 stopped. Records whose results are there are not scored
again unless record, model or settings have changed: a stopped run goes on.
"""


@click.command("score", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@click.option("--out", type=OUT, default="out", show_default=True, help="Folder of the results.")
@data_dir_option
@fs_option
@units_option
@annotator_option
@scoring_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    records: tuple[str, ...],
    out: Path,
    data_dir: Path | None,
    alpha: float | None,
    device: str | None,
    **options: Any,
) -> None:
    """Score the heartbeats of RECORDS: files of any format that is read, or names, globs or databases of PhysioNet.

    Writes every beat with its verdict (Parquet, WFDB annotations), alarms, drifts, gaps, a summary and report.html.
    """
    if not records and data_dir is None:
        raise click.UsageError(
            "name a record, such as mitdb/208, a file such as night.edf, or a folder with --data-dir"
        )
    from pipeline.cli.batch import score_batch

    ctx.exit(score_batch(records, out, read_settings(alpha, device), data_dir=data_dir, **options))
