"""``ecg-anomaly monitor``."""

from __future__ import annotations

import logging
import signal
import time

import click

from pipeline.cli.group import PipelineCommand
from pipeline.cli.options import read_settings

EPILOG = """
Examples:
  ecg-anomaly monitor --from nats://127.0.0.1:4222
  ecg-anomaly monitor --partitions 0-31/64 --alarms-to alarms.jsonl
  ecg-anomaly monitor --alarms-to https://example.org/hook --alarms-to nats://127.0.0.1/ward-alarms

Results go to the database (ECG_DATABASE_URL; a SQLite file by default). Workers
that share a database and a broker share the patients: each of the 64 partitions
has one worker at a time, and another takes over when that one is gone.
"""


@click.command("monitor", cls=PipelineCommand, epilog=EPILOG)
@click.option(
    "--from",
    "broker_url",
    default="nats://127.0.0.1:4222",
    show_default=True,
    help="NATS with JetStream; servers of a cluster joined by commas.",
)
@click.option("--partitions", default="0-63/64", show_default=True, help="Which patients, as shares of all.")
@click.option("--alarms-to", multiple=True, help="File of JSON lines, http(s):// or nats://; may be repeated.")
@click.option("--replicas", type=click.IntRange(1, 5), default=1, help="Servers that keep each frame, in a new stream.")
def command(broker_url: str, partitions: str, alarms_to: tuple[str, ...], replicas: int) -> None:
    """Monitor patients whose frames come over NATS or MQTT, until stopped.

    What is read once is stored once: kill it at any moment, and the next start goes on as if nothing had happened.
    """
    from pipeline.live.broker import Broker
    from pipeline.live.engine import Engine
    from pipeline.live.partitions import Partitions
    from pipeline.live.sinks import Courier, open_sink
    from pipeline.live.worker import Worker
    from pipeline.scoring import model_at
    from pipeline.storage.database import Database

    try:
        wanted = Partitions.parse(partitions)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = read_settings()
    model = model_at(None)
    sinks = [open_sink(target) for target in alarms_to]
    with Database.open(settings.database) as database, Broker(broker_url.split(",")) as broker:
        broker.make_stream(replicas=replicas)
        engine = Engine(model, threshold=settings.threshold, alarms=settings.alarms, clock=_now_us)
        worker = Worker(broker, database, engine, wanted, clock=_now_us, sinks=[sink.name for sink in sinks])
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: worker.stop())
        courier = Courier(database, sinks, lambda: worker.owned)
        courier.start()
        try:
            worker.run()
        finally:
            courier.stop()


def _now_us() -> int:
    return time.time_ns() // 1000
