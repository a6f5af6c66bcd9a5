"""``ecg-anomaly bench live`` and ``bench soak``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import OUT, json_option, progress_option, seed_option

LIVE_EPILOG = """
Examples:
  ecg-anomaly bench live
  ecg-anomaly bench live --patients 2000 --seconds 60
  ecg-anomaly bench live --gather 0 --json
"""

SOAK_EPILOG = """
Examples:
  ecg-anomaly bench soak --minutes 5
  ecg-anomaly bench soak --minutes 30 --out soak --json

Exit codes: 0 nothing was lost and nothing came twice, 1 otherwise.
"""


@click.command("live", cls=PipelineCommand, epilog=LIVE_EPILOG)
@click.option("--patients", type=click.IntRange(min=1), default=500, show_default=True, help="How many.")
@click.option("--fs", type=click.FloatRange(100, 1000), default=360.0, show_default=True, help="Sampling rate in Hz.")
@click.option("--seconds", type=click.FloatRange(min=1), default=30.0, show_default=True, help="How long to measure.")
@click.option("--frame", "frame_s", type=click.FloatRange(0.1, 10), default=1.0, show_default=True, help="Frame, s.")
@click.option(
    "--gather", "gather_s", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="Gathering of frames, s."
)
@seed_option
@json_option
def live(patients: int, fs: float, seconds: float, frame_s: float, gather_s: float, seed: int, as_json: bool) -> None:
    """Monitor patients in real time on one core: how long a verdict takes, and what it costs.

    Two leads each. The time counts from the moment at which a frame is there, so it comes on top of a beat's own delay.
    """
    from dataclasses import asdict

    from pipeline.bench.live import bench_live
    from pipeline.cli.display import show_json, show_lines
    from pipeline.scoring import model_at

    os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    done = bench_live(
        model_at(None),
        patients=patients,
        fs=fs,
        seconds=seconds,
        frame_s=frame_s,
        clock=time.perf_counter,
        cpu_clock=time.process_time,
        wait=time.sleep,
        gather_s=gather_s,
        seed=seed,
    )
    if as_json:
        show_json(asdict(done))
        return
    show_lines(
        {
            "patients": f"{done.patients:,} of two leads at {done.fs:g} Hz, frames of {frame_s:g} s, one core",
            "beats": f"{done.beats:,} in {done.seconds:.0f} s",
            "frame to verdict": f"{done.p50_ms:.1f} ms median, {done.p99_ms:.1f} ms p99, {done.max_ms:.1f} ms at most",
            "processor": f"{100 * done.cpu_share:.0f} % of one core",
            "longest backlog": f"{1000 * done.backlog_s:.1f} ms, of which {1000 * gather_s:g} ms are for gathering",
            "one patient alone": f"{done.alone_ms:.2f} ms from frame to verdict",
            "state": f"{done.state_bytes / 1024:.1f} KB a patient at most",
        }
    )


@click.command("soak", cls=PipelineCommand, epilog=SOAK_EPILOG)
@click.option("--minutes", type=click.FloatRange(min=0.2), default=30.0, show_default=True, help="How long.")
@click.option("--speed", type=click.FloatRange(min=0.1), default=20.0, show_default=True, help="Times real time.")
@click.option("--patients", type=click.IntRange(min=1), default=8, show_default=True, help="How many.")
@click.option(
    "--kills", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Of the worker, per minute."
)
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
    out: Path | None,
    seed: int,
    as_json: bool,
    progress: bool | None,
) -> None:
    """Kill worker and broker at random while patients are monitored, and count what was lost or came twice.

    The worker is killed about once a minute, the broker about half as often; the devices' frames come late, twice, in
    another order or not at all. What is stored is held against a run that nothing disturbs.
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
            progress=show,
        )
    if as_json:
        show_json(asdict(done))
    else:
        show_lines(
            {
                "signal": f"{done.patient_hours:.1f} patient-hours in {done.minutes:.1f} min",
                "kills": f"{done.worker_kills} of the worker, {done.broker_kills} of the broker",
                "beats": f"{done.beats:,}: {done.beats_lost} lost, {done.beats_doubled} doubled, "
                f"{done.beats_changed} changed",
                "alarms": f"{done.alarms:,}: {done.alarms_lost} lost, {done.alarms_doubled} doubled",
            }
        )
    ctx.exit(0 if done.is_clean else 1)
