"""``ecg-anomaly bench backfill``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.commands.bench.output import deliver, records_argument, synthetic_minutes_option
from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, json_option, model_option, progress_option, read_settings
from pipeline.cli.study import check_outputs, insert_option

if TYPE_CHECKING:
    from pipeline.bench.backfill import Backfill
    from pipeline.evaluation.sheet import Sheet

EPILOG = """
Examples:
  ecg-anomaly bench backfill
  ecg-anomaly bench backfill mitdb/208 mitdb/119 --json
  ecg-anomaly bench backfill --workers 2 --no-stages
  ecg-anomaly bench backfill --data-dir my-records

Without RECORDS: all of mitdb, or synthetic records where neither a mirror nor
the network is in reach. Each worker is a fresh process with one thread, bound
to a core of its own; it scores one record before the clock starts. The stages
are told apart in a second run by a sampling profiler, whose own cost is stated.
"""


@click.command("backfill", cls=PipelineCommand, epilog=EPILOG)
@records_argument
@data_dir_option
@model_option
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes, a core each.")
@click.option("--first", type=click.IntRange(min=1), help="Take no more than so many records.")
@click.option(
    "--stages/--no-stages", default=True, show_default=True, help="Tell where the time goes, in a second run."
)
@synthetic_minutes_option
@json_option
@insert_option
@progress_option
def backfill(
    records: tuple[str, ...],
    data_dir: Path | None,
    model: Path | None,
    workers: int,
    first: int | None,
    stages: bool,
    minutes: float,
    as_json: bool,
    insert: tuple[Path, str] | None,
    progress: bool | None,
) -> None:
    """Score RECORDS from file to Parquet, learning on: time, memory, and where the time goes."""
    check_outputs(insert=insert)
    settings = read_settings()
    from pipeline.bench.backfill import bench_backfill
    from pipeline.bench.machine import this_machine
    from pipeline.bench.workload import choose
    from pipeline.cli.display import progress_bar

    with (
        tempfile.TemporaryDirectory(prefix="ecg-bench-") as temporary,
        progress_bar("backfill", progress) as show,
    ):
        folder = Path(temporary)
        work = choose(records, folder / "records", data_dir=data_dir, settings=settings, first=first, minutes=minutes)
        machine = this_machine()
        done = bench_backfill(work, folder / "out", workers=workers, model=model, stages=stages, progress=show)
    sheets = [_total(done)] + ([_stages(done)] if done.stages else [])
    deliver(sheets, done.to_dict(), machine, as_json=as_json, insert=insert, only_shown=[_records(done)])


def _total(done: Backfill) -> Sheet:
    from pipeline.evaluation.sheet import Sheet

    cores = "1 core" if done.workers == 1 else f"{done.workers} processes"
    day = 86400.0 / done.times_real_time
    return Sheet(
        f"Backfill, {done.what}, {cores}",
        ("", "value"),
        (
            ("signal", f"{done.hours:.2f} h, {done.beats:,} beats"),
            ("wall", f"{done.wall_s:.2f} s"),
            ("processor", f"{done.cpu_s:.2f} s"),
            ("times real time", f"{done.times_real_time:,.0f}"),
            ("24 h of signal in", f"{day:.1f} s"),
            ("processor a beat", f"{1e6 * done.cpu_s / done.beats:.0f} us" if done.beats else "–"),
            ("memory after the import", f"{done.import_mb:.0f} MB"),
            ("most memory over that", f"{done.peak_mb:.0f} MB"),
            ("start of a process, to its first record scored", f"{done.start_s:.1f} s"),
        ),
    )


def _stages(done: Backfill) -> Sheet:
    from pipeline.evaluation.sheet import Sheet

    total = sum(done.stages.values())
    rows = sorted(done.stages.items(), key=lambda item: -item[1])
    return Sheet(
        f"Where the time goes, by {done.looks:,} samples that took {100 * done.looking_s / total:.2f} % more",
        ("stage", "s", "share", "us a beat"),
        tuple(
            (name, f"{seconds:.2f}", f"{100 * seconds / total:.0f} %", f"{1e6 * seconds / max(done.beats, 1):.1f}")
            for name, seconds in rows
        ),
    )


def _records(done: Backfill) -> Sheet:
    from pipeline.evaluation.sheet import Sheet

    return Sheet(
        "By record",
        ("record", "min", "beats", "wall s", "processor s", "times real time", "us a beat", "MB over import"),
        tuple(
            (
                cost.record,
                f"{60 * cost.hours:.1f}",
                f"{cost.beats:,}",
                f"{cost.wall_s:.3f}",
                f"{cost.cpu_s:.3f}",
                f"{cost.times_real_time:,.0f}",
                f"{1e6 * cost.cpu_s / max(cost.beats, 1):.0f}",
                f"{cost.peak_mb:.0f}",
            )
            for cost in done.records
        ),
    )
