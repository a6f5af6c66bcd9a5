"""``ecg-anomaly bench live``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.commands.bench.output import deliver
from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option, seed_option
from pipeline.cli.study import check_outputs, insert_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.bench.live import LiveBench
    from pipeline.evaluation.sheet import Sheet

EPILOG = """
Examples:
  ecg-anomaly bench live
  ecg-anomaly bench live --patients 500 --patients 2000 --seconds 60
  ecg-anomaly bench live --gather 0 --json

The stages are told apart in a second stretch, by a sampling profiler.
"""


@click.command("live", cls=PipelineCommand, epilog=EPILOG)
@click.option(
    "--patients",
    type=click.IntRange(min=1),
    multiple=True,
    default=(500,),
    help="Number of patients; may be given again.  [default: 500]",
)
@click.option("--fs", type=click.FloatRange(100, 1000), default=360.0, show_default=True, help="Sampling rate in Hz.")
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=30.0, show_default=True, help="Length of the measurement, s."
)
@click.option("--frame", "frame_s", type=click.FloatRange(0.1, 10), default=1.0, show_default=True, help="Frame, s.")
@click.option(
    "--gather", "gather_s", type=click.FloatRange(0, 1), default=0.05, show_default=True, help="Gathering of frames, s."
)
@click.option("--stages/--no-stages", default=True, show_default=True, help="Tell where the time goes, afterwards.")
@seed_option
@json_option
@insert_option
def live(
    patients: tuple[int, ...],
    fs: float,
    seconds: float,
    frame_s: float,
    gather_s: float,
    stages: bool,
    seed: int,
    as_json: bool,
    insert: tuple[Path, str] | None,
) -> None:
    """Monitor patients in real time on one core: how long a verdict takes, and what it costs.

    Two leads each. The time counts from the moment at which a frame is there, so it comes on top of a beat's own delay.
    """
    check_outputs(insert=insert)
    from dataclasses import asdict

    from pipeline.bench.live import bench_live
    from pipeline.bench.machine import this_machine
    from pipeline.scoring import model_at

    machine, cores = this_machine(), os.sched_getaffinity(0)
    os.sched_setaffinity(0, [max(cores)])
    done = [
        bench_live(
            model_at(None),
            patients=number,
            fs=fs,
            seconds=seconds,
            frame_s=frame_s,
            clock=time.perf_counter,
            cpu_clock=time.process_time,
            wait=time.sleep,
            gather_s=gather_s,
            sampled_s=min(seconds, 10.0) if stages and number == patients[-1] else 0.0,
            seed=seed,
        )
        for number in patients
    ]
    os.sched_setaffinity(0, cores)
    title = f"Live, two leads at {fs:g} Hz, frames of {frame_s:g} s, one core"
    sheets = [_latency(title, done, gather_s)] + ([_stages(done[-1])] if done[-1].stages else [])
    deliver(sheets, {"runs": [asdict(one) for one in done]}, machine, as_json=as_json, insert=insert)


def _latency(title: str, done: Sequence[LiveBench], gather_s: float) -> Sheet:
    from pipeline.evaluation.sheet import Sheet

    return Sheet(
        f"{title}; from frame to verdict, gathering of up to {1000 * gather_s:g} ms included",
        ("patients", "beats", "median, ms", "p99, ms", "most, ms", "of the core", "alone, ms", "state, KB"),
        tuple(
            (
                f"{one.patients:,}",
                f"{one.beats:,}",
                f"{one.p50_ms:.0f}",
                f"{one.p99_ms:.0f}",
                f"{one.max_ms:.0f}",
                f"{100 * one.cpu_share:.0f} %",
                f"{one.alone_ms:.2f}",
                f"{one.state_bytes / 1024:.1f}",
            )
            for one in done
        ),
    )


def _stages(done: LiveBench) -> Sheet:
    from pipeline.evaluation.sheet import Sheet

    total = sum(done.stages.values())
    return Sheet(
        f"Where the time of {done.patients:,} patients goes",
        ("stage", "share"),
        tuple((name, f"{100 * s / total:.0f} %") for name, s in sorted(done.stages.items(), key=lambda item: -item[1])),
    )
