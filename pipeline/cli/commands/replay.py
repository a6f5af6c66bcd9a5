"""``ecg-anomaly replay``."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, json_option, leads_option, progress_option, read_settings, seed_option
from pipeline.clock import now_us

if TYPE_CHECKING:
    from pipeline.live.engine import Engine
    from pipeline.live.frames import Frame
    from pipeline.live.tally import Tally
    from pipeline.records import Record

EPILOG = """
Examples:
  ecg-anomaly replay mitdb/208 mitdb/119 --speed 10
  ecg-anomaly replay --ward 8 --minutes 10 --speed max
  ecg-anomaly replay mitdb/208 --to nats://127.0.0.1:4222
  ecg-anomaly replay --ward 20 --to mqtt://127.0.0.1:1883
  ecg-anomaly replay --ward 8 --dropped 0.01 --drift 0.02 --speed 60
"""

_SHARE = click.FloatRange(0, 1)


class _Speed(click.ParamType[float]):
    name = "X|max"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            speed = math.inf if value == "max" else float(value)
        except ValueError:
            speed = math.nan
        if not speed > 0:
            self.fail(f"{value!r}: write how many times real time, such as 10, or max", param, ctx)
        return speed


@click.command("replay", cls=PipelineCommand, epilog=EPILOG)
@click.argument("records", nargs=-1)
@click.option("--ward", type=click.IntRange(min=1), help="Play so many synthetic patients instead, for a day.")
@click.option("--speed", type=_Speed(), default="1", show_default=True, help="Times real time, or max.")
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), help="Play so many minutes of each.  [default: all]"
)
@click.option(
    "--frame", "frame_s", type=click.FloatRange(0.02, 10), default=1.0, show_default=True, help="Length of a frame, s."
)
@click.option("--to", "target", help="Play the device to a broker, nats:// or mqtt://, instead of monitoring here.")
@click.option("--late", type=_SHARE, default=0.0, help="Share of frames that come up to 1.5 s late.")
@click.option("--doubled", type=_SHARE, default=0.0, help="Share of frames that come twice.")
@click.option("--dropped", type=_SHARE, default=0.0, help="Share of frames that never come.")
@click.option("--reordered", type=_SHARE, default=0.0, help="Share of frames that come after the next.")
@click.option(
    "--drift", type=click.FloatRange(-0.05, 0.05), default=0.0, help="True rate above the stated, as a share."
)
@click.option("--lead-off", type=click.FloatRange(min=0), default=0.0, help="Number of leads an hour that come off.")
@click.option(
    "--reconnects",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Number of times an hour that the device starts anew.",
)
@seed_option
@data_dir_option
@leads_option
@json_option
@progress_option
def command(
    records: tuple[str, ...],
    ward: int | None,
    speed: float,
    minutes: float | None,
    frame_s: float,
    target: str | None,
    seed: int,
    data_dir: Path | None,
    leads: tuple[str, ...] | None,
    as_json: bool,
    progress: bool | None,
    **faults: float,
) -> None:
    """Play RECORDS, or synthetic patients, frame by frame to a monitor in this process, or to a broker.

    What goes wrong in the field can be added. All patients are discharged at the end.
    """
    from pipeline.cli.compiling import ensure_compiled
    from pipeline.cli.display import progress_bar
    from pipeline.live.engine import Engine
    from pipeline.live.faults import Faults
    from pipeline.live.replay import play
    from pipeline.live.tally import Tally
    from pipeline.scoring import model_at

    seconds = math.inf if minutes is None else 60.0 * minutes
    sources = _open(records, ward, data_dir, leads, seconds, seed, progress)
    settings = read_settings()
    if target is None:
        ensure_compiled(model_at(None, settings.device), progress=progress)  # before the clock of what is played runs
    began_us = now_us()
    playing = play(
        sources,
        session=f"replay-{began_us}",
        began_us=began_us,
        speed=speed,
        clock=time.monotonic,
        wait=time.sleep,
        frame_s=frame_s,
        seconds=seconds,
        faults=Faults(seed=seed, **faults),
    )
    length_s = sum(min(record.n_samples / record.fs, seconds) for record in sources)
    if target is not None:
        _send(playing, target, length_s, as_json=as_json, progress=progress)
        return
    engine = Engine(
        model_at(None, settings.device),
        threshold=settings.threshold,
        alarms=settings.alarms,
        clock=now_us,
        is_live=speed == 1,
    )
    tally = Tally()
    engine.listeners.append(tally)
    started = time.monotonic()
    with progress_bar("monitoring", progress) as show:
        for batch in playing:
            engine.take(batch)
            what = (
                f"{engine.totals.beats:,} beats, {engine.totals.anomalies:,} anomalies, {engine.totals.alarms:,} alarms"
            )
            show(what, min(tally.signal_s / length_s, 1.0))
    (_show_json if as_json else _show_table)(engine, tally, time.monotonic() - started)


def _send(
    playing: Iterator[list[Frame]], target: str, length_s: float, *, as_json: bool, progress: bool | None
) -> None:
    """Play the device."""
    from pipeline.cli.display import progress_bar, show_json
    from pipeline.live.device import open_device

    try:
        device = open_device(target)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    started, frames, signal_s = time.monotonic(), 0, 0.0
    with progress_bar("sending", progress) as show, closing(device):
        for batch in playing:
            device.send(batch)
            frames += len(batch)
            signal_s += sum(len(frame.samples) / frame.fs for frame in batch)
            show(f"{frames:,} frames", min(signal_s / length_s, 1.0))
    seconds = time.monotonic() - started
    if as_json:
        show_json({"seconds": round(seconds, 3), "frames": frames, "signal_s": signal_s})
    else:
        click.echo(f"{frames:,} frames, {signal_s:,.0f} s of signal, sent and confirmed in {seconds:.1f} s.")


def _open(
    names: tuple[str, ...],
    ward: int | None,
    data_dir: Path | None,
    leads: tuple[str, ...] | None,
    seconds: float,
    seed: int,
    progress: bool | None,
) -> list[Record]:
    """Return what is to be played."""
    if ward is not None and (names or data_dir is not None or leads is not None):
        raise click.UsageError("--ward plays synthetic patients: leave it out, or RECORDS, --data-dir and --leads")
    if not names and data_dir is None and ward is None:
        raise click.UsageError("name a record, such as mitdb/208, or ask for synthetic patients with --ward 8")
    from pipeline.cli.display import progress_bar
    from pipeline.live.frames import is_patient
    from pipeline.live.replay import synthetic_ward
    from pipeline.record_name import patient_name

    if ward is not None:
        return list(synthetic_ward(ward, seconds=min(seconds, 86400.0), seed=seed))
    from pipeline.sources import list_records, open_record

    records: list[Record] = []
    settings = read_settings()
    wanted = list_records(*names, data_dir=data_dir, settings=settings)
    with progress_bar("opening", progress) as show:
        for i, name in enumerate(wanted):
            show(name, i / len(wanted))
            records.append(open_record(name, data_dir=data_dir, leads=leads, settings=settings))
    patients: dict[str, str] = {}
    for record in records:
        patient = patient_name(record.name)
        if not is_patient(patient):
            raise click.UsageError(
                f"record {record.name!r} cannot name a patient: write SITE/PATIENT, of 4 parts at most"
            )
        other = patients.setdefault(patient, record.name)
        if other != record.name:
            raise click.UsageError(f"{other} and {record.name} would both be the patient {patient}: play one of them")
    return records


def _show_json(engine: Engine, tally: Tally, seconds: float) -> None:
    from dataclasses import asdict

    from pipeline.cli.display import show_json

    show_json(
        {
            "seconds": round(seconds, 3),
            "times_real_time": tally.signal_s / max(len(tally.patients), 1) / seconds,
            "frames": asdict(engine.counts()),
            "refused": engine.totals.refused,
            "patients": {name: asdict(patient) for name, patient in tally.patients.items()},
        }
    )


def _show_table(engine: Engine, tally: Tally, seconds: float) -> None:
    from collections import Counter

    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from pipeline.cli.display import show_table

    table = Table(box=SIMPLE_HEAD, padding=0)
    table.add_column("patient", overflow="fold")
    for name in ("min", "lost s", "beats", "anomalies", "drifts", "alarms"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("most often", overflow="fold")
    for name, patient in sorted(tally.patients.items()):
        kinds = Counter(alarm.kind for alarm in patient.alarms).most_common(2)
        table.add_row(
            name,
            f"{patient.signal_s / 60:,.1f}",
            f"{patient.lost_s:,.1f}",
            f"{patient.beats:,}",
            f"{patient.anomalies:,}",
            f"{patient.drifts:,}",
            f"{len(patient.alarms):,}",
            ", ".join(f"{number} {kind}" for kind, number in kinds),
        )
    show_table(table)
    counts = engine.counts()
    told = {
        "frames": counts.frames,
        "doubled": counts.doubled,
        "late": counts.late,
        "reordered": counts.reordered,
        "lost": counts.lost,
        "jumps in time": counts.jumps,
        "refused": engine.totals.refused,
    }
    click.echo(", ".join(f"{number:,} {name}" for name, number in told.items() if number or name == "frames"))
    click.echo(f"{seconds:.1f} s, {tally.signal_s / max(len(tally.patients), 1) / seconds:,.0f} times real time.")
