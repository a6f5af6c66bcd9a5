"""A PostgreSQL server of one's own, on loopback, that may be killed: for endurance and for tests."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from pipeline.errors import SourceUnavailable

__all__ = ["PostgresServer", "programs_of_postgres"]

START_S = 200.0


def programs_of_postgres() -> Path | None:
    """Return the folder of PostgreSQL's programs, or None; Debian keeps those of the server off the search path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return debian[-1].parent if debian else None


class PostgresServer:
    """A server with one user, ``ecg``, in a folder of its own that is gone with it. A context manager.

    Attributes
    ----------
    port : int
        Where it listens, on 127.0.0.1.
    password : str
        Of its user.
    bin_dir : Path
        The programs of its version.

    Raises
    ------
    SourceUnavailable
        If PostgreSQL is not installed, or the server does not start.
    """

    def __init__(self) -> None:
        bin_dir = programs_of_postgres()
        if bin_dir is None:
            raise SourceUnavailable("PostgreSQL is missing: apt-get install postgresql")
        self.bin_dir, self.port, self.password = bin_dir, _free_port(), secrets.token_hex(16)
        # PostgreSQL refuses to run as root, and nobody enters a folder that is root's alone.
        self._user = "nobody" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="ecg-postgres-"))
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._make()
            self.start()
        except BaseException:  # also Ctrl-C: no server outlives the run
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, database: str, driver: str = "psycopg") -> str:
        """Return the URL of a database as SQLAlchemy takes it; Prefect takes the one with the driver ``asyncpg``."""
        return f"postgresql+{driver}://ecg:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def socket(self) -> Path:
        """Its Unix socket."""
        return self._folder / f".s.PGSQL.{self.port}"

    def create_database(self, prefix: str = "test") -> str:
        """Return the name of a new and empty database, which ends with the server."""
        name = f"{prefix}_{secrets.token_hex(6)}"
        self.run("createdb", name)
        return name

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs against the server and return what it prints.

        Raises
        ------
        SourceUnavailable
            If it fails.
        """
        place = ["--host=127.0.0.1", f"--port={self.port}", "--username=ecg"]
        environment = {**os.environ, "PGPASSWORD": self.password}
        command = [str(self.bin_dir / program), *place, *arguments]
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own
            command, env=environment, capture_output=True, text=True, timeout=START_S, check=False
        )
        if done.returncode != 0:
            raise SourceUnavailable(f"{program}: {done.stderr}")
        return done.stdout

    def start(self) -> None:
        """Start it, after a crash as well, and wait until it answers.

        Raises
        ------
        SourceUnavailable
            If it does not.
        """
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._folder,
            "fsync": "off",  # what it holds ends with it, and the machine does not go down
            "shared_buffers": "32MB",
            "max_connections": 100,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 - PostgreSQL's own
                [self.bin_dir / "postgres", "-D", self._folder / "data", *options],
                user=self._user, cwd=self._folder, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        ask = [str(self.bin_dir / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={self.port}"]
        while subprocess.run(ask, check=False).returncode != 0:  # noqa: S603 - PostgreSQL's own
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise SourceUnavailable(f"PostgreSQL does not start:\n{(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)  # it does not say when it is ready

    def kill(self) -> None:
        """End it as a crash does: sessions are cut off, nothing is written, and the next start recovers."""
        self._end(signal.SIGQUIT)

    def close(self) -> None:
        """End it, and remove all it has stored."""
        self._end(signal.SIGINT)  # "fast": sessions are ended, files are closed
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make(self) -> None:
        if self._user:
            shutil.chown(self._folder, self._user)
        secret = self._folder / "password"
        secret.write_text(self.password)
        make = [str(self.bin_dir / "initdb"), str(self._folder / "data"), "--username=ecg", f"--pwfile={secret}"]
        make += ["--auth=scram-sha-256", "--no-sync", "--no-locale", "--encoding=UTF8"]
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own
            make, user=self._user, cwd=self._folder, capture_output=True, text=True, timeout=START_S, check=False
        )
        if done.returncode != 0:
            raise SourceUnavailable(f"initdb: {done.stderr}")

    def _end(self, number: signal.Signals) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.send_signal(number)
        try:
            server.wait(START_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
