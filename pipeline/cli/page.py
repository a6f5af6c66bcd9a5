"""A running monitor with its page, or its terminal view, until somebody ends it."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipeline.live.engine import Engine
    from pipeline.settings import Settings

__all__ = ["Feed", "watch"]

Feed = Callable[["Engine", threading.Event], None]
"""Feeds an engine until the event is set."""


def watch(
    feed: Feed,
    settings: Settings,
    *,
    origin: str,
    is_live: bool,
    host: str,
    port: int,
    token: str | None,
    names: tuple[str, ...],
    tui: bool,
    browser: bool,
) -> None:
    """Run an engine on a thread of its own and show it until Ctrl-C.

    Raises
    ------
    OutputError
        If the database cannot be opened, or nothing can listen at the address.
    PipelineError
        What ended the feed, if something did.
    """
    from pipeline.live.engine import Engine
    from pipeline.scoring import model_at
    from pipeline.storage.database import Database
    from pipeline.web.desk import AlarmDesk
    from pipeline.web.hub import Hub

    hub = Hub()
    engine = Engine(
        model_at(None),
        threshold=settings.threshold,
        alarms=settings.alarms,
        clock=lambda: time.time_ns() // 1000,
        is_live=is_live,
    )
    engine.listeners.append(hub)
    stop = threading.Event()
    trouble: list[BaseException] = []

    def run() -> None:
        try:
            feed(engine, stop)
        except BaseException as error:
            trouble.append(error)
            stop.set()

    thread = threading.Thread(target=run, name="engine", daemon=True)
    with ExitStack() as stack:
        desk = stack.enter_context(AlarmDesk(hub, stack.enter_context(Database.open(settings.database)), origin))
        stack.callback(thread.join)
        stack.callback(stop.set)
        if tui:
            from pipeline.web.terminal import terminal

            thread.start()
            with terminal(hub):
                stop.wait()
        else:
            _serve(hub, desk, thread, trouble, host, port, token, names, browser)
    if trouble:
        raise trouble[0]


def _serve(
    hub: object,
    desk: object,
    thread: threading.Thread,
    trouble: list[BaseException],
    host: str,
    port: int,
    token: str | None,
    names: tuple[str, ...],
    browser: bool,
) -> None:
    from pipeline.web.access import Access, is_loopback
    from pipeline.web.app import create_app
    from pipeline.web.desk import AlarmDesk
    from pipeline.web.hub import Hub
    from pipeline.web.logs import log_as_json
    from pipeline.web.server import Server

    assert isinstance(hub, Hub)  # noqa: S101 - imported late
    assert isinstance(desk, AlarmDesk)  # noqa: S101
    log_as_json()
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    try:
        access = Access(host, token, names)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    server = Server(host, port)
    checks = {"engine": lambda: str(trouble[0]) if trouble else None}
    app = create_app(hub, desk, access, checks)
    url = server.url if token is None else f"{server.url}?token={token}"
    click.echo(f"Monitor: {url}\nNot a medical device. Ctrl-C ends.")
    thread.start()
    if browser and _has_screen():
        threading.Timer(1.0, webbrowser.open, [url]).start()
    server.run(app)


def _has_screen() -> bool:
    """Tell whether a browser would be seen by somebody."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
