"""``ecg-anomaly check-device``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import json_option

if TYPE_CHECKING:
    from pipeline.live.device_check import DeviceCheck

EPILOG = """
Examples:
  ecg-anomaly check-device --example > frames.jsonl
  ecg-anomaly check-device frames.jsonl --topic ecg/ward/bed-1
  ecg-anomaly check-device nats://127.0.0.1:4222 --seconds 30
  ecg-anomaly check-device mqtt://127.0.0.1:1883 --patient ward/bed-1

A file holds frames as JSON, one a line, or as MessagePack, one after the other.
From a broker what devices publish is listened to, and nothing is taken away
from the monitor. docs/devices.md says what a device must send.

Exit codes: 0 all messages would be taken, 1 some would be refused or none came, 2 bad argument.
"""


@click.command("check-device", cls=PipelineCommand, epilog=EPILOG)
@click.argument("source", required=False)
@click.option("--topic", help="The MQTT topic that frames of a file are published to.")
@click.option("--patient", help="Listen to this patient's frames alone.")
@click.option("--seconds", type=click.FloatRange(0.1, 86400), default=10.0, show_default=True, help="Time to listen.")
@click.option("--example", is_flag=True, help="Print three frames as they should be, and end.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str | None,
    topic: str | None,
    patient: str | None,
    seconds: float,
    example: bool,
    as_json: bool,
) -> None:
    """Say what the monitor would refuse of what a device sends, and why: SOURCE is a file, nats:// or mqtt://."""
    from pipeline.cli.display import show_json
    from pipeline.live.device_check import DeviceCheck
    from pipeline.live.frames import is_patient

    if example:
        _print_example()
        return
    if source is None:
        raise click.UsageError("name a file, nats://HOST:PORT or mqtt://HOST:PORT; or --example")
    is_broker = source.startswith(("nats://", "tls://", "mqtt://"))
    if topic and is_broker:
        raise click.UsageError("--topic is for the frames of a file: a broker tells it itself")
    if patient and not is_broker:
        raise click.UsageError("--patient is for a broker: of a file, every frame is looked at")
    if patient and not is_patient(patient):
        raise click.UsageError(f"{patient!r:.100} is no patient's name, such as ward/bed-1")
    check = DeviceCheck()
    if is_broker:
        _listen(check, source, patient, seconds)
    else:
        for data in _messages(Path(source)):
            check.take(data, topic=topic)
    remarks = check.remarks()
    is_clean = check.frames > 0 and not check.refusals
    if as_json:
        refused = [{"why": one.why, "first": one.first, "count": one.count} for one in check.refusals]
        show_json({"messages": check.messages, "frames": check.frames, "refused": refused, "remarks": remarks})
    else:
        click.echo(
            f"{check.messages:,} messages: {check.frames:,} would be taken, {check.messages - check.frames:,} refused"
        )
        for one in check.refusals:
            click.echo(f"refused, {one.count:,} from message {one.first:,} on: {one.why}")
        for line in remarks:
            click.echo(line)
    ctx.exit(0 if is_clean else 1)


def _print_example() -> None:
    import numpy as np

    from pipeline.live.frames import Frame, encode_json

    for number in range(3):
        time_s = (np.arange(250) + 250 * number) / 250
        signal = np.stack([np.exp(-(((time_s % 0.8) - 0.4) ** 2) / 0.0004), 0.1 * np.sin(time_s)], axis=1)
        signal = (np.round(signal * 200) / 200).astype(np.float32)
        began_us = 1_750_000_000_000_000 + 1_000_000 * number
        frame = Frame.of("ward/bed-1", "started-1750000000", number, began_us, 250.0, ("II", "V1"), signal)
        click.echo(encode_json(frame).decode())


def _messages(path: Path) -> Iterator[bytes]:
    """Yield the frames of a file, as they are written there."""
    import msgpack

    try:
        data = path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read ({error.strerror})") from error
    if data.lstrip()[:1] in (b"{", b""):
        yield from (line for line in data.splitlines() if line.strip())
        return
    unpacker = msgpack.Unpacker(max_buffer_size=len(data) + 1)
    unpacker.feed(data)
    start = 0
    try:
        for _ in unpacker:
            yield data[start : unpacker.tell()]
            start = unpacker.tell()
    except Exception:  # whatever it is, it is no frame, and what follows it cannot be told from it
        yield data[start:]
        return
    if start < len(data):
        yield data[start:]


def _listen(check: DeviceCheck, url: str, patient: str | None, seconds: float) -> None:
    from pipeline.live.listening import listen_mqtt, listen_nats

    try:
        (listen_mqtt if url.startswith("mqtt://") else listen_nats)(check, url, patient, seconds)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
