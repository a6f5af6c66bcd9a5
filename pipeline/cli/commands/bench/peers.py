"""``ecg-anomaly bench peers``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.commands.bench.output import deliver, records_argument, synthetic_minutes_option
from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, json_option, progress_option, read_settings
from pipeline.cli.study import check_outputs, insert_option

if TYPE_CHECKING:
    from pipeline.bench.peers import Compared
    from pipeline.evaluation.sheet import Sheet

USUAL = ("mitdb/100", "mitdb/119", "mitdb/208")

EPILOG = """
Examples:
  ecg-anomaly bench peers
  ecg-anomaly bench peers mitdb/208 --beats 200 --rival 'wfdb XQRS' --rival sleepecg
  ecg-anomaly bench peers --data-dir my-records --json

The first time, an environment of the rivals is made in the cache folder (with
pip, 1.4 GB, about a minute). Without RECORDS: three of mitdb, or synthetic
ones. Each rival runs with one thread on the core on which this project is
measured. A rival's network has as many weights as this project's and is given
the first --beats of each record; what they take is scaled to all beats. Reading
files counts for this project and not for the rivals.
"""


@click.command("peers", cls=PipelineCommand, epilog=EPILOG)
@records_argument
@data_dir_option
@click.option("--first", type=click.IntRange(min=1), help="Take no more than so many records.")
@click.option(
    "--beats", type=click.IntRange(min=20), default=500, show_default=True, help="Beats of a record for networks."
)
@click.option("--rival", "rivals", multiple=True, help="Measure this one; may be given again.  [default: all]")
@click.option("--rebuild", is_flag=True, help="Make the rivals' environment anew.")
@synthetic_minutes_option
@json_option
@insert_option
@progress_option
def peers(
    records: tuple[str, ...],
    data_dir: Path | None,
    first: int | None,
    beats: int,
    rivals: tuple[str, ...],
    rebuild: bool,
    minutes: float,
    as_json: bool,
    insert: tuple[Path, str] | None,
    progress: bool | None,
) -> None:
    """Measure today's other tools beside this project, on the same RECORDS in the same run."""
    check_outputs(insert=insert)
    settings = read_settings()
    from pipeline.bench.machine import this_machine
    from pipeline.bench.peers import RIVALS, bench_peers, environment
    from pipeline.bench.workload import choose
    from pipeline.cli.display import progress_bar

    unknown = [name for name in rivals if name not in RIVALS]
    if unknown:
        raise click.UsageError(f"--rival: {unknown[0]!r} is none of {', '.join(RIVALS)}")
    with tempfile.TemporaryDirectory(prefix="ecg-bench-") as folder, progress_bar("peers", progress) as show:
        work = choose(
            records, Path(folder), data_dir=data_dir, settings=settings, first=first, minutes=minutes, usual=USUAL
        )
        python = environment(settings.cache_dir, rebuild=rebuild, progress=show)
        machine = this_machine()
        done = bench_peers(python, work, rivals=rivals or RIVALS, beats=beats, progress=show)
    theirs = "rivals: " + ", ".join(f"{name} {number}" for name, number in done.versions.items())
    deliver([_ways(done), _detectors(done)], done.to_dict(), machine, as_json=as_json, insert=insert, notes=[theirs])


def _ways(done: Compared) -> Sheet:
    from pipeline.evaluation.sheet import Sheet

    own = done.ways[0].half_hour_s
    return Sheet(
        f"Signal to verdicts, learning on: {done.what}",
        ("", "weights", "s / 30 min", "us a beat", "R peaks", "score", "learn", "x real time", "over ours"),
        tuple(
            (
                way.name,
                f"{way.weights:,}",
                f"{way.half_hour_s:.3f}",
                f"{way.beat_us:,.0f}",
                *(
                    "–" if part != part else f"{way.beat_us * part / way.half_hour_s:,.0f}"
                    for part in (way.r_peaks_s, way.score_s, way.learn_s)
                ),
                f"{way.times_real_time:,.0f}",
                f"{way.half_hour_s / own:,.1f} x",
            )
            for way in done.ways
        ),
    )


def _detectors(done: Compared) -> Sheet:
    from pipeline.evaluation.sheet import Sheet

    own = done.detectors[0].half_hour_s

    def percent(share: float) -> str:
        return "–" if share != share else f"{100 * share:.2f}"

    return Sheet(
        "R peaks alone",
        ("", "causal", "s / 30 min", "x real time", "Se %", "+P %", "V missed", "over ours"),
        tuple(
            (
                one.name,
                "yes" if one.is_causal else "no",
                f"{one.half_hour_s:.3f}",
                f"{one.times_real_time:,.0f}",
                percent(one.se),
                percent(one.ppv),
                f"{one.v_missed:,} of {one.v_total:,}",
                f"{one.half_hour_s / own:.2f} x",
            )
            for one in done.detectors
        ),
    )
