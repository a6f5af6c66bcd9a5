"""``ecg-anomaly demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import OUT, data_dir_option, minutes_option, read_settings, scoring_options, seed_option

if TYPE_CHECKING:
    from pipeline.settings import Settings

EPILOG = """
Examples:
  ecg-anomaly demo
  ecg-anomaly demo --out demo-out --minutes 20 --seed 7
  ecg-anomaly demo mitdb/208 mitdb/119 --out demo-out

Without RECORDS, ten synthetic patients of different rhythms are written to
DIR/records/synth as WFDB files and read from there, as any record is; nothing
is fetched. Se and +P in the table count from 5:00 on, so shorter records have
none.
"""


@click.command("demo", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@click.option("--out", type=OUT, default="demo-out", show_default=True, help="Folder of the results.")
@minutes_option
@seed_option
@data_dir_option
@scoring_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    records: tuple[str, ...],
    out: Path,
    minutes: float,
    seed: int,
    data_dir: Path | None,
    alpha: float | None,
    device: str | None,
    **options: Any,
) -> None:
    """Score ten synthetic patients, or RECORDS."""
    from pipeline.cli.batch import score_batch

    settings: Settings = read_settings(alpha, device)
    if not records and data_dir is None:
        from pipeline.cli.patients import write_patients

        data_dir = out / "records" / "synth"
        written = write_patients((), data_dir, minutes=minutes, fs=360.0, seed=seed, progress=options["progress"])
        records = tuple(written)
    ctx.exit(score_batch(records, out, settings, data_dir=data_dir, **options))
