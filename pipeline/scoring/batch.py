"""Many records, in this process or in several; what happens to one leaves the others alone."""

from __future__ import annotations

import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from pipeline.errors import OutputError, PipelineError
from pipeline.processes import without_ctrl_c
from pipeline.scoring.job import Job, run_job
from pipeline.scoring.record import Scored
from pipeline.storage import note_failure

__all__ = ["Outcome", "Progress", "run_jobs"]

Progress = Callable[[str, str, float], None]
"""Called as ``progress(record, stage, share)``."""

Clock = Callable[[], float]

_PATIENCE_S = 10.0  # for a process to clear its draft away once it has been told to stop


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job.

    Attributes
    ----------
    record : str
        Name of the record.
    scored : Scored or None
        Its results; None if it failed.
    error : str
        Why it failed, in one line; empty if it did not.
    kind : str
        Class of the error, such as ``RecordNotFound``.
    details : str
        The traceback of an error that nobody foresaw; empty for a :class:`~pipeline.errors.PipelineError`.
    """

    record: str
    scored: Scored | None = None
    error: str = ""
    kind: str = ""
    details: str = ""


def run_jobs(
    jobs: Sequence[Job], *, processes: int = 1, progress: Progress | None = None, clock: Clock | None = None
) -> Generator[Outcome, None, None]:
    """Score records and yield what became of each, as they finish.

    A record that fails is noted in the output folder's summary and the others go on, even where a process dies. Closing
    the iterator stops what is under way; the records that are finished stay.

    Parameters
    ----------
    jobs : sequence of Job
        What to score.
    processes : int
        How many to score at the same time. With 1 they are scored in this process, one after the other.
    progress : callable, optional
        Called as ``progress(record, stage, share)`` from this process.
    clock : callable, optional
        Returns seconds; a function of a module, so that other processes can be given it.

    Raises
    ------
    ValueError
        If ``processes`` is not positive.
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, not {processes}")
    processes = min(processes, len(jobs))
    outcomes = _in_processes(jobs, processes, progress, clock) if processes > 1 else _here(jobs, progress, clock)
    for job, outcome in outcomes:
        if outcome.error:
            with suppress(OutputError):  # where results cannot be written, the outcome says so
                note_failure(job.out, outcome.record, outcome.error)
        yield outcome


def _here(jobs: Sequence[Job], progress: Progress | None, clock: Clock | None) -> Iterator[tuple[Job, Outcome]]:
    for job in jobs:
        yield job, _attempt(job, progress, clock)


def _attempt(job: Job, progress: Progress | None, clock: Clock | None) -> Outcome:
    record = job.record

    def report(stage: str, share: float) -> None:
        if progress is not None:
            progress(record, stage, share)

    try:
        return Outcome(record, run_job(job, progress=report, clock=clock))
    except PipelineError as error:
        return Outcome(record, error=_one_line(str(error)), kind=type(error).__name__)
    except (KeyboardInterrupt, SystemExit, GeneratorExit, BrokenPipeError):
        raise
    except BaseException as error:  # a panic in a compiled library is no Exception
        line = _one_line(f"record {record!r}: {type(error).__name__}: {error} (a defect: please report it)")
        return Outcome(record, error=line, kind=type(error).__name__, details=traceback.format_exc())


def _one_line(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    job: Job


def _in_processes(
    jobs: Sequence[Job], processes: int, progress: Progress | None, clock: Clock | None
) -> Iterator[tuple[Job, Outcome]]:
    waiting = deque(jobs)
    workers = [_start(waiting.popleft(), clock) for _ in range(processes)]
    try:
        while workers:
            ready = wait([worker.connection for worker in workers])
            for worker in [worker for worker in workers if worker.connection in ready]:
                try:
                    message = worker.connection.recv()
                except (EOFError, ConnectionError):
                    message = _died(worker)
                if isinstance(message, Outcome):
                    workers.remove(worker)
                    if waiting:
                        workers.append(_go_on(worker, waiting.popleft(), clock))
                    else:
                        worker.connection.close()
                    yield worker.job, message
                elif progress is not None:
                    progress(*message)
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join(_PATIENCE_S)
            worker.process.kill()


def _go_on(worker: _Worker, job: Job, clock: Clock | None) -> _Worker:
    """Give a worker its next job; a process that is gone is replaced."""
    try:
        worker.connection.send(job)
    except ConnectionError:
        worker.connection.close()
        return _start(job, clock)
    return _Worker(worker.process, worker.connection, job)


def _start(job: Job, clock: Clock | None) -> _Worker:
    context = get_context("spawn")  # torch and numba hold threads that do not survive a fork
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(there, clock), daemon=True)
    with without_ctrl_c():
        process.start()
    there.close()
    here.send(job)
    return _Worker(process, here, job)


def _died(worker: _Worker) -> Outcome:
    worker.process.join()
    code = worker.process.exitcode or 0
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    record = worker.job.record
    advice = "out of memory? try fewer --jobs" if code == -signal.SIGKILL else "a defect: please report it"
    return Outcome(record, error=f"record {record!r}: its process died ({how}; {advice})", kind="ProcessDied")


def _work(connection: Connection, clock: Clock | None) -> None:
    """Score what comes through the connection until it is closed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # drafts are cleared away on the way out
    with suppress(EOFError, ConnectionError):  # the parent has no more to do, or is gone
        while True:
            job: Job = connection.recv()
            connection.send(_attempt(job, lambda *step: connection.send(step), clock))
