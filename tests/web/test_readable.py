"""Whether everybody can read and use the page: contrast and roles by axe, widths, keys, and what is said aloud."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipeline.records import Chunk
from pipeline.web.access import Access
from pipeline.web.hub import Hub
from tests.web.conftest import Heard, Service, serve, tell
from tests.web.pages import Open, shot, wait

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
PATIENT = "#/p/ward%2Frun?t=45.000"


def complaints(page: Page) -> list[str]:
    """Return what axe finds wrong, a line an element."""
    page.evaluate(AXE)
    found = page.evaluate("() => axe.run()")
    return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("dark", [True, False])
def test_axe_has_nothing_to_say(service: Service, open_page: Open, dark: bool) -> None:
    page = open_page(service.url, dark=dark)
    page.locator(".tile .take").wait_for()
    assert complaints(page) == []
    page.locator(".tile").focus()
    page.keyboard.press("a")
    page.locator("#who").wait_for(state="visible")
    assert complaints(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.locator("#help").wait_for(state="visible")
    assert complaints(page) == []
    page.keyboard.press("Escape")
    page.evaluate(f"location.hash = '{PATIENT}'")
    page.locator(".alarms tr").nth(1).wait_for()
    wait(page, "document.querySelector('.beat dl').innerText.includes('score')")
    assert complaints(page) == []


def test_axe_has_nothing_to_say_of_the_login(open_page: Open, tmp_path: Path) -> None:
    with serve(Hub(), tmp_path, Access("127.0.0.1", "0123456789abcdef")) as running:
        page = open_page(running.url)
        page.get_by_label("Token").wait_for()
        assert complaints(page) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1366])
def test_nothing_is_wider_than_the_screen(service: Service, open_page: Open, width: int) -> None:
    page = open_page(service.url, width=width, height=768)
    page.locator(".tile .take").wait_for()
    # Counts as they are after a day.
    page.evaluate("""() => {
      const [patient] = monitor.ward.patients.values();
      for (let i = 0; i < 150; i++) {
        for (const priority of ["high", "medium", "low"]) {
          const what = {kind: `kind ${i % 7}`, priority, physiological: i % 3 > 0, message: `${i} ${priority}`};
          patient.alarm({...what, onset_s: i, raised_s: i, id: null, by: null, first_beat: 0, last_beat: 1});
        }
      }
    }""")
    page.wait_for_timeout(600)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    expect(page.locator("#keys")).to_be_visible()
    name = page.locator(".tile .name")
    assert name.evaluate("(node) => node.scrollWidth - node.clientWidth") <= 0  # whose bed it is stands there whole
    shot(page, f"alarming-{width}")
    page.evaluate(f"location.hash = '{PATIENT}'")
    page.locator(".alarms tr").nth(1).wait_for()
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_first_press_of_t_changes_what_is_seen(service: Service, open_page: Open) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    for dark in (False, True):
        page = open_page(service.url, dark=dark)
        page.locator(".tile").wait_for()
        before = page.evaluate(background)
        page.keyboard.press("t")
        assert page.evaluate(background) != before
        page.keyboard.press("t")
        assert page.evaluate(background) == before


def test_looking_back_is_not_called_live(service: Service, open_page: Open) -> None:
    page = open_page(service.url + "#/p/ward%2Frun")
    state = page.locator("#patient .state")
    expect(state).to_contain_text("live")
    wait(page, "monitor.view.history.beats.length > 10 && monitor.view.strip.width > 0")  # there is a past to look at
    page.keyboard.press("Home")
    expect(state).to_contain_text("ago")
    expect(state).not_to_contain_text("live")
    expect(page.locator("#patient .heart-rate")).to_contain_text("now")
    page.keyboard.press("l")
    expect(state).to_contain_text("live")


def test_alarms_are_said_one_by_one_and_rates_are_not(tmp_path: Path, minute: Heard, open_page: Open) -> None:
    hub = Hub()
    hub.signal(Chunk("ward/run", 0, 360.0, minute[0][0].leads, np.zeros((360, 2), dtype=np.float32)))
    with serve(hub, tmp_path) as running:
        page = open_page(running.url)
        page.locator(".tile").wait_for()
        live = page.locator("main :is([aria-live], output, [role=status], [role=alert], [role=log])")
        expect(live).to_have_count(0)
        tell(hub, minute)
        expect(page.locator("#urgent")).to_contain_text("ward/run: ventricular tachycardia, high")
        # What is already there when a page is opened is not news.
        other = open_page(running.url)
        other.locator(".tile .take").wait_for()
        other.wait_for_timeout(2000)
        expect(other.locator("#urgent")).to_be_empty()


def test_the_numbers_of_a_scale_never_overlap(service: Service, open_page: Open) -> None:
    page = open_page(service.url + PATIENT, width=1366, height=768)
    wait(page, "monitor.view.beatView.shown?.includes('true')")
    least = page.evaluate("""() => {
      const {beatView} = monitor.view, {context} = beatView;
      const seen = [];
      const write = context.fillText;
      context.fillText = function (text, x, y) {
        if (context.textAlign === "right") seen.push([x, y + (context.textBaseline === "top" ? 5 : 0)]);
        write.call(context, text, x, y);
      };
      beatView.shown = null;
      monitor.view.second();
      context.fillText = write;
      let least = Infinity;
      seen.forEach(([x, y], i) => seen.slice(i + 1).forEach(([other, below]) => {
        if (x === other) least = Math.min(least, Math.abs(y - below));
      }));
      return [seen.length, least];
    }""")
    assert least[0] > 4
    assert least[1] >= 9  # px, letters of 10
