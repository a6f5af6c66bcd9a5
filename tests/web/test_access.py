from __future__ import annotations

import http.client
import json
import secrets
import socket as socket_module
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from pipeline.web.access import HEADERS, Access, is_loopback
from pipeline.web.hub import Hub
from tests.waiting import PATIENCE_S
from tests.web.conftest import Service, serve

TOKEN = secrets.token_urlsafe()
OTHER = "http://evil.example"
ACKNOWLEDGE = "/api/alarms/1/acknowledge"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serve(Hub(), tmp_path_factory.mktemp("alone")) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serve(Hub(), tmp_path_factory.mktemp("guarded"), Access("127.0.0.1", TOKEN)) as running:
        yield running


def ask(
    service: Service, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: str | None = None
) -> tuple[int, http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection("127.0.0.1", service.server.port, timeout=PATIENCE_S)
    connection.putrequest(method, path, skip_host=headers is not None and "Host" in headers)
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body.encode())))
    connection.endheaders(None if body is None else body.encode())
    answer = connection.getresponse()
    got = answer.status, answer.headers, answer.read().decode()
    connection.close()
    return got


def own(service: Service) -> str:
    return service.url.rstrip("/")


def session(service: Service) -> str:
    return ask(service, "/")[1]["Set-Cookie"].split(";")[0]


def test_the_page_comes_with_a_session_that_no_script_and_no_other_site_can_use(alone: Service) -> None:
    status, headers, text = ask(alone, "/")
    assert status == 200
    assert "Central station" in text
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in headers["Set-Cookie"].split(";")}


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/livez", "/nowhere", "/api/patients/7/beats"])
def test_every_answer_says_what_a_page_may_load(alone: Service, path: str) -> None:
    headers = ask(alone, path)[1]
    assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "server" not in headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1@evil.example", "192.0.2.7", "a b"])
def test_a_foreign_name_that_points_here_is_refused(alone: Service, host: str) -> None:
    assert ask(alone, "/", {"Host": host})[0] == 421
    assert ask(alone, "/livez", {"Host": host})[0] == 421


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8600"])
def test_loopback_goes_by_its_own_names(alone: Service, host: str) -> None:
    assert ask(alone, "/livez", {"Host": host})[0] == 200


@pytest.mark.parametrize("path", ["/", "/api/patients/0/beats", "/metrics", "/livez"])
def test_another_site_may_not_even_ask(alone: Service, path: str) -> None:
    assert ask(alone, path, {"Origin": OTHER})[0] == 403
    assert ask(alone, path, {"Origin": "null"})[0] == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": OTHER}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),  # another service of this machine
        ({}, 403),  # that there is no Origin proves nothing
        ({"Origin": "own", "Cookie": ""}, 401),
        ({"Origin": "own", "Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Origin": "own", "Content-Type": "text/plain"}, 415),
        ({"Origin": "own"}, 404),  # let through: there is no such alarm
    ],
)
def test_acknowledging_takes_this_page_and_nothing_else(alone: Service, headers: dict[str, str], status: int) -> None:
    sent = {"Cookie": session(alone), **JSON, **headers}
    if sent.get("Origin") == "own":
        sent["Origin"] = own(alone)
    assert ask(alone, ACKNOWLEDGE, sent, "POST", '{"by": "somebody"}')[0] == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 400),
        ("{}", 400),
        ('{"by": " "}', 400),
        ('{"by": 7}', 400),
        ('{"by": "' + 5000 * "x" + '"}', 413),
    ],
)
def test_a_body_that_says_nothing_of_use_is_refused(alone: Service, body: str, status: int) -> None:
    headers = {"Cookie": session(alone), "Origin": own(alone), **JSON}
    assert ask(alone, ACKNOWLEDGE, headers, "POST", body)[0] == status


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/", {"Origin": "http://["}, None),
        ("/", {"Origin": "http://[::1"}, None),
        ("/", {"Authorization": "Bearer \xff\xfe"}, None),
        ("/", {"Cookie": "ecg=\xff; " + 50 * "a=b; "}, None),
        ("/?token=%ff%00%ed%a0%80", {}, None),
        ("/api/patients/" + 5000 * "9" + "/beats", {}, None),
        ("/api/patients/" + 25 * "9" + "/beats", {}, None),
        ("/api/patients/0/beats/" + 30 * "9" + "/why", {}, None),
        ("/api/alarms/" + 30 * "9" + "/observation", {}, None),
        ("/api/alarms/" + 18 * "9" + "/observation", {}, None),
        ("/api/alarms/" + 18 * "9" + "/acknowledge", {"Origin": "own", **JSON}, '{"by": "x"}'),
        ("/api/alarms/1/acknowledge", {"Origin": "own", **JSON}, '{"by": "\\ud800"}'),
        ("/api/alarms/1/acknowledge", {"Origin": "own", **JSON}, '{"by": "\\u0000"}'),
        ("/api/alarms/1/acknowledge", {"Origin": "own", **JSON}, 2000 * "[" + 2000 * "]"),
        ("/login", {"Origin": "own", **JSON}, '{"token": "\\ud800"}'),
        ("/login", {"Origin": "own", **JSON}, '{"token": ' + 4000 * "9" + "}"),
        ("/static/%00", {}, None),
        ("/static/" + 300 * "a/", {}, None),
    ],
)
def test_whatever_is_asked_is_answered_and_nothing_breaks(
    alone: Service,
    guarded: Service,
    caplog: pytest.LogCaptureFixture,
    path: str,
    headers: dict[str, str],
    body: str | None,
) -> None:
    for service in (alone, guarded):
        sent = {"Cookie": session(alone), **headers}
        if sent.get("Origin") == "own":
            sent["Origin"] = own(service)
        status, _, _ = ask(service, path, sent, "GET" if body is None else "POST", body)
        assert 200 <= status < 500, status
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("said", ["[]", "7", "null", '"x"', "{}", '{"watch": [1e400]}', 5000 * "[", b"\x00"])
def test_a_page_that_says_something_else_is_let_go_without_a_word(
    alone: Service, caplog: pytest.LogCaptureFixture, said: str | bytes
) -> None:
    with connect(
        own(alone).replace("http", "ws") + "/stream",
        origin=Origin(own(alone)),
        additional_headers={"Cookie": session(alone)},
    ) as socket:
        socket.send(said)
        with suppress(ConnectionClosed):  # and by no other way out
            for _ in range(1000):
                socket.recv(timeout=PATIENCE_S)
    assert not [record for record in caplog.records if record.exc_info]


def is_gone(one: socket_module.socket) -> bool:
    """Tell whether the other side has closed a connection; waits until it does."""
    try:
        return one.recv(1) == b""
    except ConnectionError:
        return True


def test_half_requests_hold_up_nobody(alone: Service) -> None:
    half: list[socket_module.socket] = []
    try:
        for _ in range(300):
            one = socket_module.create_connection(("127.0.0.1", alone.server.port), timeout=PATIENCE_S)
            one.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            half.append(one)
        assert ask(alone, "/readyz")[0] == 200
        assert is_gone(half[0])  # the oldest made room
    finally:
        for one in half:
            one.close()


@pytest.mark.parametrize("path", ["/login", ACKNOWLEDGE, "/api/alarms/acknowledge"])
def test_a_request_that_breaks_off_is_no_failure(alone: Service, caplog: pytest.LogCaptureFixture, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{alone.server.port}\r\nOrigin: {own(alone)}\r\n"
    head += f"Cookie: {session(alone)}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    with socket_module.create_connection(("127.0.0.1", alone.server.port), timeout=PATIENCE_S) as one:
        one.sendall(head.encode())
        one.shutdown(socket_module.SHUT_WR)
        with suppress(ConnectionResetError):
            while one.recv(4096):
                pass
    assert ask(alone, "/livez")[0] == 200
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_a_request_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.web.limits.REQUEST_S", 0.3)
    with serve(Hub(), tmp_path) as service:
        head = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        for start in (b"GET / HTT", head, head + b"Content-Length: 100\r\n\r\n{"):
            with socket_module.create_connection(("127.0.0.1", service.server.port), timeout=PATIENCE_S) as one:
                one.sendall(start)
                with suppress(ConnectionResetError):
                    while one.recv(4096):  # it ends, answered or not
                        pass
        assert ask(service, "/livez")[0] == 200


def stream(service: Service, **headers: Any) -> int:
    """Return how the service answers to somebody who would read the stream."""
    try:
        with connect(own(service).replace("http", "ws") + "/stream", **headers):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def test_the_stream_takes_this_page_and_nothing_else(alone: Service) -> None:
    cookie = {"Cookie": session(alone)}
    assert stream(alone, origin=Origin(own(alone)), additional_headers=cookie) == 101
    assert stream(alone, origin=OTHER, additional_headers=cookie) == 403
    assert stream(alone, additional_headers=cookie) == 403
    assert stream(alone, origin=own(alone)) == 403


def test_with_a_token_nothing_is_shown_without_it(guarded: Service) -> None:
    for path in ("/metrics", "/api/patients/0/beats", "/static/main.js"):
        assert ask(guarded, path)[0] == 401
        assert ask(guarded, path, {"Authorization": "Bearer wrong"})[0] == 401
    assert ask(guarded, "/livez")[0] == 200
    status, headers, _ = ask(guarded, "/")
    assert (status, headers["Location"], headers["Set-Cookie"]) == (303, "/login", None)
    assert stream(guarded, origin=own(guarded)) == 403


def test_the_token_lets_a_person_in_by_form_and_by_link(guarded: Service) -> None:
    sent = {"Origin": own(guarded), **JSON}
    assert ask(guarded, "/login", sent, "POST", json.dumps({"token": "wrong"}))[0] == 401
    assert ask(guarded, "/login", {**sent, "Origin": OTHER}, "POST", json.dumps({"token": TOKEN}))[0] == 403
    status, headers, _ = ask(guarded, "/login", sent, "POST", json.dumps({"token": TOKEN}))
    assert status == 200
    cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
    assert ask(guarded, "/", cookie)[0] == 200
    assert stream(guarded, origin=own(guarded), additional_headers=cookie) == 101
    status, headers, _ = ask(guarded, "/?token=" + TOKEN)
    assert (status, headers["Location"]) == (303, "/")
    assert headers["Set-Cookie"].split(";")[0] == cookie["Cookie"]
    assert ask(guarded, "/?token=wrong")[1]["Set-Cookie"] is None


def test_the_token_lets_a_program_in(guarded: Service) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert ask(guarded, "/metrics", bearer)[0] == 200
    assert ask(guarded, ACKNOWLEDGE, {**bearer, **JSON}, "POST", '{"by": "a script"}')[0] == 404
    assert stream(guarded, additional_headers=bearer) == 101
    assert ask(guarded, "/metrics", {**bearer, "Origin": OTHER})[0] == 403


def test_a_session_with_a_token_outlives_the_service(tmp_path: Path) -> None:
    cookies = set()
    for _ in range(2):
        with serve(Hub(), tmp_path, Access("127.0.0.1", TOKEN)) as running:
            cookies.add(ask(running, "/?token=" + TOKEN)[1]["Set-Cookie"])
    assert len(cookies) == 1


def test_beyond_loopback_a_token_is_required() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.7", "ward.example"):  # noqa: S104 - refused
        with pytest.raises(ValueError, match="a token is required"):
            Access(host)
        assert Access(host, TOKEN).knows_host("192.0.2.7:8600")
        assert not Access(host, TOKEN).knows_host("evil.example")
    assert Access("0.0.0.0", TOKEN, ("ward.example",)).knows_host("ward.example")  # noqa: S104
    with pytest.raises(ValueError, match="a token of 5 characters is short"):
        Access(token=5 * "x")
    assert TOKEN not in repr(Access(token=TOKEN))


def test_loopback_is_known_in_all_its_forms() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "localhost.example", "10.0.0.1", "")))  # noqa: S104


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"]
)
def test_no_file_but_the_page_s_own_is_served(alone: Service, path: str) -> None:
    assert ask(alone, "/static" + path)[0] == 404
