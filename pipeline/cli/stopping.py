"""A stop that was asked for is not lost.

Python raises what a signal asks for wherever the main thread happens to be; inside a destructor it prints that and goes
on as if nothing had been asked. So it is remembered, not printed, and asked for again where long work reports how far
it is.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

__all__ = ["listen", "stop_if_asked"]

_asked: list[int] = []  # the signal that has come


def listen() -> None:
    """Let Ctrl-C raise KeyboardInterrupt, and a scheduler's SIGTERM clear drafts away like it."""
    _asked.clear()
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where a shell has it ignored
        signal.signal(signal.SIGINT, _stop)
    before = sys.unraisablehook
    if isinstance(before, _Quiet):
        return
    sys.unraisablehook = _Quiet(before)


def stop_if_asked() -> None:
    """Raise again what was asked for, if the work still goes on.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C.
    SystemExit
        After SIGTERM.
    """
    if _asked:
        _raise(_asked[0])


class _Quiet:
    """Say nothing of a stop that a destructor has swallowed: it is asked for again."""

    def __init__(self, others: Callable[[sys.UnraisableHookArgs], object]) -> None:
        self._others = others

    def __call__(self, what: sys.UnraisableHookArgs) -> None:
        if not _asked or not issubclass(what.exc_type, KeyboardInterrupt | SystemExit):
            self._others(what)


def _stop(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)
    _raise(number)


def _raise(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
