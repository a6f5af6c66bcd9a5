"""What pages say over WebSocket."""

from __future__ import annotations

import http.client
from contextlib import suppress
from pathlib import Path

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin

from pipeline.fuzzing.door import Door, Enter
from pipeline.fuzzing.page import ANSWER_S, Page

__all__ = ["DOOR"]


def _open(folder: Path) -> Enter:
    page = Page(folder)
    asked = http.client.HTTPConnection("127.0.0.1", page.port, timeout=ANSWER_S)
    asked.request("GET", "/")
    cookie = (asked.getresponse().getheader("Set-Cookie") or "").split(";")[0]
    asked.close()
    own = f"http://127.0.0.1:{page.port}"

    def enter(data: bytes) -> None:
        said: str | bytes = data
        with suppress(UnicodeDecodeError):
            said = data.decode()
        with (
            suppress(WebSocketException),
            connect(
                own.replace("http", "ws") + "/stream",
                origin=Origin(own),
                additional_headers={"Cookie": cookie},
                close_timeout=1.0,
            ) as pages,
        ):
            pages.send(said)
            pages.recv(timeout=ANSWER_S)
        page.check()

    return enter


DOOR = Door(lambda _: [b'{"watch": [0, 1]}', b"{}", b"[]"], _open, (b"watch", b"[", b"1", b"null"))
