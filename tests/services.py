"""Real servers that tests start for themselves: on loopback, in a folder of their own, gone when the tests are.

A test that lacks a program says what to install and is skipped; where ``REQUIRE_SERVICES=1`` stands in the environment,
as in continuous integration, it fails instead.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from upath import UPath

from pipeline.bench.postgres import PostgresServer, programs_of_postgres
from pipeline.live.broker import server_config
from tests.waiting import PATIENCE_S, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def lacking(what: str, install: str) -> NoReturn:
    """Skip the test, or fail it where services are required, and say what to install."""
    message = f"{what} is missing: {install}"
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PostgreSQL = PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of this run of the tests."""
    if programs_of_postgres() is None:
        lacking("PostgreSQL", "apt-get install postgresql")
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """An S3 server of this run of the tests; what is below the returned URL may be written to.

    Its address and keys stand in the environment while it runs, where s3fs and other processes find them.
    """
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("s3fs") is None:
        lacking("an S3 server (moto, s3fs)", "pip install -e '.[dev]'")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: server.poll() is not None or answers(port), "the S3 server")
        assert server.poll() is None, "the S3 server did not start"
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
            environment.setenv("AWS_ACCESS_KEY_ID", "key")
            environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
            environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
            UPath("s3://bucket").mkdir()
            yield "s3://bucket"
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


# What Debian's Chromium needs on a machine without a screen, and what keeps it from talking to anybody.
CHROMIUM = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium of a file's tests.

    Not longer: while it is there, Playwright's event loop counts as running in this thread, and flows would be awaited.
    """
    if importlib.util.find_spec("playwright") is None:
        lacking("Playwright", "pip install -e '.[dev]'")
    program = shutil.which("chromium")
    if program is None:
        lacking("Chromium", "apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM))
        yield running
        running.close()


class NatsServer:
    """A nats-server with JetStream and MQTT, which a test may kill and start again.

    Parameters
    ----------
    folder : Path
        Where its files are.
    name : str
        Its name.
    more : str
        Further lines of its configuration.
    host : str
        Where it listens.
    within : sequence of str
        What its command begins with, where it runs in another network.
    """

    def __init__(
        self,
        folder: Path,
        name: str = "ecg",
        more: str = "",
        *,
        host: str = "127.0.0.1",
        within: Sequence[str] = (),
    ) -> None:
        program = shutil.which("nats-server")
        if program is None:
            lacking("nats-server", "apt-get install nats-server")
        self.port, self.mqtt_port = free_port(), free_port()
        self._folder = folder / name
        self._folder.mkdir(parents=True)
        config = self._folder / "nats.conf"
        config.write_text(
            server_config(name, self._folder / "store", host=host, port=self.port, mqtt_port=self.mqtt_port, more=more)
        )
        self._host = host
        self._command = [*within, program, "--config", str(config), "--log", str(self._folder / "log")]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where NATS clients connect."""
        return f"nats://{self._host}:{self.port}"

    @property
    def mqtt_url(self) -> str:
        """Where MQTT clients connect."""
        return f"mqtt://{self._host}:{self.mqtt_port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        process = self._process = subprocess.Popen(self._command)

        def stands() -> bool:
            assert process.poll() is None, f"nats-server did not start:\n{(self._folder / 'log').read_text()[-2000:]}"
            return answers(self.port, self._host) and answers(self.mqtt_port, self._host)

        wait_for(stands, "nats-server")

    def kill(self) -> None:
        """Kill it as the kernel does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def lose_disk(self) -> None:
        """Remove all that it has stored; it must not run."""
        shutil.rmtree(self._folder / "store")


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    """A nats-server of this test."""
    server = NatsServer(tmp_path / "nats")
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def nats_cluster(tmp_path: Path) -> Iterator[list[NatsServer]]:
    """Three nats-servers that keep every message together."""
    ports = [free_port() for _ in range(3)]
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports)
    servers = [
        NatsServer(
            tmp_path / "nats", f"n{i}", f"cluster {{ name: ward, listen: 127.0.0.1:{port}, routes: [{routes}] }}"
        )
        for i, port in enumerate(ports)
    ]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.kill()


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether somebody listens at a port of loopback."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True
