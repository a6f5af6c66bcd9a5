"""Fresh processes, each bound to a core: what is measured in one has no past, and nobody beside it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, suppress
from multiprocessing import get_context
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from pipeline.bench.machine import one_thread_each, pin
from pipeline.processes import without_ctrl_c

__all__ = ["Alone", "alone", "shared_out"]

P = ParamSpec("P")
R = TypeVar("R")


class Alone:
    """A process of its own, with one thread, bound to one core. A context manager.

    Parameters
    ----------
    place : int
        Which core, see :func:`pipeline.bench.machine.pin`.
    """

    def __init__(self, place: int = 0) -> None:
        spawned = get_context("spawn")  # torch and numba hold threads that do not survive a fork
        self._pool = ProcessPoolExecutor(1, mp_context=spawned, initializer=pin, initargs=(place,))

    def __enter__(self) -> Self:
        with one_thread_each(), without_ctrl_c():
            self._pid = self._pool.submit(os.getpid).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:  # such as Ctrl-C: nobody waits for what runs there
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)
        self._pool.shutdown(cancel_futures=True)

    def start(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Run a function of a module there, after what was started before; what it returns comes as a future."""
        return self._pool.submit(function, *args, **kwargs)

    def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function of a module there and return what it returns."""
        return self.start(function, *args, **kwargs).result()


def alone(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a function of a module once, in a process that has done nothing before."""
    with Alone() as process:
        return process.run(function, *args, **kwargs)


def shared_out(
    processes: Sequence[Alone], function: Callable[..., R], calls: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[int, R]]:
    """Run a function once for each call's arguments, as the processes become free.

    Yields
    ------
    int, result
        Number of the call and what it returned, as they finish.
    """
    waiting = list(enumerate(calls))[::-1]
    running: dict[Future[R], tuple[int, Alone]] = {}
    with ExitStack() as stack:
        stack.callback(lambda: [future.cancel() for future in running])
        for process in processes[: len(waiting)]:
            number, arguments = waiting.pop()
            running[process.start(function, *arguments)] = (number, process)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                number, process = running.pop(future)
                if waiting:
                    following, arguments = waiting.pop()
                    running[process.start(function, *arguments)] = (following, process)
                yield number, future.result()
