"""What a mirror of PhysioNet may answer."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

from pipeline.fuzzing.door import Door, Enter
from pipeline.settings import FetchSettings, Settings
from pipeline.sources import fetch, list_records

__all__ = ["DOOR"]

WORDS = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: ",
    b"Content-Length: ",
    b"Content-Encoding: gzip\r\n",
    b"404",
    b"503",
    b"Transfer-Encoding: chunked\r\n",
    b"Retry-After: ",
    b"100.dat",
    b"100 2 250",
    b"~",
    b"a/\n",
    b"../",
    b'href="1.0.0/"',
)


class _Mirror:
    """A server that answers everything with what it was last given."""

    def __init__(self) -> None:
        self.answer = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            one, _ = self._socket.accept()
            with one:
                try:
                    one.settimeout(2.0)
                    one.recv(65_536)
                    one.sendall(self.answer)
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


def _seeds(_folder: Path) -> Sequence[bytes]:
    bodies = (
        b"100 2 250 500\n100.dat 212 200 12 0 0 0 0 II\n100.dat 212 200 12 0 0 0 0 V1\n",
        b"100\n101\n",
        b"0" * 64 + b" 100.dat\n",
        b'<a href="1.0.0/">1.0.0/</a>',
        bytes(1500),
    )
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return [head % len(body) + body for body in bodies]


def _open(folder: Path) -> Enter:
    mirror = _Mirror()
    quick = FetchSettings(timeout_s=1.0, retries=0, backoff_s=0.0, requests_per_s=1e6, most_bytes=10_000_000)
    settings = Settings(physionet_url=f"http://127.0.0.1:{mirror.port}/", cache_dir=folder / "cache", fetch=quick)

    def enter(data: bytes) -> None:
        mirror.answer = data
        try:
            list_records("tiny/1.0.0", settings=settings)
            fetch("tiny/1.0.0/100", settings)
        finally:
            shutil.rmtree(folder / "cache", ignore_errors=True)

    return enter


DOOR = Door(_seeds, _open, WORDS)
