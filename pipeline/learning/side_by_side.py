"""Several trainings at once, each on one thread: the same bits as one after the other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pipeline.detection.torch_forward import one_thread

__all__ = ["Progress", "cores", "side_by_side"]

MOST = 4  # trainings at once unless asked for more: each holds a copy of what it learns, some 150 MB for half of mitdb

Progress = Callable[[int, int, float], None]
T = TypeVar("T")


class _Stopped(Exception):
    """Somebody has stopped all trainings."""


def cores() -> int:
    """Return how many trainings run at once by default: one for each core that there is, but no more than four."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST, there)


def side_by_side(
    jobs: Sequence[Callable[[Progress], T]], *, workers: int, progress: Callable[[float, float], None] | None = None
) -> list[T]:
    """Do trainings, so many at once; return what they return, in the order given.

    Parameters
    ----------
    jobs : sequence of callable
        The trainings; each reports to what it is given: steps done, steps in all, and the loss.
    workers : int
        How many at once.
    progress : callable, optional
        Told the share of all jobs that is done, and the loss that came last.
    """
    done = [0.0] * len(jobs)
    stopped = threading.Event()
    failed: list[BaseException] = []
    telling = threading.Lock()

    def run(number: int) -> T:
        def report(step: int, total: int, loss: float) -> None:
            if stopped.is_set():
                raise _Stopped
            with telling:
                done[number] = step / total
                if progress is not None:
                    progress(sum(done) / len(jobs), loss)

        if stopped.is_set():
            raise _Stopped
        try:
            return jobs[number](report)
        except BaseException as error:
            if not stopped.is_set():
                failed.append(error)
                stopped.set()
            raise

    # Here as well as in each training: what one of them sets, and sets back, others would see.
    with one_thread(), ThreadPoolExecutor(workers, thread_name_prefix="training") as pool:
        futures = [pool.submit(run, number) for number in range(len(jobs))]
        try:
            return [future.result() for future in futures]
        except _Stopped:
            raise failed[0] from None  # by which the others were stopped
        finally:
            stopped.set()
