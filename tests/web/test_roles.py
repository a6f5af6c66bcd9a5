"""Who may look and who may change, and under whose name a change is logged."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect
from websockets.sync.client import connect

from pipeline.web.access import Access
from pipeline.web.hub import Hub
from tests.waiting import PATIENCE_S
from tests.web.conftest import RUN, Heard, Service, serve, tell, wait_for_numbers
from tests.web.pages import Open
from tests.web.test_readable import complaints

TOKEN, VIEWER = secrets.token_urlsafe(), secrets.token_urlsafe()
USER = "X-Remote-User"
ACKNOWLEDGE, LIMITS = "api/alarms/1/acknowledge", "api/patients/0/limits"


def ask(service: Service, path: str, token: str, body: Any = None, user: str | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if user is not None:
        headers[USER] = user
    request = Request(service.url + path, None if body is None else json.dumps(body).encode(), headers)
    try:
        with urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.fixture(params=[None, USER])
def header(request: pytest.FixtureRequest) -> str | None:
    """Whether a proxy names users."""
    name: str | None = request.param
    return name


@pytest.fixture
def service(tmp_path: Path, minute: Heard, header: str | None) -> Iterator[Service]:
    hub = Hub(history_s=120.0)
    with serve(hub, tmp_path, Access(token=TOKEN, viewer=VIEWER, user_header=header)) as running:
        tell(hub, minute)
        wait_for_numbers(hub)
        yield running


@pytest.mark.parametrize("header", [None], indirect=True)
def test_a_viewer_sees_everything_and_changes_nothing(service: Service) -> None:
    assert ask(service, "api/me", VIEWER) == (200, {"role": "viewer", "name": None})
    assert ask(service, "api/me", TOKEN) == (200, {"role": "clinician", "name": None})
    assert ask(service, "api/patients/0/alarms", VIEWER)[0] == 200
    with connect(
        f"{service.url.replace('http', 'ws')}stream", additional_headers={"Authorization": f"Bearer {VIEWER}"}
    ) as stream:
        assert stream.recv(timeout=PATIENCE_S)
    for path, body in ((ACKNOWLEDGE, {}), (LIMITS, {"patient": RUN, "limits": {"tachy_bpm": 160}})):
        status, told = ask(service, path, VIEWER, {"by": "Ada", **body})
        assert (status, told["error"]) == (403, "this token is for looking: acknowledging and setting need another")
        assert ask(service, path, secrets.token_urlsafe(), {"by": "Ada", **body})[0] == 403
        assert ask(service, path, TOKEN, {"by": "Ada", **body})[0] == 200


@pytest.mark.parametrize("header", [None], indirect=True)
def test_the_page_of_a_viewer_has_nothing_that_changes(service: Service, open_page: Open) -> None:
    page = open_page(f"{service.url}login", allowed=("401", "403"))
    page.locator("input").fill(VIEWER)
    page.keyboard.press("Enter")
    page.locator(".tile").wait_for()
    expect(page.locator("body")).to_have_attribute("data-role", "viewer")
    expect(page.locator(".tile .take")).to_be_hidden()
    page.locator(".tile").focus()
    page.keyboard.press("a")
    expect(page.locator("#said")).to_contain_text("This page is for looking")
    page.keyboard.press("Enter")
    expect(page.locator(".alarms table")).to_be_visible()
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    page.get_by_role("button", name="Limits").click()
    expect(page.locator("#limits")).to_contain_text("fast above")
    expect(page.get_by_role("button", name="Set", exact=True)).to_be_disabled()
    assert complaints(page) == []
    # The cookie is no better than the token: what the page itself may not send, a script in it may not either.
    assert page.evaluate(
        "fetch('/api/alarms/1/acknowledge', {method: 'POST', headers: {'Content-Type': 'application/json'}, "
        "body: JSON.stringify({by: 'Ada'})}).then((answer) => answer.status)"
    ) == 403  # fmt: skip


@pytest.mark.parametrize("header", [USER], indirect=True)
def test_a_proxy_names_who_changes_something(service: Service) -> None:
    assert ask(service, "api/me", TOKEN, user="ada@ward.example") == (
        200, {"role": "clinician", "name": "ada@ward.example"}
    )  # fmt: skip
    assert ask(service, "api/me", TOKEN) == (200, {"role": "viewer", "name": None})
    status, told = ask(service, ACKNOWLEDGE, TOKEN, {"by": "somebody else"})
    assert (status, told["error"]) == (403, f"changes are for users that the proxy names in {USER}")
    status, told = ask(service, ACKNOWLEDGE, TOKEN, {"by": "somebody else"}, user="ada@ward.example")
    assert (status, told["by"]) == (200, "ada@ward.example")
    assert ask(service, ACKNOWLEDGE, VIEWER, {}, user="bob@ward.example")[0] == 403
    limits = {"patient": RUN, "limits": {"tachy_bpm": 160}}
    assert ask(service, LIMITS, TOKEN, limits, user="x" * 81)[0] == 400
    assert service.database.limits.history() == []
    name = "Özge Müller"
    assert (
        ask(service, LIMITS, TOKEN, limits, user=name.encode().decode("latin-1"))[0] == 200
    )  # UTF-8, as proxies send it
    assert service.database.limits.history(RUN)[0].by == name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"viewer": VIEWER}, "needs a token"),
        ({"user_header": USER}, "needs a token"),
        ({"token": TOKEN, "viewer": TOKEN}, "must differ"),
        ({"token": TOKEN, "viewer": "short"}, "a token of 5 characters is short"),
    ],
)
def test_roles_that_say_nothing_are_refused(arguments: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Access(**arguments)  # type: ignore[arg-type]
