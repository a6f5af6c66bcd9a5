"""``ecg-anomaly bench growth``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.commands.bench.output import deliver
from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option, progress_option
from pipeline.cli.study import check_outputs, figure_option, insert_option

if TYPE_CHECKING:
    from pipeline.bench.growth import Point, Series
    from pipeline.evaluation.sheet import Sheet

AXES = ("patients", "hours", "leads", "rates")

MEMORY = "MB: what all patients of a ward hold; elsewhere the most that the process held over its imports."

EPILOG = """
Examples:
  ecg-anomaly bench growth --figure growth.png
  ecg-anomaly bench growth --only patients --only hours --json
  ecg-anomaly bench growth --quick

patients  a ward of two-lead patients at 360 Hz, 1 s of signal at a time
hours     one record from a generator, scored to Parquet
leads     a WFDB file of so many leads, of which two are scored
rates     two leads at 128 to 1,000 Hz

Each in fresh processes with one thread, bound to a core. An exponent is the
slope of a straight line through log cost over log size; above 1.05 is worse
than linear. With the defaults it takes about ten minutes.
"""


@click.command("growth", cls=PipelineCommand, epilog=EPILOG)
@click.option("--only", type=click.Choice(AXES), multiple=True, help="Measure this axis; may be given again.")
@click.option("--quick", is_flag=True, help="A few small sizes, to see that it works.")
@json_option
@figure_option
@insert_option
@progress_option
def growth(
    only: tuple[str, ...],
    quick: bool,
    as_json: bool,
    figure: Path | None,
    insert: tuple[Path, str] | None,
    progress: bool | None,
) -> None:
    """Measure how processor time and memory grow with patients, hours, leads and sampling rate."""
    check_outputs(insert=insert, figure=figure)
    from pipeline.bench.growth import QUICK, bench_growth
    from pipeline.bench.machine import this_machine
    from pipeline.cli.display import progress_bar

    machine = this_machine()
    with progress_bar("growth", progress) as show:
        done = bench_growth(only or AXES, QUICK if quick else None, progress=show)
    deliver(
        [_exponents(done), *map(_points, done)],
        {"growth": [series.to_dict() for series in done]},
        machine,
        as_json=as_json,
        insert=insert,
        notes=[MEMORY],
    )
    if figure is not None:
        from pipeline.figures import draw_growth, save_figure

        save_figure(draw_growth(done), figure)
        click.echo(f"Written: {figure}", err=as_json)


def _exponents(done: list[Series]) -> Sheet:
    from pipeline.evaluation.sheet import Sheet

    def power(value: float) -> str:
        return "–" if value != value else f"{value:.2f}"

    return Sheet(
        "Growth: cost ~ size to the power of",
        ("", "sizes", "time", "time, upper half", "memory", "worse than linear"),
        tuple(
            (
                one.axis,
                f"{one.points[0].size:g} to {one.points[-1].size:,g}",
                power(one.time_exponent),
                power(one.upper_time_exponent),
                power(one.memory_exponent),
                ", ".join(one.worse_than_linear) or "nothing",
            )
            for one in done
        ),
    )


def _points(one: Series) -> Sheet:
    from pipeline.evaluation.sheet import Sheet

    # A cost for each of them says nothing where most of it does not depend on how many there are.
    time_each, memory_each = one.axis in ("patients", "hours"), one.axis == "patients"
    columns = [one.axis, "processor s"] + [f"ms for each {one.unit}"] * time_each
    columns += ["MB"] + [f"kB for each {one.unit}"] * memory_each

    def row(point: Point) -> tuple[str, ...]:
        cells = [f"{point.size:,g}", f"{point.cpu_s:.4g}"] + [f"{1e3 * point.cpu_s / point.size:.2f}"] * time_each
        return (*cells, f"{point.memory_mb:.1f}", *[f"{1e3 * point.memory_mb / point.size:.0f}"] * memory_each)

    return Sheet(
        f"{one.axis.capitalize()}: {one.work}",
        tuple(columns),
        tuple(row(point) for point in one.points),
    )
