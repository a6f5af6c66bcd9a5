"""``ecg-anomaly bench kernels``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from pipeline.cli.commands.bench.output import deliver, records_argument, synthetic_minutes_option
from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, json_option, model_option, progress_option, read_settings
from pipeline.cli.study import check_outputs, insert_option

SECTIONS = ("rpeaks", "filters", "network", "thresholds", "state", "start", "memory")

EPILOG = """
Examples:
  ecg-anomaly bench kernels
  ecg-anomaly bench kernels mitdb/208 --only rpeaks --only network
  ecg-anomaly bench kernels --only memory --days 1
  ecg-anomaly bench kernels --only network --device cuda

Each part runs in a fresh process with one thread, bound to a core, on the first
of RECORDS; without RECORDS, on the first one of mitdb, or a synthetic one. The
long records are synthetic, written to a temporary folder (0.9 GB for seven
days), and take some minutes. `ecg-anomaly bench peers` sets other packages
beside these.
"""


@click.command("kernels", cls=PipelineCommand, epilog=EPILOG)
@records_argument
@data_dir_option
@model_option
@click.option("--only", type=click.Choice(SECTIONS), multiple=True, help="Measure this part; may be given again.")
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Device on which the network runs.",
)
@click.option(
    "--days",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    default=(1.0, 7.0),
    show_default=True,
    help="Length of a long record in days; may be given again.",
)
@click.option("--cold", is_flag=True, help="Also measure the first start of a version, which compiles.")
@synthetic_minutes_option
@json_option
@insert_option
@progress_option
def kernels(
    records: tuple[str, ...],
    data_dir: Path | None,
    model: Path | None,
    only: tuple[str, ...],
    device: str,
    days: tuple[float, ...],
    cold: bool,
    minutes: float,
    as_json: bool,
    insert: tuple[Path, str] | None,
    progress: bool | None,
) -> None:
    """Measure the parts alone: R peaks, filters, network, thresholds, state, start and memory."""
    check_outputs(insert=insert)
    settings = read_settings()
    from dataclasses import asdict

    from pipeline.bench.kernels import bench_kernels
    from pipeline.bench.machine import this_machine
    from pipeline.bench.workload import choose
    from pipeline.cli.display import progress_bar
    from pipeline.evaluation.sheet import Sheet

    machine = this_machine()
    with tempfile.TemporaryDirectory(prefix="ecg-bench-") as folder, progress_bar("kernels", progress) as show:
        work = choose(records, Path(folder), data_dir=data_dir, settings=settings, first=1, minutes=minutes)
        rows = bench_kernels(work, only or SECTIONS, model=model, device=device, days=days, cold=cold, progress=show)
    sheet = Sheet(
        f"Parts alone, on {work.names[0]}",
        ("", "value", "unit", "beside"),
        tuple((f"{row.section}: {row.name}", _short(row.value), row.unit, row.note) for row in rows),
    )
    deliver([sheet], {"rows": [asdict(row) for row in rows]}, machine, as_json=as_json, insert=insert)


def _short(value: float) -> str:
    """Return a number with three digits that count, or whole."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
