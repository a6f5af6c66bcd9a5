"""Pages in a real browser, for the tests of what is on them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.waiting import PATIENCE_S

__all__ = ["Open", "open_page", "shot", "wait"]

OUT = Path(__file__).parents[2] / "out" / "screenshots"  # ignored by git
Open = Callable[..., Page]

expect.set_options(timeout=1000 * PATIENCE_S)  # what a page shows is waited for: it is drawn after the key or click


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open pages that must not complain: no error on the console, nothing that the policy refused."""
    complaints: list[str] = []
    contexts = []

    def open_(
        url: str,
        *,
        width: int = 1600,
        height: int = 900,
        dark: bool = True,
        touch: bool = False,
        allowed: tuple[str, ...] = (),
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", has_touch=touch
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)

        def hear(kind: str, text: str) -> None:
            if "Multiple readback operations" in text:
                return  # of these tests' own looking at pixels
            if "net::ERR_CONNECTION" in text and not listens(url):
                return  # the service has ended before the page
            if kind in ("error", "warning") and not any(part in text for part in allowed):
                complaints.append(f"{kind}: {text}")

        page.on("console", lambda message: hear(message.type, message.text))
        page.on("pageerror", lambda error: hear("error", str(error)))
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def listens(url: str) -> bool:
    """Tell whether anything listens at an address."""
    parts = urlsplit(url)
    try:
        socket.create_connection((str(parts.hostname), int(parts.port or 80)), timeout=1.0).close()
    except OSError:
        return False
    return True


def shot(page: Page, name: str) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=OUT / f"{name}.png")


def wait(page: Page, expression: str) -> None:
    """Wait until an expression is true; Playwright's own way uses eval in the page, which the policy forbids."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"{expression} did not come true in {PATIENCE_S:g} s"
        page.wait_for_timeout(50)
