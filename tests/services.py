"""Real servers that tests start for themselves: on loopback, in a folder of their own, gone when the tests are.

A test that lacks a program says what to install and is skipped; where ``REQUIRE_SERVICES=1`` stands in the environment,
as in continuous integration, it fails instead.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from upath import UPath

from pipeline.live.broker import server_config

if TYPE_CHECKING:
    from playwright.sync_api import Browser

START_S = 30.0


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


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A running PostgreSQL server.

    Attributes
    ----------
    port : int
        Where it listens, on 127.0.0.1.
    password : str
        Of its only user, ``ecg``.
    bin_dir : Path
        The programs of its version.
    """

    port: int
    password: str
    bin_dir: Path

    def url(self, database: str, driver: str = "psycopg") -> str:
        """Return the URL of a database as SQLAlchemy takes it; Prefect takes the one with the driver ``asyncpg``."""
        return f"postgresql+{driver}://ecg:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """Return the name of a new and empty database, which ends with the server."""
        name = f"test_{secrets.token_hex(6)}"
        self.run("createdb", name)
        return name

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs against the server and return what it prints."""
        place = ["--host=127.0.0.1", f"--port={self.port}", "--username=ecg"]
        environment = {**os.environ, "PGPASSWORD": self.password}
        command = [str(self.bin_dir / program), *place, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{program}: {done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of this run of the tests."""
    bin_dir = _postgres_programs()
    # Not below pytest's own folder: only its owner may enter that, and PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="ecg-postgres-"))
    user = "nobody" if os.geteuid() == 0 else None
    server: subprocess.Popen[bytes] | None = None
    try:
        if user:
            shutil.chown(folder, user)
        password, port, data = secrets.token_hex(16), free_port(), folder / "data"
        secret = folder / "password"
        secret.write_text(password)
        make = [str(bin_dir / "initdb"), str(data), "--username=ecg", f"--pwfile={secret}", "--auth=scram-sha-256"]
        make += ["--no-sync", "--no-locale", "--encoding=UTF8"]
        subprocess.run(make, user=user, cwd=folder, check=True, capture_output=True, timeout=120)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "off",  # what it holds ends with the tests
            "shared_buffers": "32MB",
            "max_connections": 100,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [bin_dir / "postgres", "-D", data, *options], user=user, cwd=folder, stdout=log, stderr=log
            )
        _wait_for(bin_dir, port, server, folder / "log")
        yield PostgreSQL(port, password, bin_dir)
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # "fast": sessions are ended, files are closed
            try:
                server.wait(START_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        shutil.rmtree(folder, ignore_errors=True)


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
        deadline = time.monotonic() + START_S
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail("the S3 server did not start")
            time.sleep(0.05)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
            environment.setenv("AWS_ACCESS_KEY_ID", "key")
            environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
            environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
            UPath("s3://bucket").mkdir()
            yield "s3://bucket"
    finally:
        server.terminate()
        server.wait(START_S)


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
    """

    def __init__(self, folder: Path, name: str = "ecg", more: str = "") -> None:
        program = shutil.which("nats-server")
        if program is None:
            lacking("nats-server", "apt-get install nats-server")
        self.port, self.mqtt_port = free_port(), free_port()
        self._folder = folder / name
        self._folder.mkdir(parents=True)
        config = self._folder / "nats.conf"
        config.write_text(
            server_config(name, self._folder / "store", port=self.port, mqtt_port=self.mqtt_port, more=more)
        )
        self._command = [program, "--config", str(config), "--log", str(self._folder / "log")]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where NATS clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def mqtt_url(self) -> str:
        """Where MQTT clients connect."""
        return f"mqtt://127.0.0.1:{self.mqtt_port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command)
        deadline = time.monotonic() + START_S
        while not (_answers(self.port) and _answers(self.mqtt_port)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"nats-server did not start:\n{(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

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


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _postgres_programs() -> Path:
    """Return the folder of PostgreSQL's programs: Debian keeps those of the server off the search path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not debian:
        lacking("PostgreSQL", "apt-get install postgresql")
    return debian[-1].parent


def _wait_for(bin_dir: Path, port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    ask = [str(bin_dir / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={port}"]
    while subprocess.run(ask, check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"PostgreSQL did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)
