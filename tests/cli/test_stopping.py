from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from pipeline.cli.display import progress_bar
from pipeline.cli.stopping import listen, stop_if_asked


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException]]:
    """What destructors have raised, as far as it is told of."""
    told: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: told.append(what.exc_type))
    return told


@pytest.fixture
def listening(unraisable: list[type[BaseException]]) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    listen()
    yield
    listen()  # forgets what the test has asked for
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_stop_that_a_destructor_has_swallowed_is_asked_for_again(
    listening: None, unraisable: list[type[BaseException]], number: signal.Signals, kind: type[BaseException]
) -> None:
    class Held:
        def __init__(self, what: Callable[[], object]) -> None:
            self.what = what

        def __del__(self) -> None:
            self.what()

    stop_if_asked()
    held = Held(lambda: signal.raise_signal(number))
    del held
    held = Held(lambda: 1 / 0)
    del held
    assert unraisable == [ZeroDivisionError]  # a stop is no complaint
    with progress_bar("working", wanted=False) as show, pytest.raises(kind):
        show("a record", 0.5)


def test_a_stop_is_raised_at_once_and_forgotten_by_the_next_command(listening: None) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    listen()
    stop_if_asked()
