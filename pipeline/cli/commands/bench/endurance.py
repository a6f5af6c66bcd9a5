"""``ecg-anomaly bench endurance``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.commands.bench.output import deliver
from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import OUT, json_option, progress_option, seed_option
from pipeline.cli.study import check_outputs, insert_option

if TYPE_CHECKING:
    from pipeline.bench.endurance import Endurance
    from pipeline.evaluation.sheet import Sheet

SHOWN = 12  # of the samples, in the table

EPILOG = """
Examples:
  ecg-anomaly bench endurance --hours 24
  ecg-anomaly bench endurance --hours 600 --fs 128 --out endurance --json

A nats-server and `ecg-anomaly monitor` with a SQLite database, as fast as they
go; results are kept for a day of signal at the most. 8 patients for 600 hours
take most of an hour on two cores.

Exit codes: 0 nothing grows, 1 something does.
"""


@click.command("endurance", cls=PipelineCommand, epilog=EPILOG)
@click.option("--patients", type=click.IntRange(min=1), default=8, show_default=True, help="Number of patients.")
@click.option(
    "--hours", type=click.FloatRange(min=0.05), default=600.0, show_default=True, help="Signal of each patient, h."
)
@click.option("--fs", type=click.FloatRange(100, 1000), default=250.0, show_default=True, help="Sampling rate in Hz.")
@click.option("--frame", "frame_s", type=click.FloatRange(0.1, 10), default=10.0, show_default=True, help="Frame, s.")
@click.option(
    "--samples",
    type=click.IntRange(min=10),
    default=60,
    show_default=True,
    help="Number of looks.",
)
@click.option("--minutes", type=click.FloatRange(min=0.1), help="End after so long, wherever the signal is, min.")
@click.option("--out", type=OUT, help="Folder of broker, database and logs.  [default: a temporary one]")
@seed_option
@json_option
@insert_option
@progress_option
@click.pass_context
def endurance_command(
    ctx: click.Context,
    /,
    patients: int,
    hours: float,
    fs: float,
    frame_s: float,
    samples: int,
    minutes: float | None,
    out: Path | None,
    seed: int,
    as_json: bool,
    insert: tuple[Path, str] | None,
    progress: bool | None,
) -> None:
    """Monitor synthetic patients for weeks of signal, and see whether memory, handles, threads or tables grow.

    Devices lose leads, frames and their connection now and then. What is looked at is what the processes hold.
    """
    check_outputs(insert=insert)
    import tempfile
    from dataclasses import asdict

    from pipeline.bench.endurance import endurance
    from pipeline.bench.machine import this_machine
    from pipeline.cli.display import progress_bar

    machine = this_machine()
    with tempfile.TemporaryDirectory(prefix="ecg-endurance-") as temporary, progress_bar("endurance", progress) as show:
        done = endurance(
            out or Path(temporary), patients=patients, hours=hours, fs=fs, frame_s=frame_s, samples=samples, seed=seed,
            minutes=math.inf if minutes is None else minutes, progress=show,
        )  # fmt: skip
    deliver(
        [_quantities(done), _hours(done)],
        {"endurance": asdict(done) | {"growing": done.growing}},
        machine,
        as_json=as_json,
        insert=insert,
        notes=[
            f"{done.patients} patients for {done.hours:,.1f} h at {fs:g} Hz in {done.minutes:.1f} min: {done.frames:,} "
            f"frames, {done.beats:,} beats, {done.alarms:,} alarms; results kept for {done.kept_hours:g} h.",
            f"Grows: {', '.join(done.growing) or 'nothing'}.",
        ],
    )
    ctx.exit(1 if done.growing else 0)


def _quantities(done: Endurance) -> Sheet:
    from pipeline.bench.flat import EARLY, LATE, QUANTITIES, WARM, slope
    from pipeline.evaluation.sheet import Sheet

    def most(read: list[float], first: float, stop: float) -> str:
        inside = [v for v, s in zip(read, done.samples, strict=True) if first < s.hours / done.hours <= stop]
        return f"{max(inside):,.0f}" if inside else "–"

    rows = []
    for one in QUANTITIES:
        read = one.of(done.samples)
        grown = "yes" if one.name in done.growing else "no"
        rows.append(
            (one.name, most(read, WARM, EARLY), most(read, LATE, 1.0), f"{slope(one, done.samples):+,.2f}", grown)
        )
    columns = (f"most from {WARM:.0%} to {EARLY:.0%} of the time", f"most after {LATE:.0%}", "line, in 100 h", "grows")
    return Sheet("What the programs hold", ("", *columns), tuple(rows))


def _hours(done: Endurance) -> Sheet:
    from pipeline.evaluation.sheet import Sheet

    step = max(1, len(done.samples) // SHOWN)
    shown = done.samples[step - 1 :: step]
    before = (0.0, 0.0)
    rows = []
    for one in shown:
        speed = (one.hours - before[0]) * 3600.0 / (one.elapsed_s - before[1])
        before = (one.hours, one.elapsed_s)
        rows.append(
            (
                f"{one.hours:,.1f}", f"{speed:,.0f}", f"{one.memory_mb:.1f}", f"{one.handles}", f"{one.threads}",
                f"{one.broker_mb:.1f}", f"{one.rows['beats']:,}", f"{one.alarms:,}", f"{one.state_bytes / 1e3:.1f}",
                f"{one.database_mb:,.0f}",
            )
        )  # fmt: skip
    return Sheet(
        "From hour to hour",
        ("h", "times real time", "worker, MB", "handles", "threads", "broker, MB", "beats kept", "alarms", "state, KB",
         "database, MB"),
        tuple(rows),
    )  # fmt: skip
