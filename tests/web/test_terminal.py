from __future__ import annotations

import pytest
from rich.console import Console

from pipeline.web.hub import Hub
from pipeline.web.terminal import STRIP_COLUMNS, render
from tests.web.conftest import RUN, Heard, chunk, tell


@pytest.fixture
def alarming(minute: Heard) -> Hub:
    """A hub in which a ventricular tachycardia, from 40 to 43 s, lasts."""
    hub = Hub(history_s=120.0)
    tell(hub, [one for one in minute if one[0].stop <= 45 * one[0].fs])
    return hub


def shown(hub: Hub, width: int = 120, height: int | None = None) -> str:
    console = Console(width=width, record=True, force_terminal=False)
    with console.capture() as capture:
        console.print(render(hub, width, height))
    return capture.get()


def test_a_patient_stands_on_the_terminal_with_rate_strip_and_alarms(alarming: Hub) -> None:
    hub = alarming
    text = shown(hub)
    assert RUN in text
    rate = hub.patients()[0].vitals()["hr"]
    assert f"{rate:.0f}" in text
    assert "ventricular tachycardia" in text
    assert "!!!" in text
    strip = [line for line in text.splitlines() if any(0x2800 < ord(letter) < 0x2900 for letter in line)]
    assert 1 <= len(strip) <= 2
    assert max(map(len, text.splitlines())) <= 120


def test_what_is_over_is_named_and_not_urgent(hub: Hub) -> None:
    text = shown(hub)
    assert "past: ventricular tachycardia" in text
    assert "!!!" not in text


def test_a_narrow_terminal_keeps_room_for_alarms(alarming: Hub) -> None:
    text = shown(alarming, 80)
    assert "ventricular" in text  # as much of it as fits
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


@pytest.mark.parametrize(("patients", "height"), [(8, 24), (16, 24), (40, 24), (8, 10), (2, 24)])
def test_what_does_not_fit_is_lower_or_named(minute: Heard, patients: int, height: int) -> None:
    hub = Hub()
    for i in range(patients - 1):
        hub.signal(chunk(0, 500, record=f"ward/bed-{i + 1}"))
    # The last one has an alarm that lasts.
    tell(hub, [one for one in minute if one[0].stop <= 45 * one[0].fs])
    text = shown(hub, 80, height)
    lines = text.rstrip("\n").splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= 80
    assert RUN in text
    assert "ventricular" in text  # as much of it as fits
    seen = sum(f"ward/bed-{i + 1} " in text for i in range(patients - 1))
    if seen < patients - 1:
        assert f"{patients - 1 - seen} more" in text
    else:
        assert " more" not in text
