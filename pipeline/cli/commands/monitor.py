"""``ecg-anomaly monitor``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import data_dir_option, leads_option, read_settings, seed_option
from pipeline.cli.tls import read_tls, tls_options

if TYPE_CHECKING:
    from threading import Event

    from pipeline.cli.page import Feed
    from pipeline.live.engine import Engine
    from pipeline.settings import Settings
    from pipeline.web.probes import Check

EPILOG = """
Examples:
  ecg-anomaly monitor --demo
  ecg-anomaly monitor --demo --tui
  ecg-anomaly monitor --records mitdb/208,mitdb/119
  ecg-anomaly monitor --from nats://127.0.0.1:4222 --page
  ecg-anomaly monitor --partitions 0-31/64 --alarms-to alarms.jsonl
  ecg-anomaly monitor --metrics 9100
  ecg-anomaly monitor --demo --tls-cert ward.crt --tls-key ward.key
  ecg-anomaly monitor --alarms-to https://example.org/hook --alarms-to a.jsonl

Results go to the database (ECG_DATABASE_URL; a SQLite file by default). Workers
that share a database and a broker share the patients: each of the 64 partitions
has one worker at a time, and another takes over when that one is gone.

The page is served on this machine alone. With --host it can be reached from
elsewhere and asks for a token: that of ECG_MONITOR_TOKEN, or one that is made
and shown. ECG_MONITOR_VIEWER_TOKEN is one for looking alone. Give it a
certificate (--tls-cert, --tls-key), or put a proxy with TLS in front; name what
it is reached by with --name.
"""


# Where patients may come from: what else belongs to each, and how it is called.
PATIENTS = {
    "demo": (("demo", "seed"), "--demo"),
    "records": (("records", "data_dir", "leads", "speed"), "--records or --data-dir"),
    "broker": (("broker_url", "partitions", "alarms_to", "replicas"), "a broker's patients"),
}


@click.command("monitor", cls=PipelineCommand, epilog=EPILOG)
@click.option(
    "--from",
    "broker_url",
    default="nats://127.0.0.1:4222",
    show_default=True,
    help="Address of NATS with JetStream; servers of a cluster joined by commas.",
)
@click.option(
    "--partitions", default="0-63/64", show_default=True, help="Share of the patients that this worker takes."
)
@click.option(
    "--alarms-to",
    multiple=True,
    help="Also send alarms to a file of JSON lines, http(s):// or nats://; may be repeated.",
)
@click.option(
    "--replicas", type=click.IntRange(1, 5), default=1, help="Number of servers that keep each frame, in a new stream."
)
@click.option("--demo", is_flag=True, help="Show eight synthetic patients for a day, without a broker.")
@click.option("--records", help="Play and show records, such as mitdb/208,mitdb/119, without a broker.")
@click.option(
    "--speed", type=click.FloatRange(0.1, 20), default=1.0, show_default=True, help="Times real time, for --records."
)
@click.option("--page", is_flag=True, help="Show the broker's patients on a page; --demo and --records always do.")
@click.option("--tui", is_flag=True, help="Show the patients on this terminal, without a page.")
@click.option(
    "--metrics", type=click.IntRange(0, 65535), help="Serve /metrics, /livez and /readyz at this port, without a page."
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address at which the page, or /metrics, is served."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8600, show_default=True, help="Port of the page.")
@click.option(
    "--name", "names", multiple=True, help="Another name by which the page is reached, such as that of a proxy."
)
@click.option(
    "--user-header", help="Header in which a proxy names who asks; it also shows a token. What they do is logged so."
)
@tls_options
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page if there is a screen.")
@seed_option
@data_dir_option
@leads_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    broker_url: str,
    partitions: str,
    alarms_to: tuple[str, ...],
    replicas: int,
    demo: bool,
    records: str | None,
    speed: float,
    page: bool,
    tui: bool,
    metrics: int | None,
    host: str,
    port: int,
    names: tuple[str, ...],
    user_header: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    browser: bool,
    seed: int,
    data_dir: Path | None,
    leads: tuple[str, ...] | None,
) -> None:
    """Monitor patients until stopped: from a broker, or, to look at, synthetic ones or records.

    What is read from a broker once is stored once: kill it at any moment, and the next start goes on as if nothing had
    happened.
    """
    from pipeline.cli.page import Address, watch
    from pipeline.cli.work import Work
    from pipeline.clock import now_us
    from pipeline.live.broker import servers
    from pipeline.live.partitions import Partitions
    from pipeline.live.sinks import open_sink
    from pipeline.storage.database import DEMO

    is_replay = records is not None or data_dir is not None
    if metrics is not None and (demo or page or tui or is_replay):
        raise click.UsageError("--metrics is for a worker alone: a page answers them at its own --port")
    _refuse_what_does_not_go(ctx, "demo" if demo else "records" if is_replay else "broker")
    if tui:
        _refuse(
            ctx, ("page", "host", "port", "names", "user_header", "tls_cert", "tls_key"), "--tui, which shows no page"
        )
    tls = read_tls(tls_cert, tls_key)
    settings = read_settings()
    token = os.environ.get("ECG_MONITOR_TOKEN") or None
    viewer = os.environ.get("ECG_MONITOR_VIEWER_TOKEN") or None
    origin: str | None = f"{DEMO if demo else 'replay-'}{now_us()}"
    checks: dict[str, Check] = {}
    feed: Feed
    if demo:
        feed = _demo(seed)
    elif is_replay:
        feed = _replay(records, data_dir, leads, speed, settings)
    else:
        try:
            wanted, brokers = Partitions.parse(partitions), servers(broker_url)
            sinks = tuple(open_sink(target) for target in alarms_to)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        work = Work(brokers, wanted, sinks, replicas, settings, checks)
        if not (page or tui):
            if tls is not None and metrics is None:
                raise click.UsageError("--tls-cert needs --page or --metrics: a worker alone serves nothing")
            work.run_alone(host, metrics, token, names, tls)
            return
        origin = None  # the worker stores its alarms itself

        def feed(engine: Engine, stop: Event) -> None:
            work.run(engine, stop)

    watch(
        feed,
        settings,
        origin=origin,
        is_live=records is None or speed == 1,
        address=None if tui else Address(host, port, names, token, browser, viewer, user_header, tls),
        checks=checks,
    )


def _refuse_what_does_not_go(ctx: click.Context, patients: str) -> None:
    """Refuse what was asked for and is of other patients than those that are shown."""
    for other, (names, _) in PATIENTS.items():
        if other != patients:
            _refuse(ctx, names, PATIENTS[patients][1])


def _refuse(ctx: click.Context, names: tuple[str, ...], beside: str) -> None:
    for parameter in ctx.command.params:
        if parameter.name in names and ctx.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} does not go with {beside}")


def _demo(seed: int) -> Feed:
    from pipeline.web.feed import demo_patients, play_ward

    patients = demo_patients(seed)
    return lambda engine, stop: play_ward(engine, patients, stop)


def _replay(
    records: str | None, data_dir: Path | None, leads: tuple[str, ...] | None, speed: float, settings: Settings
) -> Feed:
    from pipeline.sources import list_records, open_record
    from pipeline.web.feed import play_records

    names = () if records is None else tuple(name.strip() for name in records.split(","))
    try:
        wanted = list_records(*names, data_dir=data_dir, settings=settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    opened = [open_record(name, data_dir=data_dir, leads=leads, settings=settings) for name in wanted]
    return lambda engine, stop: play_records(engine, opened, stop, speed=speed)
