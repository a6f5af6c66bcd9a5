"""A running monitor with its page, or its terminal view, until somebody ends it."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import ssl

    from pipeline.live.engine import Engine
    from pipeline.settings import Settings
    from pipeline.web.desk import AlarmDesk
    from pipeline.web.hub import Hub
    from pipeline.web.probes import Check

    Feed = Callable[[Engine, threading.Event], None]  # feeds an engine until the event is set
    Show = Callable[[Hub, AlarmDesk, "Feeding"], None]  # shows a hub until somebody ends it

__all__ = ["Address", "watch"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a page is served, by which further names, whether it is opened here, and a certificate for https."""

    host: str
    port: int
    names: tuple[str, ...]
    token: str | None
    browser: bool
    viewer: str | None = None
    user_header: str | None = None
    tls: ssl.SSLContext | None = None


class Feeding:
    """An engine's feed on a thread of its own; what ends it is kept for whoever waits."""

    def __init__(self, feed: Feed, engine: Engine) -> None:
        self.trouble: Exception | None = None
        self.ended = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(feed, engine), name="engine", daemon=True)
        self._thread.start()

    def _run(self, feed: Feed, engine: Engine) -> None:
        try:
            feed(engine, self._stop)
        except Exception as error:
            self.trouble = error
            logging.getLogger("pipeline").error("the monitor has ended: %s", error)
        finally:
            self.ended.set()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()


def watch(
    feed: Feed,
    settings: Settings,
    *,
    origin: str | None,
    is_live: bool,
    address: Address | None,
    checks: dict[str, Check],
) -> None:
    """Run an engine and show it on a page, or on the terminal where there is no address, until Ctrl-C.

    ``checks`` is asked when ``/readyz`` is; the feed may add to it.

    Raises
    ------
    click.UsageError
        If the page would be open to whoever is near, or the settings name no database.
    OutputError
        If the database cannot be opened, or nothing can listen at the address.
    PipelineError
        What ended the feed, if something did.
    """
    with ExitStack() as held:  # the address comes first: a taken port is told at once
        show = _terminal if address is None else _page(address, checks, settings.state_dir, held)
        _watch(feed, settings, show, origin=origin, is_live=is_live, is_page=address is not None)


def _watch(feed: Feed, settings: Settings, show: Show, *, origin: str | None, is_live: bool, is_page: bool) -> None:
    from pipeline.cli.compiling import compile_while_shown, ensure_compiled
    from pipeline.cli.database import open_database
    from pipeline.cli.work import connect
    from pipeline.clock import now_us
    from pipeline.explain.witness import Witness
    from pipeline.live.engine import Engine
    from pipeline.live.limit_looker import LimitLooker
    from pipeline.monitor import Monitor
    from pipeline.scoring import model_at
    from pipeline.web.desk import AlarmDesk
    from pipeline.web.hub import Hub

    model = model_at(None, settings.device)
    if not is_page:
        ensure_compiled(model)  # a picture that is drawn in place has no room for a bar
    hub = Hub()
    engine = Engine(
        model,
        threshold=settings.threshold,
        alarms=settings.alarms,
        clock=now_us,
        is_live=is_live,
        watch=partial(Witness, gates=False) if is_page else Monitor,  # the page shows no gates
    )
    connect(engine, hub.metrics)
    engine.listeners.append(hub)
    engine.on_intake = hub.intake
    hub.why = engine.explain
    with ExitStack() as stack:
        database = stack.enter_context(open_database(settings))
        desk = stack.enter_context(AlarmDesk(hub, database, origin, alarms=settings.alarms))
        stack.enter_context(LimitLooker(database, engine))

        def begin(engine: Engine, stop: threading.Event) -> None:
            compile_while_shown(model, stop)  # the page answers meanwhile
            if not stop.is_set():
                feed(engine, stop)

        feeding = Feeding(begin, engine)
        stack.callback(feeding.stop)
        show(hub, desk, feeding)
    if feeding.trouble:
        raise feeding.trouble


def _terminal(hub: Hub, _desk: AlarmDesk, feeding: Feeding) -> None:
    from pipeline.web.terminal import show_until

    logging.getLogger("pipeline").addHandler(logging.NullHandler())  # a warning would tear the picture
    show_until(feeding.ended, hub)


def _page(address: Address, more: Mapping[str, Check], folder: Path, held: ExitStack) -> Show:
    from pipeline.cli.tokens import keep_token
    from pipeline.web.access import Access, is_loopback
    from pipeline.web.app import create_app
    from pipeline.web.logs import log_as_json
    from pipeline.web.server import Server

    token = address.token
    if token is None and not is_loopback(address.host):
        token = secrets.token_urlsafe(24)
    try:
        access = Access(address.host, token, address.names, address.viewer, address.user_header)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    server = Server(address.host, address.port, tls=address.tls)
    held.callback(server.close)

    def show(hub: Hub, desk: AlarmDesk, feeding: Feeding) -> None:
        log_as_json()
        url = server.url if token is None else f"{server.url}?token={token}"
        is_seen = token is None or sys.stdout.isatty()  # by a person; else it would stand in the log of a service
        click.echo(f"Monitor: {url if is_seen else server.url}")
        if token is not None and not is_seen:
            where = (
                "ECG_MONITOR_TOKEN"
                if address.token is not None
                else str(keep_token(token, folder / "monitor-token", "ECG_MONITOR_TOKEN"))
            )
            click.echo(f"It asks for the token in {where}.")
        click.echo("Not a medical device. Ctrl-C ends.")
        if address.browser and _has_screen():
            threading.Timer(1.0, webbrowser.open, [url]).start()
        own: dict[str, Check] = {"monitor": lambda: "it has ended" if feeding.ended.is_set() else None}
        server.run(create_app(hub, desk, access, own, more))

    return show


def _has_screen() -> bool:
    """Tell whether a browser would be seen by somebody."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
