"""Limits of alarms for one patient: over the API, and on the page."""

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

from pipeline.web.access import Access
from pipeline.web.hub import Hub
from tests.waiting import PATIENCE_S
from tests.web.conftest import RUN, Heard, Service, serve, tell
from tests.web.pages import Open
from tests.web.test_readable import complaints

PATH = "api/patients/0/limits"
TOKEN = secrets.token_urlsafe()
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
PATIENT = "#/p/ward%2Frun"


@pytest.fixture
def guarded(tmp_path: Path, minute: Heard) -> Iterator[Service]:
    """A service that asks for a token."""
    hub = Hub(history_s=120.0)
    with serve(hub, tmp_path, Access(token=TOKEN)) as running:
        tell(hub, minute)
        yield running


def post(service: Service, document: Any) -> tuple[int, Any]:
    body = json.dumps(document).encode()
    request = Request(service.url + PATH, body, {"Content-Type": "application/json", **HEADERS})
    try:
        with urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


def limits(document: Any) -> dict[str, Any]:
    return {one["name"]: one["own"] for one in document["limits"] if one["own"] is not None}


def test_limits_are_set_told_and_taken_back(guarded: Service) -> None:
    status, told = post(guarded, {"patient": RUN, "by": "Ada", "limits": {"tachy_bpm": 160, "pause_s": 2.5}})
    assert (status, limits(told)) == (200, {"tachy_bpm": 160.0, "pause_s": 2.5})
    status, told = post(guarded, {"patient": RUN, "by": "Bob", "limits": {"tachy_bpm": None}})
    assert (status, limits(told)) == (200, {"pause_s": 2.5})
    with urlopen(Request(guarded.url + PATH, headers=HEADERS), timeout=PATIENCE_S) as answer:
        assert json.loads(answer.read()) == told
    assert [(one["by"], one["name"], one["value"]) for one in told["history"]] == [
        ("Bob", "tachy_bpm", None), ("Ada", "pause_s", 2.5), ("Ada", "tachy_bpm", 160.0)
    ]  # fmt: skip
    assert guarded.database.limits.current() == {RUN: {"pause_s": 2.5}}


def test_a_number_of_before_a_restart_is_nobody_else(guarded: Service) -> None:
    for document in ({"by": "Ada", "limits": {"tachy_bpm": 160}}, {"patient": "ward/bed-7", "by": "A", "limits": {}}):
        status, told = post(guarded, document)
        assert (status, told["error"]) == (409, f"number 0 is {RUN!r}: patient names who is meant")
    assert guarded.database.limits.history() == []


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"patient": RUN, "limits": {"tachy_bpm": 160}}, "by is who"),
        ({"patient": RUN, "by": "Ada", "limits": {}}, "limits are numbers by name"),
        ({"patient": RUN, "by": "Ada", "limits": {"tachy_bpm": "160"}}, "limits are numbers by name"),
        ({"patient": RUN, "by": "Ada", "limits": {"tachy_bpm": True}}, "limits are numbers by name"),
        ({"patient": RUN, "by": "Ada", "limits": {"tachy_bpm": float("nan")}}, "limits are numbers by name"),
        ({"patient": RUN, "by": "Ada", "limits": {"tachy_bpm": 500}}, "tachy_bpm is 60 to 240 /min, not 500"),
        ({"patient": RUN, "by": "Ada", "limits": {"__class__": None}}, "there is no limit"),
        ({"patient": RUN, "by": "Ada", "limits": {"tachy_bpm": 230}}, "is above extreme_tachy_bpm"),
    ],
)
def test_what_cannot_be_meant_is_refused(guarded: Service, document: Any, words: str) -> None:
    status, told = post(guarded, document)
    assert status == 400
    assert words in told["error"]
    assert guarded.database.limits.history() == []


def test_the_page_shows_limits_sets_them_and_says_what_is_wrong(service: Service, open_page: Open) -> None:
    page = open_page(service.url + PATIENT, allowed=("400",))
    page.get_by_role("button", name="Limits").click()
    dialog = page.locator("#limits")
    expect(dialog).to_contain_text(f"Limits of {RUN}")
    expect(dialog).to_contain_text("Nobody has set any yet")
    assert complaints(page) == []
    dialog.get_by_label("Who sets them?").fill("A. Nurse")
    dialog.get_by_label("dangerously slow below").fill("45")
    dialog.get_by_role("button", name="Set", exact=True).click()
    expect(dialog.locator(".trouble")).to_contain_text("above brady_bpm (40): set both")
    dialog.get_by_label("slow below", exact=True).fill("50")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#said")).to_contain_text("set by A. Nurse")
    assert service.database.limits.current() == {RUN: {"extreme_brady_bpm": 45.0, "brady_bpm": 50.0}}
    page.get_by_role("button", name="Limits").click()
    expect(dialog).to_contain_text("A. Nurse: slow below 50 /min")
    dialog.get_by_label("slow below", exact=True).fill("")
    dialog.get_by_label("dangerously slow below").fill("")
    dialog.get_by_role("button", name="Set", exact=True).click()
    expect(dialog).to_be_hidden()
    assert service.database.limits.current() == {}
