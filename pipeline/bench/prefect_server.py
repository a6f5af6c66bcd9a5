"""Prefect's server on loopback, with a home of its own, that may be killed: for endurance."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import requests

from pipeline.bench.programs import free_port
from pipeline.errors import SourceUnavailable

__all__ = ["PrefectProgram"]

START_S = 300.0
TIMEOUT_S = 10.0


class PrefectProgram:
    """A server that takes events. A context manager.

    Parameters
    ----------
    home : Path
        Its folder.

    Attributes
    ----------
    url : str
        Of its API, for ``PREFECT_API_URL``.

    Raises
    ------
    SourceUnavailable
        If Prefect is not installed, or the server does not start.
    """

    def __init__(self, home: Path) -> None:
        if importlib.util.find_spec("prefect") is None:
            raise SourceUnavailable("Prefect is missing: pip install 'ecg-anomaly[prefect]'")
        home.mkdir(parents=True, exist_ok=True)
        self._home = home
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api"
        self._environment = {
            **os.environ,
            "DO_NOT_TRACK": "1",
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(port),
        }
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait()
        except BaseException:  # also Ctrl-C: no server outlives the run
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, after a crash as well, and do not wait for it."""
        with (self._home / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "prefect", "server", "start"],
                env=self._environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """Kill it, and what it has started, as the kernel does."""
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
            self._server = None

    def wait(self) -> None:
        """Wait until it answers.

        Raises
        ------
        SourceUnavailable
            If it does not.
        """
        deadline = time.monotonic() + START_S
        with _session() as session:
            while True:
                try:
                    if session.get(f"{self.url}/health", timeout=TIMEOUT_S).ok:
                        return
                except requests.RequestException:
                    pass
                if self._server is None or self._server.poll() is not None or time.monotonic() > deadline:
                    raise SourceUnavailable(f"Prefect's server does not start: see {self._home / 'server.log'}")
                time.sleep(0.2)  # it does not say when it is ready

    def events(self, prefix: str) -> int:
        """Return how many events it has whose names begin so."""
        with _session() as session:
            wanted = {"filter": {"event": {"prefix": [prefix]}}, "limit": 1}
            answer = session.post(f"{self.url}/events/filter", json=wanted, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return int(answer.json()["total"])


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy on the way to this machine
    return session
