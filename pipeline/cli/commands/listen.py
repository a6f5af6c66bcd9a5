"""``ecg-anomaly listen``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import split_leads, units_option
from pipeline.clock import now_us

if TYPE_CHECKING:
    from pipeline.live.device import Device
    from pipeline.live.frames import Frame
    from pipeline.live.framing import Framer

EPILOG = """
Examples:
  ecg-anomaly listen lsl ECG --patient lab/person-1
  ecg-anomaly listen ble E9AF5A2F --patient home/person-1

Each publishes one patient's frames as a device does, to the broker that a
monitor reads (ecg-anomaly broker, ecg-anomaly monitor).
"""
LSL_EPILOG = """
Examples:
  ecg-anomaly listen lsl ECG --patient lab/person-1
  ecg-anomaly listen lsl "My amplifier" --patient lab/person-1 --leads II,V1 --units uV
  ecg-anomaly listen lsl ECG --patient lab/person-1 --to mqtt://127.0.0.1:1883

Needs pip install 'ecg-anomaly[live,lsl]'. LSL asks nobody who sends: whoever is on
the network can send a stream of this name.
"""
BLE_EPILOG = """
Examples:
  ecg-anomaly listen ble E9AF5A2F --patient home/person-1
  ecg-anomaly listen ble A0:9E:1A:AA:BB:CC --patient home/person-1

For Polar's H10, whose number stands on it; needs pip install 'ecg-anomaly[live,ble]'
and an adapter. Packets are read as Polar publishes their layout; no test here
had a belt.
"""

F = TypeVar("F", bound=Callable[..., Any])


class _Group(PipelineCommand, click.Group):
    """A command of commands whose examples keep their lines."""


@click.group("listen", cls=_Group, epilog=EPILOG)
def command() -> None:
    """Take signal from the Lab Streaming Layer or a Bluetooth belt, and publish it as a device's frames."""


def _shared(function: F) -> F:
    options = (
        click.option("--patient", required=True, help="Whose signal it is: SITE/PATIENT."),
        click.option(
            "--to", "target", default="nats://127.0.0.1:4222", show_default=True, help="A broker, nats:// or mqtt://."
        ),
        click.option(
            "--seconds", type=click.FloatRange(min=0, min_open=True), help="Listen so long.  [default: until stopped]"
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command("lsl", cls=PipelineCommand, epilog=LSL_EPILOG)
@click.argument("stream")
@_shared
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0.1, 3600),
    default=30.0,
    show_default=True,
    help="Time to look for it, s.",
)
@click.option("--leads", callback=split_leads, help="Names of its channels in their order, such as II,V1.")
@units_option
def lsl(
    stream: str,
    patient: str,
    target: str,
    seconds: float | None,
    wait_s: float,
    leads: tuple[str, ...] | None,
    units: str | None,
) -> None:
    """Listen to the LSL stream of this name, or of this type."""
    from pipeline.live.lsl import blocks, open_lsl

    _check_patient(patient)
    try:
        found = open_lsl(stream, wait_s=wait_s, leads=leads, unit=units)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    framer = _framer(patient, found.fs, found.leads, "lsl")
    until = None if seconds is None else time.monotonic() + seconds
    with closing(_device(target)) as device:
        click.echo(f"Listening to {found.name}: {', '.join(found.leads)} at {found.fs:g} Hz, as {patient}.")
        try:
            for time_us, block in blocks(found, go_on=lambda: until is None or time.monotonic() < until):
                _send(device, framer.add(time_us, block))
        finally:
            _send(device, framer.flush())


@command.command("ble", cls=PipelineCommand, epilog=BLE_EPILOG)
@click.argument("belt")
@_shared
def ble(belt: str, patient: str, target: str, seconds: float | None) -> None:
    """Listen to the Bluetooth belt of this address, or of this number on it."""
    import asyncio

    from pipeline.live.belt import listen_to_belt
    from pipeline.live.polar import FS, LEAD

    _check_patient(patient)
    framer = _framer(patient, FS, (LEAD,), "ble")

    async def listen() -> None:
        try:
            async with asyncio.timeout(seconds):
                await listen_to_belt(belt, lambda time_us, block: _send(device, framer.add(time_us, block)))
        except TimeoutError:
            return

    with closing(_device(target)) as device:
        click.echo(f"Looking for {belt}, to send it as {patient}.")
        try:
            asyncio.run(listen())
        finally:
            _send(device, framer.flush())


def _check_patient(patient: str) -> None:
    from pipeline.live.frames import is_patient

    if not is_patient(patient):
        raise click.UsageError(f"{patient!r:.100} is no patient's name, such as ward/bed-1")


def _framer(patient: str, fs: float, leads: tuple[str, ...], kind: str) -> Framer:
    from pipeline.errors import FrameError
    from pipeline.live.framing import Framer

    try:
        return Framer(patient, fs, leads, lambda: f"{kind}-{now_us()}")
    except FrameError as error:
        raise click.UsageError(str(error)) from error


def _device(target: str) -> Device:
    from pipeline.live.device import open_device

    try:
        return open_device(target)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _send(device: Device, frames: Iterable[Frame]) -> None:
    if batch := list(frames):
        device.send(batch)
