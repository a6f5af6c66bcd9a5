from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.cli.stopping import listen
from tests.waiting import PATIENCE_S


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
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_stop_that_a_destructor_has_swallowed_is_sent_again(
    listening: None, unraisable: list[type[BaseException]], number: signal.Signals, kind: type[BaseException]
) -> None:
    class Held:
        def __init__(self, what: Callable[[], object]) -> None:
            self.what = what

        def __del__(self) -> None:
            self.what()

    held = Held(lambda: 1 / 0)
    del held
    holding = [Held(lambda: signal.raise_signal(number))]

    def let_go() -> None:
        holding.clear()
        time.sleep(PATIENCE_S)

    with pytest.raises(kind):
        let_go()
    assert unraisable == [ZeroDivisionError]  # a stop is no complaint


def test_a_stop_is_raised_at_once(listening: None) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_an_import_is_not_cut_short_and_other_threads_import_on(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """Else the import system's locks stay held, and whoever waits for such a thread waits for ever."""
    (tmp_path / "slow.py").write_text(
        f"import signal\nsignal.raise_signal({int(number)})\nfor _ in range(1000): pass\nprint('whole', flush=True)\n"
    )
    (tmp_path / "program.py").write_text(
        "import signal, threading, time\n"
        "from pipeline.cli.stopping import listen\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "listen()\n"
        "try:\n"
        "    import slow\n"
        f"    time.sleep({PATIENCE_S})\n"
        "finally:\n"
        "    other = threading.Thread(target=lambda: __import__('slow'))\n"
        "    other.start()\n"
        "    other.join()\n"
    )
    ran = subprocess.run(
        [sys.executable, str(tmp_path / "program.py")], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ran.returncode == status, ran.stderr
    assert ran.stdout == "whole\n"
