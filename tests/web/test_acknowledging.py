"""Taking note of alarms on the page, by keys, mouse and touch."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from pipeline.storage.database.alarms import StoredAlarm
from tests.web.conftest import RUN, Service
from tests.web.pages import Open, wait


def taken(service: Service) -> list[StoredAlarm]:
    return [one for one in service.database.alarms.newest(record=RUN) if one.acknowledged_by is not None]


def test_enter_acknowledges_and_escape_does_not(service: Service, open_page: Open) -> None:
    page = open_page(service.url)
    page.locator(".tile").focus()
    page.keyboard.press("a")
    dialog = page.locator("#who")
    expect(dialog).to_contain_text(f"of {RUN}?")  # what is meant is said before it is done
    expect(dialog).to_contain_text("ventricular tachycardia")
    page.keyboard.type("A. Nurse")
    page.keyboard.press("Escape")
    expect(page.locator("#said")).to_contain_text("Nothing was acknowledged")
    assert taken(service) == []
    page.keyboard.press("a")
    page.keyboard.type("A. Nurse")
    page.keyboard.press("Enter")
    wait(page, "[...monitor.ward.patients.values()][0].openAlarms().length === 0")
    assert {one.acknowledged_by for one in taken(service)} == {"A. Nurse"}


def test_one_key_acknowledges_nothing_by_itself(service: Service, open_page: Open) -> None:
    page = open_page(service.url)
    page.evaluate("localStorage.setItem('ecg-who', 'A. Nurse')")  # a name that is known is no answer
    page.locator(".tile").focus()
    page.keyboard.press("a")
    expect(page.locator("#who")).to_be_visible()
    page.wait_for_timeout(300)
    assert taken(service) == []
    page.locator("#who .cancel").click()
    expect(page.locator("#said")).to_contain_text("Nothing was acknowledged")
    assert taken(service) == []


@pytest.mark.parametrize("by", ["mouse", "touch"])
def test_the_station_acknowledges_by_hand(service: Service, open_page: Open, by: str) -> None:
    page = open_page(service.url, width=390, height=800, touch=by == "touch")
    button = page.locator(".tile .take")
    button.tap() if by == "touch" else button.click()
    page.get_by_label("Who takes note?").fill("A. Nurse")
    page.locator("#who button.primary").click()
    wait(page, "[...monitor.ward.patients.values()][0].openAlarms().length === 0")
    expect(button).to_be_hidden()
    assert page.evaluate("location.hash") in ("", "#/")  # the tile below it did not open
    assert taken(service)


def test_what_was_acknowledged_can_be_taken_back_and_the_log_knows_both(service: Service, open_page: Open) -> None:
    page = open_page(service.url)
    n = page.locator(".tile .take")
    n.click()
    page.get_by_label("Who takes note?").fill("A. Nurse")
    page.keyboard.press("Enter")
    wait(page, "[...monitor.ward.patients.values()][0].openAlarms().length === 0")
    page.get_by_role("button", name="Undo").click()
    wait(page, "[...monitor.ward.patients.values()][0].openAlarms().length > 0")
    assert taken(service) == []
    log = page.evaluate("fetch('/api/alarms/actions').then((answer) => answer.json())")
    stored = service.database.alarms.newest(record=RUN)
    assert [line["action"] for line in log] == len(stored) * ["taken back"] + len(stored) * ["acknowledged"]
    assert {line["by"] for line in log} == {"A. Nurse"}
    assert {line["alarm"] for line in log} == {one.id for one in stored}
