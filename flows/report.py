"""The ``report`` flow: what the last days brought, on one page.

::

    python -m flows.report
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, cast

from prefect import State, flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.states import Completed
from pydantic import Field

from flows.ledger import noted_run
from flows.pages import link_to
from pipeline.clock import now_us
from pipeline.report.weekly import Week, read_week, write_week
from pipeline.settings import Settings
from pipeline.storage.database import Database, ModelStore
from pipeline.whole_file import private_folder

__all__ = ["report", "write_page"]


@task(name="write-page", persist_result=False)
def write_page(days: int, folder: Path) -> tuple[Week, Path]:
    """Read the database and write the page."""
    settings = Settings()
    with Database.open(settings.database) as database:
        week = read_week(database, ModelStore(database, settings.models), until_us=now_us(), days=days)
    return week, write_week(week, folder, zone=settings.time_zone)


@flow(
    name="report",
    description="Sum up the last days on one self-contained page: runs, alarms, figures, models.",
    validate_parameters=True,
    persist_result=False,
)
def report(days: Annotated[int, Field(ge=1, le=366)] = 7, folder: Path | None = None) -> Any:
    """Write the page of the last days.

    Parameters
    ----------
    days : int
        How many.
    folder : Path, optional
        Where the pages lie; ``reports`` in the state folder (``ECG_STATE_DIR``) by default.
    """
    settings = Settings()
    if folder is None:
        private_folder(settings.state_dir)
    with noted_run("report", settings, facts={"days": days}) as run:
        week, page = write_page(days, folder or settings.state_dir / "reports")
        link = link_to(page)
        lines = [f"# The last {days} days", "", "| kind | runs | not completed |", "|---|---:|---:|"]
        lines += [
            f"| {kind} | {states.total()} | {states.total() - states['completed'] - states['running']} |"
            for kind, states, _ in week.kinds
        ]
        where = f"[{page.name}]({link})" if link else f"`{page}`"
        lines += ["", f"{sum(row.number for row in week.alarms)} alarms. The page: {where}"]
        create_markdown_artifact("\n".join(lines), key="weekly-report", description="The last days in brief")
        if link is not None:
            create_link_artifact(link, link_text=page.name, key="weekly-report-page", description="The page")
        run.figures = {"runs": len(week.runs), "alarms": sum(row.number for row in week.alarms)}
        run.message = f"{len(week.runs)} runs and {run.figures['alarms']} alarms in {days} days: {page}"
    return Completed(message=run.message, data={"page": str(page)})


def main() -> None:
    """Run the flow from the command line."""
    state = cast(State[Any], report(return_state=True))
    sys.exit(0 if state.is_completed() else 1)


if __name__ == "__main__":
    main()
