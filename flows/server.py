"""Prefect's server on loopback, for as long as it is needed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import flows  # noqa: F401 - sets Prefect's environment, which the server inherits
from pipeline.errors import PipelineError

__all__ = ["alone_at_home", "answers", "server"]

START_S = 180.0
LOCKED_S = 60  # that a writer of the server's SQLite waits for another; PostgreSQL has no such queue


def answers(url: str) -> bool:
    """Return True if a server answers at the address of its interface, such as ``http://127.0.0.1:4200/api``."""
    try:
        with build_opener(ProxyHandler({})).open(f"{url.rstrip('/')}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except HTTPError as error:
        return error.code in (401, 403)  # it asks who we are
    except (URLError, OSError, ValueError):
        return False


@contextmanager
def alone_at_home() -> Iterator[None]:
    """Hold Prefect's folder while the block runs.

    A second process that is started by mistake is refused at once, even while the first one's server begins and
    neither can be seen on it.

    Raises
    ------
    PipelineError
        If another process holds it.
    """
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "ecg-anomaly-serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # freed with the process, however it ends
        except BlockingIOError:
            raise PipelineError(
                f"another process serves deployments already, with the server of {home}: stop that one first "
                "(Ctrl-C where it runs), or let it go on alone"
            ) from None
        yield


@contextmanager
def server(port: int) -> Iterator[str]:
    """Run a server while the block runs; one that answers there already is used and left alone."""
    url = f"http://127.0.0.1:{port}/api"
    if answers(url):
        yield url
        return
    environment = {**os.environ, "PREFECT_SERVER_API_HOST": "127.0.0.1", "PREFECT_SERVER_API_PORT": str(port)}
    environment.setdefault("PREFECT_API_DATABASE_TIMEOUT", str(LOCKED_S))
    command = [sys.executable, "-m", "prefect", "server", "start"]
    # In a session of its own: Ctrl-C is for this process, which still needs the server to say that it ends.
    running = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603 - our own program
    try:
        deadline = time.monotonic() + START_S
        while not answers(url):
            if running.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"Prefect's server did not start at {url}; see what it says above")
            time.sleep(0.2)  # it does not say when it is ready
        yield url
    finally:
        running.terminate()
        running.wait(30)
