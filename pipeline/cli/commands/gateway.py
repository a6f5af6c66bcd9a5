"""``ecg-anomaly gateway``."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import read_settings
from pipeline.cli.tls import read_tls, tls_options

EPILOG = """
Examples:
  ecg-anomaly gateway
  ecg-anomaly gateway --to nats://127.0.0.1:4222 --port 8700
  ECG_GATEWAY_TOKEN=... ecg-anomaly gateway --host 0.0.0.0 --name ecg.example.org
  ecg-anomaly check-device --example > frames.jsonl
  curl -H "Authorization: Bearer $ECG_GATEWAY_TOKEN" -H "Content-Type: application/x-ndjson"
       --data-binary @frames.jsonl http://127.0.0.1:8700/frames

A device posts one frame (application/json, application/msgpack) or several, one
a line (application/x-ndjson). 200: the log has all of them. 422: one is not as
it should be, and none was stored; the answer says which and why. 503: send them
again. docs/devices.md says what a frame holds. /livez, /readyz and /metrics are
answered too.

Every request must show the token in ECG_GATEWAY_TOKEN, or the one that is made
and kept in a file of this user. Give it a certificate (--tls-cert, --tls-key),
or put a proxy with TLS in front; name what it is reached by with --name.
"""

PATIENCE_S = 5.0  # for the log to confirm; a device's own patience is short
REQUEST_S, MOST_REQUESTS = 60.0, 500  # for megabytes over a slow link, and from many devices


@click.command("gateway", cls=PipelineCommand, epilog=EPILOG)
@click.option(
    "--to",
    "broker_url",
    default="nats://127.0.0.1:4222",
    show_default=True,
    help="Address of NATS with JetStream; servers of a cluster joined by commas.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address at which it listens.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8700, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--name", "names", multiple=True, help="Another name by which it is reached, such as that of a proxy.")
@tls_options
def command(
    broker_url: str, host: str, port: int, names: tuple[str, ...], tls_cert: Path | None, tls_key: Path | None
) -> None:
    """Take frames over HTTP and store them in the broker's log, until stopped.

    For devices that speak neither NATS nor MQTT. What is answered with 200 is in the log, and the monitor reads it.
    """
    from pipeline.cli.tokens import keep_token, kept_token
    from pipeline.live.broker import servers
    from pipeline.live.device import NatsDevice
    from pipeline.web.access import Access
    from pipeline.web.gateway import create_gateway
    from pipeline.web.logs import log_as_json
    from pipeline.web.server import Server

    tls = read_tls(tls_cert, tls_key)
    given = os.environ.get("ECG_GATEWAY_TOKEN") or None
    file = read_settings().state_dir / "gateway-token"
    token = given or kept_token(file) or secrets.token_urlsafe(24)  # devices know it from the run before
    try:
        access, brokers = Access(host, token, names), servers(broker_url)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    server = Server(host, port, request_s=REQUEST_S, most_requests=MOST_REQUESTS, tls=tls)
    try:
        log = NatsDevice(brokers, patience_s=PATIENCE_S)
    except BaseException:  # Ctrl-C as well: the address is let go
        server.close()
        raise
    try:
        log_as_json()
        where = "ECG_GATEWAY_TOKEN"
        if given is None:
            where = str(keep_token(token, file, where))
        click.echo(f"Gateway: {server.url}frames")
        click.echo(f"It asks for the token in {where}.")
        server.run(create_gateway(log, access, {"broker": lambda: None if log.is_connected else "it is gone"}))
    finally:
        log.close()
