"""What an alarm looks and sounds like: fibrillation, a standstill, an artefact, and a pause of the sound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipeline.records import Chunk, Record
from pipeline.sources.synthetic import Episode, Scenario, SyntheticRecord, synthesise
from pipeline.web.hub import Hub
from tests.web.conftest import Heard, Service, monitored, serve, tell, wait_for_numbers
from tests.web.pages import Open, wait

SECONDS, AT_S = 48.0, 38.0


def bed(name: str, *episodes: Episode) -> SyntheticRecord:
    return synthesise(Scenario(name, episodes), name=f"ward/{name}", seconds=SECONDS, seed=3)


class Still:
    """A patient whose heart stands still from a moment on."""

    def __init__(self, record: SyntheticRecord) -> None:
        self._record = record
        self.name, self.fs, self.leads, self.n_samples = record.name, record.fs, record.leads, record.n_samples
        self.annotations = record.annotations

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        rng = np.random.default_rng(4)
        for chunk in self._record.chunks(seconds):
            silent = np.arange(chunk.start, chunk.stop)[:, None] >= AT_S * chunk.fs
            noise = 0.01 * rng.normal(size=chunk.signal.shape).astype(np.float32)
            yield replace(chunk, signal=np.where(silent, noise, chunk.signal).astype(np.float32))


@pytest.fixture(scope="module")
def heard() -> list[Heard]:
    """Three patients: the ventricles flutter, the heart stands still, somebody moves an electrode."""
    beds: list[Record] = [
        bed("flutter", Episode("vflutter", AT_S, SECONDS)),
        Still(bed("standstill")),
        bed("artefact", Episode("motion", AT_S, AT_S + 4.0, 1.0)),
    ]
    return [monitored(one, SECONDS) for one in beds]


@pytest.fixture
def ward(tmp_path: Path, heard: list[Heard]) -> Iterator[Service]:
    hub = Hub(history_s=120.0)
    with serve(hub, tmp_path) as running:
        for one in heard:
            tell(hub, one)
        wait_for_numbers(hub)
        yield running


def flash(page: Page, name: str) -> str:
    return str(page.locator(f'.tile[data-patient="ward/{name}"]').evaluate(
        "node => { const style = getComputedStyle(node); return `${style.animationName} ${style.animationDuration}`; }"
    ))  # fmt: skip


def test_lethal_rhythms_flash_and_sound_by_the_standard_and_an_artefact_does_not(
    ward: Service, open_page: Open
) -> None:
    page = open_page(ward.url)
    for name, kind in (("flutter", "ventricular fibrillation"), ("standstill", "asystole")):
        tile = page.locator(f'.tile[data-patient="ward/{name}"]')
        expect(tile).to_have_attribute("data-priority", "high")
        expect(tile.locator(".heart")).to_contain_text(kind)
        assert flash(page, name) == "high 0.5s"  # 2 Hz, half of the time
    artefact = page.locator('.tile[data-patient="ward/artefact"]')
    assert artefact.get_attribute("data-priority") != "high"
    assert page.evaluate("monitor.signals.bursts.length") == 0  # off until somebody wants it
    page.locator("#sound").click()
    wait(page, "monitor.signals.bursts.length > 0")
    burst = page.evaluate("monitor.signals.bursts[0]")
    assert (burst["priority"], burst["pulses"], burst["recalled"]) == ("high", 10, False)
    gaps = page.evaluate(
        "import('/static/signals.js').then(({ BURSTS: { high } }) => high.at.slice(1).map((at, i) => at - high.at[i]))"
    )
    assert [round(gap, 2) for gap in gaps] == [0.2, 0.2, 0.4, 0.2, 0.9, 0.2, 0.2, 0.4, 0.2]


def test_a_pause_silences_for_two_minutes_and_changes_nothing_that_is_seen(ward: Service, open_page: Open) -> None:
    page = open_page(ward.url)
    page.locator("#sound").click()
    wait(page, "monitor.signals.bursts.length > 0")
    page.locator("#pause").click()
    expect(page.locator("#pause")).to_contain_text(re.compile(r"paused (2:00|1:\d\d)"))
    assert flash(page, "flutter") == "high 0.5s"
    n = page.evaluate("monitor.signals.bursts.length")
    later = "performance.now() / 1000 + {}"
    page.evaluate(f"monitor.signals.second({later.format(115)})")
    assert page.evaluate("monitor.signals.bursts.length") == n
    page.evaluate(f"monitor.signals.second({later.format(121)})")
    assert page.evaluate("monitor.signals.bursts.length") == n + 1
    page.reload()  # a page may not sound before somebody presses something on it: it says so
    expect(page.locator("#sound")).to_have_text("sound was on: press")
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_text("sound on")


def test_what_is_over_stays_in_view_and_is_recalled_until_somebody_takes_note(ward: Service, open_page: Open) -> None:
    page = open_page(ward.url)
    page.locator("#sound").click()
    wait(page, "monitor.signals.bursts.length > 0")
    patients = "[...monitor.ward.patients.values()]"
    over = "for (const p of {}) for (const a of p.alarms.values()) p.alarm({{ ...a, ended_s: p.until }})"
    page.evaluate(over.format(patients))
    tile = page.locator('.tile[data-patient="ward/standstill"]')
    expect(tile.locator(".latch")).to_contain_text("was asystole")
    expect(tile).to_have_attribute("data-priority", "none")
    page.evaluate("monitor.signals.second(performance.now() / 1000 + 70)")
    assert page.evaluate("monitor.signals.bursts.at(-1).recalled") is True
    taken = "for (const p of {}) for (const a of p.alarms.values()) p.alarm({{ ...a, by: 'A. Nurse' }})"
    page.evaluate(taken.format(patients))
    expect(tile.locator(".latch")).to_have_text("")
    n = page.evaluate("monitor.signals.bursts.length")
    page.evaluate("monitor.signals.second(performance.now() / 1000 + 200)")
    assert page.evaluate("monitor.signals.bursts.length") == n
