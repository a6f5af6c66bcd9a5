"""Requests to the monitor's page, as they come from a socket."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pipeline.fuzzing.door import Door, Enter
from pipeline.fuzzing.page import ANSWER_S, Page

__all__ = ["DOOR"]

WORDS = (
    b"GET ",
    b"POST ",
    b"HTTP/1.1\r\n",
    b"Host: 127.0.0.1\r\n",
    b"Origin: http://127.0.0.1",
    b"Content-Length: ",
    b"Cookie: ",
    b"Authorization: Bearer ",
    b"Content-Type: application/json\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"/api/patients/0/beats",
    b"/api/patients/0/signal?from=0&to=9",
    b"/api/alarms/1/acknowledge",
    b"/static/",
    b"/login",
    b"/stream",
    b"/metrics",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
    b'{"by": "x"}',
    b'{"token": "x"}',
    b"?token=",
    b"%2e%2e/",
)


def _open(folder: Path) -> Enter:
    page = Page(folder)

    def enter(data: bytes) -> None:
        port = str(page.port).encode()
        with socket.create_connection(("127.0.0.1", page.port), timeout=ANSWER_S) as one:
            answer = b""
            with suppress(ConnectionError):
                one.sendall(data.replace(b"127.0.0.1:PORT", b"127.0.0.1:" + port))
                one.shutdown(socket.SHUT_WR)
                while len(answer) < 100_000 and (piece := one.recv(65_536)):
                    answer += piece
        page.check()
        if answer.startswith(b"HTTP/1.1 5"):
            raise AssertionError(answer[:200])

    return enter


def _seeds(_folder: Path) -> Sequence[bytes]:
    own = b"Host: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:PORT\r\n"
    body = b'{"by": "somebody"}'
    post = own + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    api = (b"/api/patients/0/signal?from=0&to=9", b"/api/alarms/1/observation")
    paths = (b"/", b"/metrics", b"/readyz", b"/static/main.js", *api)
    gets = [b"GET " + path + b" HTTP/1.1\r\n" + own + b"\r\n" for path in paths]
    return [*gets, b"POST /api/alarms/1/acknowledge HTTP/1.1\r\n" + post, b"POST /login HTTP/1.1\r\n" + post]


DOOR = Door(_seeds, _open, WORDS)
