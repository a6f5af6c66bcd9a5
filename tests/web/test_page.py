"""The page in a real browser, in real time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from pipeline.records import Chunk
from pipeline.web.hub import Hub
from tests.waiting import wait_for
from tests.web.conftest import Heard, Service, serve, tell
from tests.web.pages import Open, shot, wait

WARD = 16
LEAST_FPS = 10  # two shared cores without a GPU; a desktop has 60
PVC_S = 1.5


STRIPS = """() => monitor.station.tiles.map(({sweep}) => {
  const {width, height} = sweep.canvas;
  const pixels = sweep.context.getImageData(0, 0, width, height).data;
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 4) sum = (sum * 31 + pixels[i] + 7 * pixels[i + 1]) | 0;
  return sum;
})"""


def test_sixteen_strips_move(live: Service, open_page: Open, record_property: Callable[[str, object], None]) -> None:
    page = open_page(live.url, width=1920, height=1080)
    wait(
        page, f"monitor.station.tiles.length === {WARD} && monitor.station.tiles.every(({{sweep}}) => sweep.drawn > 0)"
    )
    positions = "[Date.now(), monitor.station.tiles.map(({sweep}) => sweep.drawn)]"

    def move() -> bool:
        """Tell whether every strip moves, as fast as time goes."""
        before, (began_ms, first) = page.evaluate(STRIPS), page.evaluate(positions)
        page.wait_for_timeout(2500)
        after, (ended_ms, last) = page.evaluate(STRIPS), page.evaluate(positions)
        moved = (np.array(last) - first) / 360 - (ended_ms - began_ms) / 1000
        return all(a != b for a, b in zip(before, after, strict=True)) and bool((np.abs(moved) < 1.5).all())

    wait_for(move, "strips that move as fast as time goes")  # the first time, unless the machine is busy
    wait(page, f"monitor.fps > {LEAST_FPS}")
    fps = page.evaluate("monitor.fps")
    record_property("frames_per_second", fps)
    print(f"{WARD} patients: {fps:.0f} frames a second")  # noqa: T201 - a measurement
    rates = page.locator(".tile .rate").all_inner_texts()
    assert sum(rate.isdigit() and 30 < int(rate) < 200 for rate in rates) >= WARD - 3
    shot(page, "central-station")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.keyboard.press("t")
    page.keyboard.press("t")
    page.wait_for_timeout(300)
    shot(page, "central-station-light")


def test_a_ventricular_beat_is_marked_and_soon_where_the_machine_is_free(live: Service, open_page: Open) -> None:
    page = open_page(live.url)
    wait(page, "monitor.station.tiles[0]?.sweep.drawn > 0")
    # What the tile has marked, when it did so, against when the R peak happened.
    watch = """() => new Promise((resolve) => {
      const {patient, sweep} = monitor.station.tiles[0];
      const started = patient.ring.stop;
      const look = () => {
        const beat = patient.beats.find((one) => one.anomaly && one.rPeak > started && one.rPeak <= sweep.marked);
        if (!beat) return requestAnimationFrame(look);
        resolve({delay: Date.now() / 1000 - patient.began / 1e6 - beat.rPeak / patient.fs, kind: beat.kind});
      };
      look();
    })"""
    delays: list[float] = []

    def is_marked_in_time() -> bool:
        one = page.evaluate(watch)
        assert one["kind"] == "ventricular"
        assert one["delay"] > 0
        delays.append(one["delay"])
        return bool(one["delay"] < PVC_S)

    wait_for(is_marked_in_time, f"a mark within {PVC_S:g} s")  # the first one's, unless the machine is busy
    print(f"marked after {', '.join(f'{delay:.2f}' for delay in delays)} s")  # noqa: T201 - a measurement
    # The mark is there: pixels of the kind's colour where the beat is.
    found = page.evaluate("""() => {
      const {sweep, patient} = monitor.station.tiles[0];
      const beat = patient.beats.findLast((one) => one.anomaly && one.rPeak <= sweep.marked);
      const x = Math.round(((beat.rPeak / patient.fs) * 25 * 96 / 25.4) % sweep.width);
      const pixels = sweep.context.getImageData(Math.max(0, x - 16), 0, 32, 18).data;
      const colours = new Set();
      for (let i = 0; i < pixels.length; i += 4) colours.add(`${pixels[i]} ${pixels[i + 1]} ${pixels[i + 2]}`);
      return [...colours];
    }""")
    assert "255 138 61" in found  # --ventricular, in the dark
    shot(page, "ventricular-beat")


@pytest.mark.parametrize("rate", [0.97, 1.0, 1.03, 4.0])
def test_strips_follow_a_device_s_true_rate_without_a_halt(tmp_path: Path, open_page: Open, rate: float) -> None:
    with serve(Hub(), tmp_path) as running:
        page = open_page(running.url)
        halts, behind = page.evaluate(
            """async (rate) => {
              const {PlayClock} = await import('/static/playclock.js');
              const clock = new PlayClock(250);
              let [sent, halts, before, behind] = [0, 0, 0, 0];
              for (let ms = 0; ms < 30000; ms += 16) {
                if (Math.floor(ms / 200) > Math.floor((ms - 16) / 200)) {  // lumps of 0.2 s
                  const size = Math.round(50 * rate);
                  clock.arrived(sent, sent + size, ms);
                  sent += size;
                }
                const position = clock.advance(ms);
                if (ms > 10000) {
                  halts += position <= before;
                  behind = Math.max(behind, sent - position);
                }
                before = position;
              }
              return [halts, behind / 250 / rate];
            }""",
            rate,
        )
        assert halts == 0
        assert behind < 0.6


def test_an_alarm_is_acknowledged_and_stays_so_after_a_reload(live: Service, open_page: Open) -> None:
    page = open_page(live.url + "#/p/ward%2Fbed-2")
    row = page.locator(".alarms tr", has_text="ventricular").first
    row.get_by_role("button", name="Acknowledge").click()
    page.get_by_label("Who takes note?").fill("A. Nurse")
    page.keyboard.press("Enter")
    page.locator(".alarms tr", has_text="A. Nurse").first.wait_for()
    expect(page.locator(".alarms tr", has_text="A. Nurse")).to_have_count(1)
    page.reload()
    page.locator(".alarms tr", has_text="A. Nurse").first.wait_for()
    expect(page.locator(".alarms tr", has_text="A. Nurse").get_by_role("button", name="Acknowledge")).to_have_count(0)
    shot(page, "acknowledged")
    # Another browser hears of it; the second alarm is acknowledged by key, by the name that is known.
    other = open_page(live.url + "#/p/ward%2Fbed-2")
    other.locator(".alarms tr", has_text="A. Nurse").first.wait_for()
    stored = "monitor.view.patient.openAlarms().map(({alarm}) => alarm.id).filter((id) => id !== null)"
    asked = page.evaluate(stored)
    assert asked
    page.keyboard.press("a")
    expect(page.locator("#who")).to_be_visible()
    expect(page.get_by_label("Who takes note?")).to_have_value("A. Nurse")
    page.keyboard.press("Enter")
    # The patient's next run may be told meanwhile: those that were open at the key are acknowledged, on both pages.
    done = f"{asked}.every((id) => [...monitor.view.patient.alarms.values()].find((one) => one.id === id)?.by)"
    wait(page, done)
    wait(other, done)
    page.get_by_role("button", name="as A. Nurse").click()
    wait(page, "localStorage.getItem('ecg-who') === null")
    kept = live.database.alarms.newest(record="ward/bed-2")
    assert "A. Nurse" in {one.acknowledged_by for one in kept}


def test_a_lost_connection_is_shown_and_heals(tmp_path: Path, minute: Heard, open_page: Open) -> None:
    hub = Hub()
    tell(hub, minute)
    with serve(hub, tmp_path) as running:
        port = running.server.port
        # The page's old session is refused by the new service until it has asked for another.
        page = open_page(running.url, allowed=("ERR_CONNECTION_REFUSED", "response code: 403"))
        page.locator(".tile").wait_for()
        expect(page.locator("#lost")).to_be_hidden()
    page.locator("#lost").wait_for(state="visible")
    expect(page.locator("#lost")).to_contain_text("Connection lost")
    shot(page, "connection-lost")
    with serve(hub, tmp_path, port=port):  # with another session
        page.locator("#lost").wait_for(state="hidden")
        last = hub.patients()[0].kept[1]
        hub.signal(Chunk(minute[0][0].record, last, 360.0, ("MLII", "V1"), np.zeros((360, 2), dtype=np.float32)))
        wait(page, f"[...monitor.ward.patients.values()][0].ring.stop === {last + 360}")


def test_everything_can_be_reached_by_keys(live: Service, open_page: Open) -> None:
    page = open_page(live.url)
    wait(page, f"monitor.station.tiles.length === {WARD}")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.patient") == "ward/bed-2"
    page.keyboard.press("Enter")
    page.locator("#patient h2", has_text="ward/bed-2").wait_for()
    wait(page, "monitor.view.history.beats.some((beat) => beat.anomaly)")
    page.keyboard.press("p")
    wait(page, "location.hash.includes('beat=')")
    first = page.evaluate("monitor.view.strip.selected")
    page.keyboard.press("p")
    assert page.evaluate("monitor.view.strip.selected") < first
    page.keyboard.press("n")
    assert page.evaluate("monitor.view.strip.selected") == first
    end = page.evaluate("monitor.view.strip.end")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("monitor.view.strip.end") == pytest.approx(end - 360, abs=1)
    page.keyboard.press("+")
    wait(page, "location.hash.includes('speed=50')")
    page.keyboard.press("l")
    assert page.evaluate("monitor.view.strip.end") is None
    page.keyboard.press("]")
    page.locator("#patient h2", has_text="ward/bed-3").wait_for()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.locator("#station").wait_for(state="visible")


PICTURE = "() => monitor.view.strip.canvas.toDataURL()"


def test_a_link_opens_exactly_the_same_view(live: Service, open_page: Open) -> None:
    page = open_page(live.url + "#/p/ward%2Fbed-1")
    wait(page, "monitor.view.history?.beats.some((beat) => beat.anomaly)")
    page.keyboard.press("p")
    page.keyboard.press("ArrowLeft")
    beat, end = page.evaluate("[monitor.view.strip.selected, monitor.view.strip.end]")
    done = "[...monitor.view.history.shapes.values()].filter(Boolean).length > 5 && !monitor.view.history.asking"
    wait(page, done)
    other = open_page(page.url)
    wait(other, f"monitor.view.history?.beats.length && {done}")
    assert other.evaluate("monitor.view.strip.selected") == beat
    assert other.evaluate("monitor.view.strip.end") == pytest.approx(end, abs=1)
    wait_for(lambda: page.evaluate(PICTURE) == other.evaluate(PICTURE), "the same picture on both pages")
    wait(other, "document.querySelector('.beat dl').innerText.includes('ventricular')")  # it is told once a second
    wait(other, "document.querySelector('.beat .why').innerText.includes('What is unusual in it')")  # why it scored so
    shot(other, "patient")


def test_what_had_not_come_when_signal_was_asked_for_is_asked_for_again(
    tmp_path: Path, minute: Heard, open_page: Open
) -> None:
    hub = Hub()
    half = len(minute) // 2
    tell(hub, minute[:half])  # in the middle of a stretch of 20 s
    with serve(hub, tmp_path) as running:
        page = open_page(running.url + "#/p/ward%2Frun?t=20.000")
        wait(page, "monitor.view.history?.beats.length > 10")
        # As if the page kept no signal of its own but from there on.
        ask = """([from, to]) => {
          const {history} = monitor.view, {fs} = history.patient;
          history.patient.ring.whole = to * fs;
          history.need(from * fs, to * fs);
        }"""
        at = "monitor.view.history.at({} * monitor.view.patient.fs, 0) !== -32768"
        page.evaluate(ask, [21, 29])
        wait(page, at.format(28))
        assert not page.evaluate(at.format(38))
        tell(hub, minute[half:])
        wait(page, "monitor.view.history.beats.at(-1).rPeak > 45 * monitor.view.patient.fs")
        page.evaluate(ask, [21, 39])
        wait(page, at.format(38))


def test_what_a_page_missed_is_no_gap(tmp_path: Path, minute: Heard, open_page: Open) -> None:
    """Signal that was left out because the page was behind, and beats of a time without a connection, are asked for."""
    hub = Hub()
    half = len(minute) // 2
    tell(hub, minute[:half])
    with serve(hub, tmp_path) as running:
        page = open_page(running.url + "#/p/ward%2Frun")
        wait(page, "monitor.view.history?.beats.length > 10 && monitor.view.patient.ring.stop > 0")
        page.evaluate("monitor.connection.socket.onmessage = null")  # nothing is heard until the connection is renewed
        tell(hub, minute[half:])
        wait(page, "monitor.connection.lostAt !== null")
        wait(page, "monitor.connection.lostAt === null")
        wait(page, "monitor.view.history.beats.at(-1).rPeak > 55 * monitor.view.patient.fs")
        intervals = page.evaluate("monitor.view.history.beats.map((beat) => beat.beat)")
        assert intervals == list(range(intervals[0], intervals[0] + len(intervals)))
        page.evaluate("monitor.view.scrollTo(45 * monitor.view.patient.fs)")
        missing = """(() => {
          const {history, strip} = monitor.view;
          const n = Math.floor(strip.seconds * history.patient.fs);
          let missing = 0;
          for (let i = 0; i < n; i++) missing += history.at(Math.floor(strip.end) - 1 - i, 0) === -32768;
          return missing;
        })()"""
        wait(page, f"{missing} === 0")


def test_a_gap_is_shown_and_never_bridged(tmp_path: Path, minute: Heard, open_page: Open) -> None:
    hub = Hub()
    tell(hub, minute)  # samples are missing from 50 to 52 s
    with serve(hub, tmp_path) as running:
        page = open_page(running.url + "#/p/ward%2Frun?t=56.000")
        wait(page, "monitor.view.history?.gaps.length === 1")
        page.wait_for_timeout(300)
        ink = """([from, to]) => {
          const {strip} = monitor.view;
          const x = (s) => Math.round(strip.width - (56 - s) * strip.pxPerS);
          const pixels = strip.context.getImageData(x(from), 24, x(to) - x(from), strip.height - 45).data;
          let n = 0;
          for (let i = 0; i < pixels.length; i += 4) n += pixels[i] > 190 && pixels[i + 1] > 200 && pixels[i + 2] > 200;
          return n;
        }"""
        assert page.evaluate(ink, [50.05, 51.95]) == 0
        assert page.evaluate(ink, [48.0, 49.9]) > 100
        shot(page, "gap")


@pytest.mark.parametrize(("width", "height", "name"), [(360, 740, "phone"), (2560, 1440, "wall")])
def test_it_fits_a_phone_and_a_wall(live: Service, open_page: Open, width: int, height: int, name: str) -> None:
    page = open_page(live.url, width=width, height=height)
    wait(page, f"monitor.station.tiles.length === {WARD} && monitor.station.tiles[0].sweep.drawn > 0")
    shot(page, name)
    across = "() => document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(across) <= 0
    down = page.evaluate("document.documentElement.scrollHeight - innerHeight")
    assert (down > 0) == (name == "phone")  # a wall shows all sixteen at once
    if name == "phone":
        wait(page, "monitor.connection.watched.length < 16")  # only what is seen is sent
    page.evaluate("location.hash = '#/p/ward%2Fbed-1'")
    wait(page, "monitor.view.history?.beats.length > 0")
    page.wait_for_timeout(300)
    assert page.evaluate(across) <= 0
    shot(page, f"{name}-patient")


def test_a_name_from_outside_is_text_and_nothing_else(tmp_path: Path, open_page: Open) -> None:
    evil = "<img src=x onerror=alert(1)>/\"'&?#%2F"
    hub = Hub()
    hub.signal(Chunk(evil, 0, 250.0, ("<b>II</b>",), np.zeros((500, 1), dtype=np.float32)))
    with serve(hub, tmp_path) as running:
        page = open_page(running.url)
        expect(page.locator(".tile .name")).to_have_text(evil)
        page.locator(".tile").click()
        expect(page.locator("#patient h2")).to_have_text(evil)
        page.reload()
        expect(page.locator("#patient h2")).to_have_text(evil)
        expect(page.locator("img, b:has-text('II')")).to_have_count(0)
