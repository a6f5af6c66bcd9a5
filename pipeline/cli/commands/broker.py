"""``ecg-anomaly broker``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import read_settings

EPILOG = """
Examples:
  ecg-anomaly broker
  ecg-anomaly broker --store /srv/ecg --port 4222 --mqtt-port 1883
  ECG_BROKER_TOKEN=... ecg-anomaly broker --host 0.0.0.0

With a token, clients connect to nats://TOKEN@HOST:PORT, and over MQTT with the
token as their password. Any nats-server with JetStream, or a cluster, serves
too. Ctrl-C ends it in order, with exit code 0. The stream of frames is made
before it listens, so that what a device is told is kept. One broker works on a
folder.
"""


@click.command("broker", cls=PipelineCommand, epilog=EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address at which it listens.")
@click.option("--port", type=click.IntRange(1, 65535), default=4222, show_default=True, help="Port for NATS.")
@click.option(
    "--mqtt-port", type=click.IntRange(1, 65535), default=1883, show_default=True, help="Port for MQTT 3.1.1."
)
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the log of frames.  [default: in ECG_STATE_DIR]",
)
def command(host: str, port: int, mqtt_port: int, store: Path | None) -> None:
    """Run nats-server as the durable log of frames, with its MQTT gateway.

    Beyond loopback it asks clients for the token in ECG_BROKER_TOKEN.
    """
    from pipeline.live.log_server import LogServer

    token = os.environ.get("ECG_BROKER_TOKEN", "")
    if not token and host not in ("127.0.0.1", "::1", "localhost"):
        raise click.UsageError(f"--host {host} is open to others: set a token in ECG_BROKER_TOKEN")
    folder = (store or read_settings().state_dir / "broker").absolute()
    server = LogServer(folder, host=host, port=port, mqtt_port=mqtt_port, token=token)
    server.prepare()
    server.become()
