"""``ecg-anomaly bench soak``."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import OUT, json_option, progress_option, seed_option

EPILOG = """
Examples:
  ecg-anomaly bench soak --minutes 5
  ecg-anomaly bench soak --minutes 30 --out soak --json
  ecg-anomaly bench soak --minutes 30 --postgres --prefect --workers 2

Exit codes: 0 nothing was lost and nothing came twice, 1 otherwise.
"""


@click.command("soak", cls=PipelineCommand, epilog=EPILOG)
@click.option(
    "--minutes", type=click.FloatRange(min=0.2), default=30.0, show_default=True, help="Length of the soak, min."
)
@click.option("--speed", type=click.FloatRange(min=0.1), default=20.0, show_default=True, help="Times real time.")
@click.option("--patients", type=click.IntRange(min=1), default=8, show_default=True, help="Number of patients.")
@click.option(
    "--kills", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Kills of the worker a minute."
)
@click.option(
    "--workers", type=click.IntRange(1, 8), default=1, show_default=True, help="Workers that contend for the patients."
)
@click.option("--postgres", is_flag=True, help="Store in a PostgreSQL server of its own, and kill it as well.")
@click.option("--prefect", is_flag=True, help="Tell a Prefect server of alarms and drifts, and kill it as well.")
@click.option("--out", type=OUT, help="Folder of broker, database and logs.  [default: a temporary one]")
@seed_option
@json_option
@progress_option
@click.pass_context
def soak_command(
    ctx: click.Context,
    /,
    minutes: float,
    speed: float,
    patients: int,
    kills: float,
    workers: int,
    postgres: bool,
    prefect: bool,
    out: Path | None,
    seed: int,
    as_json: bool,
    progress: bool | None,
) -> None:
    """Kill workers, broker, database and Prefect at random while patients are monitored, and count what is lost.

    Workers are killed about once a minute, the broker about half as often, and so are PostgreSQL and Prefect; devices'
    frames come late, twice, in another order or not at all. What is stored is held against a run that nothing disturbs.
    """
    import tempfile
    from dataclasses import asdict

    from pipeline.bench.soak import soak
    from pipeline.cli.display import progress_bar, show_json, show_lines
    from pipeline.scoring import model_at

    with tempfile.TemporaryDirectory(prefix="ecg-soak-") as temporary, progress_bar("soak", progress) as show:
        done = soak(
            model_at(None),
            out or Path(temporary),
            minutes=minutes,
            speed=speed,
            patients=patients,
            kills_per_minute=kills,
            seed=seed,
            workers=workers,
            postgres=postgres,
            prefect=prefect,
            progress=show,
        )
    if as_json:
        show_json(asdict(done))
    else:
        show_lines(
            {
                "signal": f"{done.patient_hours:.1f} patient-hours in {done.minutes:.1f} min",
                "kills": f"{done.worker_kills} of workers, {done.broker_kills} of the broker, "
                f"{done.database_kills} of the database, {done.prefect_kills} of Prefect",
                "beats": f"{done.beats:,}: {done.beats_lost} lost, {done.beats_doubled} doubled, "
                f"{done.beats_changed} changed",
                "alarms": f"{done.alarms:,}: {done.alarms_lost} lost, {done.alarms_doubled} doubled",
            }
        )
    ctx.exit(0 if done.is_clean else 1)
