"""The programs of a live ward, as processes of their own: broker, workers, and what else may be killed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pipeline.errors import SourceUnavailable
from pipeline.live.broker import server_config

__all__ = ["Programs", "free_port"]

PARTITIONS = "0-63/64"


class Victim(Protocol):
    """What starts and dies by itself, such as :class:`pipeline.bench.postgres.PostgresServer`."""

    def start(self) -> None:
        """Start it."""

    def kill(self) -> None:
        """End it as a crash does."""


class Programs:
    """Programs that may be killed and started again by name.

    Parameters
    ----------
    folder : Path
        Of their files: the broker's store and log, the workers' log and alarms.
    database_url : str
        Where workers store.
    workers : int
        How many contend for all patients: ``worker 1`` and so on.
    others : mapping of str to Victim
        What else may be killed, by name.
    environment : mapping of str to str
        More of the workers' environment.

    Attributes
    ----------
    url : str
        Where devices send to.
    alarms : Path
        File to which alarms are delivered.
    workers : list of str
        Names of the workers.

    Raises
    ------
    SourceUnavailable
        If nats-server is missing.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        workers: int = 1,
        others: Mapping[str, Victim] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        program = shutil.which("nats-server")
        if program is None:
            raise SourceUnavailable("nats-server is missing: apt-get install nats-server")
        port, mqtt_port = free_port(), free_port()
        self.url = f"nats://127.0.0.1:{port}"
        self.alarms = folder / "alarms.jsonl"
        config = folder / "nats.conf"
        config.write_text(server_config("bench", folder / "store", port=port, mqtt_port=mqtt_port))
        worker = [
            *(sys.executable, "-c", "from pipeline.cli import main; main()", "monitor", "--from", self.url),
            *("--partitions", PARTITIONS, "--alarms-to", str(self.alarms)),
        ]
        self.workers = [f"worker {i + 1}" for i in range(workers)]
        self._commands = {
            "broker": [program, "--config", str(config), "--log", str(folder / "broker.log")],
            **dict.fromkeys(self.workers, worker),
        }
        self._others = dict(others or {})
        self._environment = {
            **os.environ,
            "ECG_STATE_DIR": str(folder / "state"),
            "ECG_DATABASE_URL": database_url,
            **(environment or {}),
        }
        self._log = (folder / "worker.log").open("ab")
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start one of them."""
        if name in self._others:
            self._others[name].start()
            return
        self._running[name] = subprocess.Popen(  # noqa: S603 - our own commands
            self._commands[name], env=self._environment, stdout=self._log, stderr=self._log
        )

    def kill(self, name: str) -> None:
        """Kill one of them as the kernel does."""
        if name in self._others:
            self._others[name].kill()
            return
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def pid(self, name: str) -> int:
        """Return the number of a process, of the broker or a worker."""
        return self._running[name].pid

    def ended(self, name: str) -> bool:
        """Tell whether the broker or a worker has ended by itself."""
        return self._running[name].poll() is not None

    def revive(self) -> None:
        """Start again what has ended by itself, such as a worker that began while the database was away."""
        for name in [name for name in self._running if self.ended(name)]:
            self.start(name)

    @property
    def victims(self) -> list[str]:
        """What is killed, the workers together twice as often as each of the others."""
        return 2 * self.workers + len(self.workers) * ["broker", *self._others]

    def close(self) -> None:
        """End the broker and the workers; the others are whoever's who made them."""
        for name in list(self._running):
            self.kill(name)
        self._log.close()


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
