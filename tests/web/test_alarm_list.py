"""What lasts and what is over: on the tiles, in the alarm list of the ward, and on a wall."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pipeline.web.hub import Hub
from tests.web.conftest import RUN, Heard, Service, serve, tell, wait_for_numbers
from tests.web.pages import Open, shot, wait
from tests.web.test_readable import complaints

UNTIL_S = 45.0  # the run from 40 to 43 s has just been: its alarm lasts until it has been calm for long enough


@pytest.fixture
def alarming(tmp_path: Path, minute: Heard) -> Iterator[Service]:
    """A service that shows a patient whose ventricular tachycardia lasts."""
    hub = Hub(history_s=120.0)
    with serve(hub, tmp_path) as running:
        tell(hub, [one for one in minute if one[0].stop <= UNTIL_S * one[0].fs])
        wait_for_numbers(hub)
        yield running


def rest(minute: Heard) -> Heard:
    return [one for one in minute if one[0].stop > UNTIL_S * one[0].fs]


def test_a_bed_is_red_for_as_long_as_the_reason_lasts(alarming: Service, minute: Heard, open_page: Open) -> None:
    page = open_page(alarming.url)
    tile = page.locator(".tile")
    expect(tile).to_have_attribute("data-priority", "high")
    expect(tile.locator(".heart")).to_contain_text("ventricular tachycardia")
    expect(tile.locator(".heart .age").first).to_contain_text("0:0")
    tell(alarming.hub, rest(minute))  # until 60 s: the run is over
    expect(tile.locator(".past")).to_contain_text("past")
    expect(tile.locator(".heart")).not_to_contain_text("ventricular tachycardia")
    wait(page, "document.querySelector('.tile').dataset.priority !== 'high'")
    expect(page.locator("#open .high")).to_have_count(0)


def test_the_rate_is_coloured_in_tachycardia(alarming: Service, open_page: Open) -> None:
    page = open_page(alarming.url)
    rate = page.locator(".tile .rate")
    rate.wait_for()
    colour = "(node) => getComputedStyle(node).color"
    page.evaluate("[...monitor.ward.patients.values()][0].alarms.clear()")
    expect(rate).to_have_attribute("data-alarm", "none")
    usual = rate.evaluate(colour)
    alarm = "{kind: 'tachycardia', key: 'fast@1', priority: 'medium', physiological: true, message: '', onset_s: 40}"
    page.evaluate(f"""() => {{
      const [patient] = monitor.ward.patients.values();
      patient.alarm({{...{alarm}, raised_s: 40, ended_s: null, by: null, id: null, revision: 0}});
    }}""")
    expect(rate).to_have_attribute("data-alarm", "medium")
    assert rate.evaluate(colour) != usual


def test_the_list_has_what_lasts_first_and_leads_to_the_strip(
    alarming: Service, minute: Heard, open_page: Open
) -> None:
    page = open_page(alarming.url)
    page.locator(".tile .take").wait_for()
    page.keyboard.press("l")
    row = page.locator(".alarm-list tbody tr", has_text="ventricular tachycardia")
    expect(row).to_contain_text(RUN)
    expect(row.locator(".kind .state")).to_have_text("lasting")
    assert complaints(page) == []
    shot(page, "alarm-list")
    tell(alarming.hub, rest(minute))
    expect(row.locator(".kind .state")).to_have_text("over")
    over = next(one.alarm for one in alarming.hub.patients()[0].alarms() if one.alarm.kind == "ventricular tachycardia")
    assert over.ended_s is not None
    expect(row.locator(".lasted")).to_have_text(f"0:{int(over.ended_s - over.onset_s):02d}")
    page.get_by_role("button", name="Lasting").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_label("filter by patient or alarm").fill("nobody")
    expect(row).to_have_count(0)
    page.get_by_label("filter by patient or alarm").fill("ventricular")
    row.click()
    wait(page, "monitor.view.isOpen && monitor.view.strip.end !== null")
    onset = page.evaluate(
        "[...monitor.view.patient.alarms.values()].find(({kind}) => kind === 'ventricular tachycardia').onset_s"
    )
    seen = page.evaluate("[monitor.view.strip.end / monitor.view.patient.fs, monitor.view.strip.seconds]")
    assert seen[0] - seen[1] < onset < seen[0]  # the strip shows its beginning


def test_the_list_acknowledges_what_is_chosen_by_keys(alarming: Service, minute: Heard, open_page: Open) -> None:
    tell(alarming.hub, rest(minute))
    patient = alarming.hub.patients()[0]
    wait_for_numbers(alarming.hub)
    page = open_page(alarming.url + "#/alarms")
    rows = page.locator(".alarm-list tbody tr")
    n = len(patient.alarms())
    assert n >= 2
    expect(rows).to_have_count(n)
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Acknowledge 1 chosen")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator("#who")).to_contain_text("Acknowledge 1 alarm of")
    page.keyboard.type("A. Nurse")
    page.keyboard.press("Enter")
    wait(page, f"[...monitor.ward.patients.values()][0].openAlarms().length === {n - 1}")
    stored = alarming.database.alarms.newest(record=RUN)
    assert sum(one.acknowledged_by == "A. Nurse" for one in stored) == 1


def test_a_wall_can_be_read_from_three_metres(alarming: Service, open_page: Open) -> None:
    page = open_page(alarming.url, width=1920, height=1080)
    page.locator(".tile .take").wait_for()
    page.keyboard.press("w")
    wait(page, "document.body.dataset.view === 'wall'")
    page.wait_for_timeout(300)
    # 15 minutes of arc at 3 m are 13 mm; capitals are 0.7 of the type, at least.
    sizes = page.evaluate("""() => [".name", ".chip", ".rate"].map((name) => {
      const node = document.querySelector(`.tile ${name}`);
      const {width, height} = node.getBoundingClientRect();
      return [parseFloat(getComputedStyle(node).fontSize) * 0.7 / 96 * 25.4, width, height];
    })""")
    for letters_mm, width, height in sizes:
        assert letters_mm >= 12.5
        assert width > 0
        assert height > 0
    expect(page.locator(".tile .chip").first).to_contain_text("ventricular tachycardia")
    shot(page, "wall-alarm")
    page.keyboard.press("w")
    wait(page, "document.body.dataset.view === 'station'")
