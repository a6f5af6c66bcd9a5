"""A worker with all that belongs to it, until it is told to stop."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING

import click

from pipeline.clock import now_us

if TYPE_CHECKING:
    import ssl

    from pipeline.live.engine import Engine
    from pipeline.live.partitions import Partitions
    from pipeline.live.sinks import Sink
    from pipeline.settings import Settings
    from pipeline.web.metrics import Metrics
    from pipeline.web.probes import Check

__all__ = ["Work", "connect"]


@dataclass(frozen=True)
class Work:
    """What a worker is to do.

    Attributes
    ----------
    brokers : sequence of str
        Where frames come from: a server, or those of a cluster.
    partitions : Partitions
        Which patients.
    sinks : tuple of Sink
        Where alarms are delivered.
    replicas : int
        Servers that keep each frame, in a new stream.
    settings : Settings
        The rest.
    checks : dict
        What must be well for ``/readyz``; until it works, that it does.
    """

    brokers: Sequence[str]
    partitions: Partitions
    sinks: tuple[Sink, ...]
    replicas: int
    settings: Settings
    checks: dict[str, Check] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.checks["worker"] = lambda: "it has not begun"

    def run(self, engine: Engine, stop: Event | None = None) -> None:
        """Work until the event is set; without one, until a signal comes.

        Raises
        ------
        click.UsageError
            If the settings name no database.
        SourceUnavailable
            If the broker does not answer.
        OutputError
            If the database cannot be opened.
        KeyboardInterrupt
            After Ctrl-C, when everything is stored.
        """
        from pipeline.cli.database import open_database
        from pipeline.errors import SourceUnavailable
        from pipeline.live.aside import Aside
        from pipeline.live.broker import Broker
        from pipeline.live.courier import Courier
        from pipeline.live.limit_looker import LimitLooker
        from pipeline.live.pruner import Pruner
        from pipeline.live.worker import Worker

        settings, asked = self.settings, list[int]()

        def end(number: int, _frame: FrameType | None) -> None:
            asked.append(number)
            worker.stop()

        with ExitStack() as stack:
            database = stack.enter_context(open_database(settings))
            broker = stack.enter_context(Broker(self.brokers))
            stack.enter_context(_telling(engine))
            broker.make_stream(replicas=self.replicas)
            try:
                broker.check_stream()
            except SourceUnavailable as error:  # it is monitored all the same
                logging.getLogger("pipeline").warning("%s", error)
            names = [sink.name for sink in self.sinks]
            worker = Worker(
                broker, database, engine, self.partitions, clock=now_us, settings=settings.live, sinks=names,
                aside=Aside(settings.state_dir / "set-aside"),
            )  # fmt: skip
            self.checks["broker"] = lambda: None if broker.client.is_connected else "the connection is lost"
            self.checks["worker"] = lambda: worker.trouble
            if stop is None:  # beside a page, that sees to the limits
                stack.enter_context(LimitLooker(database, engine))
                for sign in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(sign, end)
            courier = Courier(database, self.sinks, lambda: worker.owned)
            keep = settings.live.keep_days
            pruner = Pruner(database, lambda: worker.owned, self.partitions.of, keep_days=keep, clock=now_us)
            courier.start()
            stack.callback(courier.stop)
            stack.enter_context(pruner)
            while stop is not None and not stop.is_set():
                worker.step()
            if stop is not None:
                worker.stop()
            worker.run()  # until told to stop; then it stores everything
        if signal.SIGINT in asked:
            raise KeyboardInterrupt

    def run_alone(
        self,
        host: str,
        port: int | None,
        token: str | None,
        names: tuple[str, ...],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Work without a page, until a signal comes.

        Parameters
        ----------
        host, port : str, int or None
            Where ``/metrics``, ``/livez`` and ``/readyz`` are answered; nowhere without a port.
        token : str or None
            What is asked for; beyond loopback there must be one.
        names : tuple of str
            Further names by which this is reached.
        tls : ssl.SSLContext, optional
            Certificate and key, where it is reached by https.

        Raises
        ------
        click.UsageError
            If they would be open to whoever is near.
        """
        from pipeline.web.access import Access
        from pipeline.web.logs import log_as_json
        from pipeline.web.metrics import Metrics
        from pipeline.web.probes import create_probes
        from pipeline.web.server import Server

        metrics, server = Metrics(), None
        serving: AbstractContextManager[None] = nullcontext()
        with ExitStack() as held:
            if port is not None:
                try:
                    access = Access(host, token, names)
                except ValueError as error:
                    raise click.UsageError(f"{error}: set ECG_MONITOR_TOKEN") from error
                server = Server(host, port, option="--metrics", tls=tls)
                held.callback(server.close)
                serving = server.running(create_probes(metrics, access, self.checks))
            log_as_json()
            from pipeline.live.engine import Engine
            from pipeline.scoring import model_at

            settings = self.settings
            model = model_at(None, settings.device)
            engine = Engine(model, threshold=settings.threshold, alarms=settings.alarms, clock=now_us)
            connect(engine, metrics)
            if server is not None:
                click.echo(f"Metrics: {server.url}metrics")
            with serving:
                self.run(engine)


def connect(engine: Engine, metrics: Metrics) -> None:
    """Let metrics hear of all that an engine does; what ``/readyz`` says of patients it takes from there."""
    engine.listeners.append(metrics)
    metrics.counts, metrics.totals, metrics.deaf = engine.counts, engine.totals, engine.deaf
    engine.on_intake = metrics.take_intake


@contextmanager
def _telling(engine: Engine) -> Iterator[None]:
    """Tell Prefect of drifts and alarms, where ``PREFECT_API_URL`` names a server."""
    from pipeline.announcing import EventListener, EventSender
    from pipeline.scoring import model_at

    sender = EventSender.to_prefect()
    if sender is None:
        yield
        return
    with sender:
        engine.listeners.append(EventListener(sender, model_at(None).checksum))
        yield
