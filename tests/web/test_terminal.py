from __future__ import annotations

from rich.console import Console

from pipeline.web.hub import Hub
from pipeline.web.terminal import STRIP_COLUMNS, render
from tests.web.conftest import RUN, chunk


def shown(hub: Hub, width: int = 120) -> str:
    console = Console(width=width, record=True, force_terminal=False)
    with console.capture() as capture:
        console.print(render(hub, width))
    return capture.get()


def test_a_patient_stands_on_the_terminal_with_rate_strip_and_alarms(hub: Hub) -> None:
    text = shown(hub)
    assert RUN in text
    rate = hub.patients()[0].vitals()["hr"]
    assert f"{rate:.0f}" in text
    assert "ventricular tachycardia" in text
    assert "!!!" in text
    strip = [line for line in text.splitlines() if any(0x2800 < ord(letter) < 0x2900 for letter in line)]
    assert 1 <= len(strip) <= 2
    assert max(map(len, text.splitlines())) <= 120


def test_a_narrow_terminal_keeps_room_for_alarms(hub: Hub) -> None:
    text = shown(hub, 80)
    assert "ventricular" in text
    assert max(map(len, text.splitlines())) <= 80


def test_flagged_beats_stand_above_the_strip_and_gaps_are_blank() -> None:
    hub = Hub()
    hub.signal(chunk(0, 500, value=0.0))
    hub.signal(chunk(750, 250, value=0.0))
    text = shown(hub)
    dots = "".join(letter for letter in text if 0x2800 <= ord(letter) < 0x2900)
    assert len(dots) == 2 * STRIP_COLUMNS
    blank = sum(letter == "\u2800" for letter in dots)
    assert STRIP_COLUMNS + STRIP_COLUMNS // 4 - 2 <= blank <= STRIP_COLUMNS + STRIP_COLUMNS // 4 + 2


def test_an_empty_ward_is_no_error() -> None:
    assert "Not a medical device" in shown(Hub())
