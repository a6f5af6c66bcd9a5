"""A stop that was asked for is not lost, and leaves nothing locked.

Python raises what a signal asks for wherever the main thread happens to be. Two places are bad. A destructor prints it
and goes on as if nothing had been asked. And an import that is cut short can leave the interpreter's own locks held:
every thread that imports something then waits for ever, and whoever waits for such a thread. So the signal is sent
again a little later.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

__all__ = ["listen"]

AGAIN_S = 0.02  # s until a signal that came at a bad moment is sent again
IMPORTING = "<frozen importlib._bootstrap>"  # the file of Python's import system that holds its locks

_asked: list[int] = []  # the signals that have come


def listen() -> None:
    """Let Ctrl-C raise KeyboardInterrupt, and a scheduler's SIGTERM clear drafts away like it."""
    _asked.clear()
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where a shell has it ignored
        signal.signal(signal.SIGINT, _stop)
    before = sys.unraisablehook
    if isinstance(before, _Resending):
        return
    sys.unraisablehook = _Resending(before)


class _Resending:
    """Say nothing of a stop that a destructor has swallowed: it is sent again."""

    def __init__(self, others: Callable[[sys.UnraisableHookArgs], object]) -> None:
        self._others = others

    def __call__(self, what: sys.UnraisableHookArgs) -> None:
        if _asked and issubclass(what.exc_type, KeyboardInterrupt | SystemExit):
            _send_again(_asked[-1])
        else:
            self._others(what)


def _stop(number: int, frame: FrameType | None) -> None:
    _asked.append(number)
    if _is_importing(frame):
        _send_again(number)
    elif number == signal.SIGINT:
        raise KeyboardInterrupt
    else:
        sys.exit(128 + number)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING:
            return True
        frame = frame.f_back
    return False


def _send_again(number: int) -> None:
    again = threading.Timer(AGAIN_S, _send, [number])
    again.daemon = True
    again.start()


def _send(number: int) -> None:
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):  # not on Windows
        signal.pthread_kill(main, number)  # which wakes it where it waits
    else:
        signal.raise_signal(number)
