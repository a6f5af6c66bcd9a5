"""The services by https, without a proxy: real certificates, real clients."""

from __future__ import annotations

import re
import secrets
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from websockets.sync.client import connect
from websockets.typing import Origin

from pipeline.cli import main
from pipeline.errors import SourceUnavailable
from pipeline.health import read_health
from pipeline.storage.database import Database
from pipeline.web.access import Access
from pipeline.web.app import create_app
from pipeline.web.desk import AlarmDesk
from pipeline.web.hub import Hub
from pipeline.web.server import Server
from pipeline.web.tls import tls_context
from tests.services import NatsServer
from tests.waiting import PATIENCE_S
from tests.web.certificates import Certificate, certificate

__all__ = ["certificate"]  # a fixture

TOKEN = secrets.token_urlsafe()


@contextmanager
def serving(certificate: Certificate, folder: Path, *, request_s: float = 10.0) -> Iterator[Server]:
    server = Server("127.0.0.1", 0, request_s=request_s, tls=tls_context(certificate.cert, certificate.key))
    hub = Hub()
    with (
        Database.open(f"sqlite:///{folder / 'ecg.db'}") as database,
        AlarmDesk(hub, database, "s1") as desk,
        server.running(create_app(hub, desk, Access(token=TOKEN))),
    ):
        yield server


def test_page_stream_and_session_go_over_tls_and_the_cookie_is_for_https_alone(
    certificate: Certificate, tmp_path: Path
) -> None:
    trusted = ssl.create_default_context(cafile=certificate.authority)
    with serving(certificate, tmp_path) as server, requests.Session() as session:
        session.trust_env, session.verify = False, str(certificate.authority)
        assert server.url.startswith("https://127.0.0.1:")
        answer = session.get(f"{server.url}?token={TOKEN}", timeout=PATIENCE_S)
        assert answer.status_code == 200
        assert "Central station" in answer.text
        cookie, *rules = answer.history[0].headers["Set-Cookie"].split("; ")
        assert "Secure" in rules
        address, origin = server.url.replace("https", "wss") + "stream", Origin(server.url.rstrip("/"))
        shown = {"Cookie": cookie}
        with connect(address, ssl=trusted, origin=origin, additional_headers=shown, proxy=None) as stream:
            assert "t" in stream.recv(timeout=PATIENCE_S)
        # Who does not trust the authority is not let on by the client, and who speaks http is not answered.
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(server.url, timeout=PATIENCE_S)
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(server.url.replace("https", "http"), timeout=PATIENCE_S)
        assert session.get(f"{server.url}livez", timeout=PATIENCE_S).text == "alive\n"


def test_a_handshake_that_never_ends_is_given_up(certificate: Certificate, tmp_path: Path) -> None:
    with (
        serving(certificate, tmp_path, request_s=0.3) as server,
        socket.create_connection((server.host, server.port), timeout=50.0) as half,
    ):
        half.sendall(b"\x16\x03\x01\x02\x00")  # the beginning of a hello
        with suppress(ConnectionResetError):
            assert half.recv(1) == b""  # asyncio's own would take a minute


def test_a_client_that_keeps_its_connection_does_not_hold_up_the_end(
    certificate: Certificate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(certificate.authority)
        with serving(certificate, tmp_path) as server:
            kept = session.get(f"{server.url}livez", timeout=PATIENCE_S)
        assert kept.ok
    assert "timeout graceful shutdown exceeded" not in caplog.text


def test_a_monitor_behind_an_authority_of_its_own_is_watched_once_that_is_named(
    certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(certificate, tmp_path) as server:
        with pytest.raises(SourceUnavailable, match="REQUESTS_CA_BUNDLE"):
            read_health(server.url, token=TOKEN, watch_s=0.01)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
        assert read_health(server.url, token=TOKEN, watch_s=0.01).url == server.url.rstrip("/")


def other_key(certificate: Certificate, folder: Path) -> tuple[Path, Path, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    forms = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "other.key").write_bytes(key.private_bytes(*forms))
    return certificate.cert, folder / "other.key", "other.key is not the key of the certificate in .*ward.crt"


def cut(certificate: Certificate, folder: Path) -> tuple[Path, Path, str]:
    text = certificate.cert.read_text()
    (folder / "cut.crt").write_text(text[: len(text) // 2])
    return folder / "cut.crt", certificate.key, "cut.crt and .*ward.key are not both whole"


def swapped(certificate: Certificate, _folder: Path) -> tuple[Path, Path, str]:
    return certificate.key, certificate.cert, "ward.key: there is no certificate in it"


def keyless(certificate: Certificate, _folder: Path) -> tuple[Path, Path, str]:
    return certificate.cert, certificate.cert, "ward.crt: there is no private key in it"


def missing(certificate: Certificate, folder: Path) -> tuple[Path, Path, str]:
    return certificate.cert, folder / "not-there.key", "not-there.key: No such file or directory"


def a_folder(certificate: Certificate, folder: Path) -> tuple[Path, Path, str]:
    return folder, certificate.key, "Is a directory"


def locked(certificate: Certificate, _folder: Path) -> tuple[Path, Path, str]:
    return certificate.cert, certificate.locked_key, "locked.key: the key has a passphrase"


@pytest.mark.parametrize("case", [other_key, cut, swapped, keyless, missing, a_folder, locked])
def test_what_is_wrong_with_certificate_or_key_is_told_by_file(
    certificate: Certificate, tmp_path: Path, case: Callable[[Certificate, Path], tuple[Path, Path, str]]
) -> None:
    cert, key, message = case(certificate, tmp_path)
    with pytest.raises(ValueError, match=message):
        tls_context(cert, key)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("monitor", "--demo", "--tls-cert", "{cert}"), "--tls-cert and --tls-key go together"),
        (("gateway", "--tls-key", "{key}"), "--tls-cert and --tls-key go together"),
        (("monitor", "--tls-cert", "{cert}", "--tls-key", "{key}"), "--tls-cert needs --page or --metrics"),
        (("monitor", "--demo", "--tui", "--tls-cert", "{cert}", "--tls-key", "{key}"), "--tls-cert does not go with"),
        (("monitor", "--demo", "--tls-cert", "{cert}", "--tls-key", "gone.key"), "gone.key: No such file"),
        (("gateway", "--tls-cert", "{key}", "--tls-key", "{key}"), "there is no certificate in it"),
    ],
)
def test_options_that_make_no_sense_are_a_usage_error(
    certificate: Certificate, words: tuple[str, ...], message: str
) -> None:
    files = {"cert": certificate.cert, "key": certificate.key}
    ran = CliRunner().invoke(main, [word.format(**files) for word in words], catch_exceptions=False)
    assert ran.exit_code == 2
    assert message in " ".join(ran.stderr.split())


@pytest.mark.slow
@pytest.mark.parametrize("what", ["page", "metrics", "gateway"])
def test_the_commands_say_https_and_serve_it(
    certificate: Certificate, nats: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("ECG_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    words = {
        "page": ["monitor", "--demo", "--no-browser", "--port", "0"],
        "metrics": ["monitor", "--from", nats.url, "--metrics", "0"],
        "gateway": ["gateway", "--to", nats.url, "--port", "0"],
    }[what]
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *words]
    command += ["--tls-cert", str(certificate.cert), "--tls-key", str(certificate.key)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            assert running.stdout is not None
            said = running.stdout.readline()
            found = re.fullmatch(r"\w+: (https://127\.0\.0\.1:\d+/)\w*\n", said)
            assert found, said
            with requests.Session() as session:
                session.trust_env, session.verify = False, str(certificate.authority)
                assert session.get(f"{found[1]}livez", timeout=PATIENCE_S).text == "alive\n"
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=PATIENCE_S)
        finally:
            running.kill()
