from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from pipeline.web.hub import Hub
from pipeline.web.stream import BEHIND_S
from tests.waiting import PATIENCE_S, wait_for
from tests.web.conftest import RUN, Service, chunk, serve

Block = tuple[int, int, bool, np.ndarray]


def blocks(message: bytes) -> Iterator[Block]:
    """Read the binary form as wire.py describes it."""
    version, kind, n = struct.unpack_from("<BBH", message)
    assert (version, kind) == (1, 1)
    at = 4
    for _ in range(n):
        patient, leads, flags, samples, position = struct.unpack_from("<HBBId", message, at)
        at += 16
        steps = np.frombuffer(message, "<i2", samples * leads, at).reshape(samples, leads)
        at += 2 * samples * leads
        yield patient, int(position), bool(flags & 1), steps
    assert at == len(message)


def cookie(url: str) -> str:
    from urllib.request import urlopen

    with urlopen(url, timeout=PATIENCE_S) as answer:
        return str(answer.headers["Set-Cookie"].split(";")[0])


def open_stream(url: str, **more: Any) -> ClientConnection:
    headers = {"Cookie": cookie(url)}
    address = url.replace("http", "ws", 1) + "stream"
    return connect(address, origin=url.rstrip("/"), additional_headers=headers, compression=None, **more)  # type: ignore[arg-type]  # a str is an Origin


def test_a_page_is_told_the_present_and_then_what_is_new(service: Service) -> None:
    with open_stream(service.url) as stream:
        (hello,) = json.loads(stream.recv(timeout=PATIENCE_S))
        assert hello["type"] == "hello"
        assert hello["patients"][0]["name"] == RUN
        signal = stream.recv(timeout=PATIENCE_S)
        assert isinstance(signal, bytes)
        ((patient, position, _, steps),) = blocks(signal)
        assert position + len(steps) == 60 * 360
        service.hub.signal(chunk(60 * 360, 36, RUN, value=0.25, fs=360.0))
        (_, position, jump, steps) = next(blocks(next(m for m in stream if isinstance(m, bytes))))
        assert (patient, position, jump) == (0, 60 * 360, False)
        assert steps.tolist() == 36 * [[250, 250]]


def test_a_page_is_sent_only_what_it_watches(tmp_path: Path) -> None:
    hub = Hub()
    hub.signal(chunk(0, 100, "ward/a"))
    hub.signal(chunk(0, 100, "ward/b"))
    with serve(hub, tmp_path) as running, open_stream(running.url) as stream:
        stream.recv(timeout=PATIENCE_S)
        stream.recv(timeout=PATIENCE_S)
        stream.send(json.dumps({"watch": [1]}))
        seen: set[int] = set()
        for start in range(100, 5000, 100):
            hub.signal(chunk(start, 100, "ward/a"))
            hub.signal(chunk(start, 100, "ward/b"))
            message = stream.recv(timeout=PATIENCE_S)
            if isinstance(message, bytes):
                seen = {block[0] for block in blocks(message)}
                if seen == {1}:
                    break
        assert seen == {1}


def test_a_page_that_takes_nothing_is_moved_on_to_the_newest(tmp_path: Path) -> None:
    hub, fs, minutes = Hub(history_s=600.0), 1000.0, 10
    hub.signal(chunk(0, 100, fs=fs))
    with serve(hub, tmp_path) as running, open_stream(running.url, max_queue=1) as stream:
        stream.recv(timeout=PATIENCE_S)
        last = minutes * 60 * round(fs)
        for start in range(100, last, 20_000):
            hub.signal(
                chunk(start, min(20_000, last - start), fs=fs)
            )  # 20 s at once: more than a page may be behind by
        wait_for(lambda: hub.metrics.skipped._value.get() > 0, "what is skipped")
        taken, jumped, end = 0, False, 0
        while end < last:
            message = stream.recv(timeout=PATIENCE_S)
            if isinstance(message, bytes):
                for _, position, jump, steps in blocks(message):
                    assert len(steps) <= 20 * fs
                    taken, jumped, end = taken + len(steps), jumped or jump, position + len(steps)
        assert jumped
        assert taken < last / 2
        assert end == last
    assert BEHIND_S < 20


def test_a_silent_monitor_still_says_something(tmp_path: Path) -> None:
    with serve(Hub(), tmp_path) as running, open_stream(running.url) as stream:
        assert json.loads(stream.recv(timeout=PATIENCE_S)) == [{"type": "hello", "patients": []}]
        assert json.loads(stream.recv(timeout=PATIENCE_S)) == []


@pytest.mark.parametrize("said", ["no JSON", "[]", '{"watch": "all"}', '{"watch": ["1"]}', "{}"])
def test_whoever_does_not_speak_as_a_page_does_is_let_go(tmp_path: Path, said: str) -> None:
    with serve(Hub(), tmp_path) as running, open_stream(running.url) as stream:
        stream.send(said)
        with pytest.raises(ConnectionClosed):
            wait_for(lambda: stream.recv(timeout=PATIENCE_S) is None, "the end of the stream")
        wait_for(lambda: "ecg_viewers 0.0" in running.hub.metrics.render().decode(), "the viewer to be gone")
