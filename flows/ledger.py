"""What a flow run leaves in the project's own database, where Prefect's page and history are not needed to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run

from pipeline.clock import now_us
from pipeline.settings import Settings
from pipeline.storage.database import Database

__all__ = ["Run", "noted_run"]

ENDS: dict[str, Literal["completed", "failed", "cancelled", "crashed"]] = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "CRASHED": "crashed",
}


@dataclass(slots=True)
class Run:
    """A run under way, and what is to be written down of it.

    Attributes
    ----------
    id : str
        Prefect's number of the flow run.
    database : Database
        Where it is written down.
    figures : dict
        What came out, in figures.
    message : str
        What came out, in one line.
    failed : bool
        True if the run has failed without an exception.
    """

    id: str
    database: Database
    figures: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    failed: bool = False


@contextmanager
def noted_run(
    kind: str, settings: Settings, *, model: str | None = None, facts: Mapping[str, Any] | None = None
) -> Iterator[Run]:
    """Write down that a run has begun and how it ended.

    Runs of the same kind that the database believes to be under way, but Prefect knows to have ended, are those of
    killed processes: they are marked first.

    Raises
    ------
    OutputError
        If the database cannot be used.
    """
    number = str(flow_run.id or "")
    command = f"{flow_run.flow_name}, flow run {flow_run.name}"
    with Database.open(settings.database) as database:
        _mark_killed(database, kind, number)
        database.runs.start(number, kind, at_us=now_us(), command=command, model=model, facts=facts)
        run = Run(number, database)
        try:
            yield run
        except Exception as error:
            line = " ".join(str(error).split())
            database.runs.finish(number, "failed", at_us=now_us(), figures=run.figures, message=line)
            raise
        except BaseException:  # the process is told to end
            database.runs.finish(number, "cancelled", at_us=now_us(), figures=run.figures, message="stopped")
            raise
        end: Literal["failed", "completed"] = "failed" if run.failed else "completed"
        database.runs.finish(number, end, at_us=now_us(), figures=run.figures, message=run.message)


def _mark_killed(database: Database, kind: str, own: str) -> None:
    running = [run for run in database.runs.newest(kind=kind, state="running") if run.id != own]
    if not running:
        return
    logger = get_run_logger()
    with get_client(sync_client=True) as client:
        for run in running:
            try:
                state = client.read_flow_run(UUID(run.id)).state
            except (ObjectNotFound, ValueError):
                continue  # another server's, or no flow run at all
            if state is not None and state.is_final():
                end = ENDS[state.type.value]
                line = " ".join((state.message or "").split())
                database.runs.finish(run.id, end, at_us=now_us(), message=line or f"marked by run {own}")
                logger.warning("run %s was left behind by a killed process: %s", run.id, end)
