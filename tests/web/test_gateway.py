"""Frames that are posted are in the log, or the device is told why not."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from pipeline.live.broker import Broker
from pipeline.live.device import NatsDevice
from pipeline.live.frames import Frame, decode, encode, encode_json
from pipeline.web.access import Access
from pipeline.web.gateway import LONGEST, MOST, create_gateway
from pipeline.web.server import Server
from tests.services import NatsServer
from tests.waiting import PATIENCE_S, wait_for

TOKEN = secrets.token_urlsafe()
BINARY, JSON, LINES = "application/msgpack", "application/json", "application/x-ndjson"


def frame(sequence: int, patient: str = "ward/bed-1") -> Frame:
    wave = np.sin(np.arange(250) / 20.0).astype(np.float32)[:, None]
    return Frame.of(patient, "s1", sequence, 1_750_000_000_000_000 + sequence * 1_000_000, 250.0, ["II"], wave)


def post(url: str, body: bytes, kind: str, token: str | None = TOKEN) -> requests.Response:
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    with requests.Session() as session:
        session.trust_env = False
        return session.post(f"{url}frames", body, headers=headers, timeout=PATIENCE_S)


@contextmanager
def serving(nats: NatsServer, patience_s: float = 30.0) -> Iterator[str]:
    log, server = NatsDevice([nats.url], patience_s=patience_s), Server("127.0.0.1", 0)
    app = create_gateway(log, Access(token=TOKEN), {"broker": lambda: None if log.is_connected else "it is gone"})
    try:
        with server.running(app):
            yield server.url
    finally:
        log.close()


def stored(nats: NatsServer) -> list[Frame]:
    """Return what the log holds."""
    with Broker([nats.url]) as broker:

        async def read() -> list[Frame]:
            last = (await broker.look())[1]
            found = [await broker.jetstream.get_msg("ECG", seq) for seq in range(1, last + 1)]
            assert {one.subject for one in found} <= {"ecg.ward.bed-1", "ecg.ward.bed-2"}
            return [decode(one.data or b"") for one in found]

        return broker.run(read())


def get(url: str, path: str) -> Any:
    answer = requests.get(url + path, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE_S)
    return answer.json() if "json" in answer.headers["Content-Type"] else answer.text


def test_what_is_answered_with_200_is_in_the_log_whatever_its_form(nats: NatsServer) -> None:
    with serving(nats) as url:
        assert post(url, encode(frame(0)), BINARY).json() == {"stored": 1}
        assert post(url, encode_json(frame(1)), JSON).json() == {"stored": 1}
        lines = b"\n".join([encode_json(frame(2)), encode_json(frame(0, "ward/bed-2")), b""])
        assert post(url, lines, LINES).json() == {"stored": 2}
        found = stored(nats)
        told = [(one.patient, one.sequence) for one in found]
        assert told[:2] == [("ward/bed-1", 0), ("ward/bed-1", 1)]
        assert sorted(told[2:]) == [("ward/bed-1", 2), ("ward/bed-2", 0)]  # those of one request in any order
        assert all(np.array_equal(one.samples, frame(0).samples) for one in found)
        assert 'ecg_gateway_frames_total{outcome="stored"} 4.0' in get(url, "metrics")
        assert get(url, "readyz") == {"ready": True, "wrong": []}


def test_of_a_request_with_a_wrong_frame_nothing_is_stored_and_the_answer_names_it(nats: NatsServer) -> None:
    wrong = json.loads(encode_json(frame(1))) | {"fs": 20}
    with serving(nats) as url:
        for body, kind, status, says in (
            (b"\n".join([encode_json(frame(0)), json.dumps(wrong).encode()]), LINES, 422, "frame 2: ward/bed-1: a"),
            (b"\n", LINES, 422, "0 frames"),
            (b"{}\n" * (MOST + 1), LINES, 422, f"{MOST + 1} frames"),
            (b"\x93\x01\x02\x03", BINARY, 422, "3 values"),
            (b"[1, 2]", JSON, 422, "frame"),
            (encode(frame(0)), "text/plain", 415, "application/json"),
            (b" " * (LONGEST + 1), JSON, 413, "fewer frames"),
        ):  # fmt: skip
            answer = post(url, body, kind)
            assert answer.status_code == status, answer.text
            assert says in answer.json()["error"]
        assert stored(nats) == []
        assert "ecg_gateway_refused_total 7.0" in get(url, "metrics")


def test_without_the_token_nobody_sends(nats: NatsServer) -> None:
    with serving(nats) as url:
        assert post(url, encode(frame(0)), BINARY, None).status_code == 403
        assert post(url, encode(frame(0)), BINARY, "another-token-of-some-length").status_code == 403
        assert stored(nats) == []


def test_a_log_that_is_gone_is_told_and_the_frame_sent_again_is_stored(nats: NatsServer) -> None:
    with serving(nats, patience_s=1.0) as url:
        nats.kill()
        answer = post(url, encode(frame(0)), BINARY)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert get(url, "readyz") == {"ready": False, "wrong": ["broker"]}
        nats.start()
        wait_for(lambda: post(url, encode(frame(0)), BINARY).status_code == 200, "the log")
        assert {one.sequence for one in stored(nats)} == {0}


@pytest.mark.slow
def test_the_command_serves_with_a_token_of_its_own(nats: NatsServer, tmp_path: Path) -> None:
    state = {"ECG_STATE_DIR": str(tmp_path / "state"), "ECG_GATEWAY_TOKEN": ""}
    words = ("gateway", "--to", nats.url, "--port", "0")
    with subprocess.Popen(
        [sys.executable, "-c", "from pipeline.cli import main; main()", *words],
        env={**os.environ, **state},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            url = re.fullmatch(r"Gateway: (\S+)frames\n", running.stdout.readline())
            assert url is not None
            file = Path(running.stdout.readline().removeprefix("It asks for the token in ").rstrip(".\n"))
            assert file.stat().st_mode & 0o777 == 0o600
            token = file.read_text().strip()
            wait_for(lambda: post(url[1], encode(frame(0)), BINARY, token).ok, "the gateway")
            running.send_signal(signal.SIGTERM)
            rest = running.stdout.read()
            assert token not in rest
        finally:
            running.kill()
    assert [one.sequence for one in stored(nats)] == [0]
