"""A nats-server of this machine as the durable log: its folder, its lock, and a stream before any device comes."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from pipeline.errors import OutputError, SourceUnavailable
from pipeline.live.broker import MAX_BYTES, Broker, server_config

__all__ = ["LogServer"]

START_S = 60.0  # how long it may take to read what it has stored
SHARE = 0.5  # of the free disk that frames may fill


class LogServer:
    """The server that ``ecg-anomaly broker`` becomes.

    nats-server confirms what devices publish over MQTT whether or not a stream keeps it. So the stream is made by a
    server that only this process can reach, and only then does the one start that listens for devices.

    Parameters
    ----------
    folder : Path
        Where its files are; one server at a time works on it.
    host, port, mqtt_port
        Where it listens.
    token : str
        What clients must know; none if empty.

    Raises
    ------
    SourceUnavailable
        If nats-server is missing.
    OutputError
        If the folder cannot be written to, another server works on it, or a port is taken.
    """

    def __init__(self, folder: Path, *, host: str, port: int, mqtt_port: int, token: str = "") -> None:
        program = shutil.which("nats-server")
        if program is None:
            raise SourceUnavailable("nats-server is missing: apt-get install nats-server")
        self._program, self._folder = program, folder
        self._host, self._port, self._mqtt_port, self._token = host, port, mqtt_port, token
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"another broker works on {folder}: stop it, or name another folder with --store"
            ) from None
        except OSError as error:
            raise OutputError(f"the broker's folder {folder} cannot be written to ({error.strerror})") from error
        for at, option in ((port, "--port"), (mqtt_port, "--mqtt-port")):
            _check_free(host, at, option)

    def prepare(self) -> None:
        """Make the stream, unless it is there.

        Raises
        ------
        SourceUnavailable
            If the server does not start, or a stream is there that would lose what it has confirmed.
        OutputError
            If the folder cannot be written to.
        """
        ports = self._folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        more = f'ports_file_dir: "{ports}"'
        config = self._write("prepare.conf", server_config("ecg", self._folder, port=-1, mqtt_port=None, more=more))
        log = self._folder / "prepare.log"
        try:
            ports.mkdir(mode=0o700)
            with log.open("wb") as out:
                server = subprocess.Popen([self._program, "--config", config], stdout=out, stderr=out)  # noqa: S603
        except OSError as error:
            raise OutputError(f"the broker's folder {self._folder} cannot be written to ({error.strerror})") from error
        try:
            with Broker([f"nats://127.0.0.1:{self._wait_for_port(server, ports, log)}"]) as broker:
                free = shutil.disk_usage(self._folder).free
                broker.make_stream(max_bytes=max(1, min(MAX_BYTES, int(SHARE * free))))
                broker.check_stream()
        finally:
            server.terminate()
            server.wait()

    def become(self) -> None:
        """Let nats-server take this process's place, and its lock."""
        os.set_inheritable(self._lock, True)
        text = server_config(
            "ecg", self._folder, host=self._host, port=self._port, mqtt_port=self._mqtt_port, token=self._token
        )
        os.execv(self._program, [self._program, "--config", self._write("nats-server.conf", text)])  # noqa: S606

    def _write(self, name: str, text: str) -> str:
        config = self._folder / name
        try:
            config.touch(mode=0o600)
            config.write_text(text)
        except OSError as error:
            raise OutputError(f"the broker's folder {self._folder} cannot be written to ({error.strerror})") from error
        return str(config)

    def _wait_for_port(self, server: subprocess.Popen[bytes], ports: Path, log: Path) -> int:
        deadline = time.monotonic() + START_S
        while server.poll() is None and time.monotonic() < deadline:
            for file in ports.glob("*.ports"):
                _, _, port = file.read_text().partition('"nats://127.0.0.1:')
                if port:
                    return int(port.partition('"')[0])
            time.sleep(0.02)
        raise SourceUnavailable(f"nats-server does not start on {self._folder}: {log.read_text()[-300:].strip()}")


def _check_free(host: str, port: int, option: str) -> None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and not isinstance(error, socket.gaierror) else error.strerror
        raise OutputError(f"nothing can listen at {host} port {port} ({reason}): name another with {option}") from error
