"""The ``score`` flow: fetch records, score them, publish what came out.

::

    python -m flows.score mitdb/208 mitdb/119 --out results

It needs no server of the user's: without ``PREFECT_API_URL`` Prefect starts one for the run.

One task a record, however long: a record's state is carried from its first sample to its last, so pieces of it could
only be scored one after the other, and 24 hours of two leads take less than a minute. Pieces would bring nothing but
the cost of their tasks. A run that was killed is repeated from the records that are not finished.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, cast

from prefect import State, flow, get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.states import Completed, Failed
from pydantic import Field
from upath import UPath

from flows.arguments import check_arguments
from flows.artifacts import Progress, key, picture, show_table
from flows.events import sending
from flows.ledger import Run, noted_run
from flows.pages import link_to
from flows.retrying import PATIENTLY
from flows.runners import reason_of_failure, runner_for
from flows.zones import warnings_of_this_run
from pipeline.announcing import EventSender, events_of
from pipeline.clock import now_us
from pipeline.compiling import compile_all, is_compiled
from pipeline.errors import PipelineError
from pipeline.learning.promotion import model_in_use
from pipeline.report import load_report, report_path, score_svg, write_report
from pipeline.scoring import Job, model_at, plan, run_job
from pipeline.settings import Settings
from pipeline.sources import is_here
from pipeline.storage import (
    Place,
    alarms_and_drifts,
    collect,
    note_failure,
    note_run,
    package_versions,
    place,
)

__all__ = ["score", "score_one"]

PICTURES = 6  # records whose scores are drawn in the artifact; the report has all
COLUMNS = ("record", "minutes", "beats", "scored", "anomalies", "sensitivity", "precision", "alarms", "drifts")


@task(name="score-record", task_run_name="score {job.name}", persist_result=False, **PATIENTLY)
def score_one(job: Job, turn: AbstractContextManager[Any] | None = None) -> Any:
    """Bring a record to this machine, if it is not here, and score it into the output folder, when it is its turn.

    The results carry a key of the record's, the model's and the settings' checksums: results that are there under the
    same key are kept, and the task says ``Cached``. Returns the entry in the summary, with ``is_new``.
    """
    log = get_run_logger()
    told: set[str] = set()

    def follow(stage: str, _share: float) -> None:
        if stage not in told:  # a first run brings gigabytes here: its log says what it is at
            told.add(stage)
            log.info("%s: %s", job.record, stage)

    with turn or nullcontext():
        scored = run_job(job, progress=follow, clock=time.perf_counter)
    row = {**scored.summary.model_dump(mode="json"), "is_new": scored.is_new}
    if scored.is_new:
        log.info("%s: %d beats, %d anomalies", job.record, scored.summary.beats, scored.summary.anomalies)
        return row
    return Completed(name="Cached", message="scored before, nothing has changed", data=row)


@flow(
    name="score",
    flow_run_name="score into {out}",
    description="Fetch records, score every heartbeat, write beats, alarms and a report.",
    validate_parameters=True,
    persist_result=False,
)
def score(
    records: list[str],
    out: str = "out",
    data_dir: Path | None = None,
    leads: list[str] | None = None,
    model: Path | None = None,
    alpha: Annotated[float, Field(gt=0, lt=0.5)] | None = None,
    force: bool = False,
    report: bool = True,
    workers: Annotated[int, Field(ge=1, le=64)] = 2,
    dask: str | None = None,
) -> Any:
    """Score records, one task each.

    Parameters
    ----------
    records : list of str
        Names, globs or whole databases, such as ``mitdb/208`` or ``mitdb``.
    out : str
        The output folder, or the URL of a place in an object store, such as ``s3://bucket/results``.
    data_dir : Path, optional
        A folder of WFDB records to read in place of PhysioNet.
    leads : list of str, optional
        Leads to score in order of preference: the first two that a record has.
    model : Path, optional
        Model file; the one published last by default, and the one that ships where none was.
    alpha : float, optional
        Declared false-alarm rate per normal beat.
    force : bool
        Score again what is scored already.
    report : bool
        Write ``report.html``: half a megabyte a record, so not for thousands.
    workers : int
        Records under way at once, in threads.
    dask : str, optional
        Address of a Dask scheduler whose workers score instead; they see the same folders.

    Returns
    -------
    dict
        ``records``, the entries of the summary, and ``failed``, one line per record that could not be scored. The run
        is completed if any record was scored, its message naming those that failed; it is failed if none was.
    """
    settings = Settings()
    if alpha is not None:
        threshold = settings.threshold.model_validate({**settings.threshold.model_dump(), "alpha": alpha})
        settings = settings.model_copy(update={"threshold": threshold})
    for about, what in warnings_of_this_run().items():
        get_run_logger().warning("%s: %s", about, what)
    model = model or model_in_use(settings)
    loaded = model_at(model, settings.device)  # a damaged model is one line, not one a record
    checksum = loaded.checksum
    if not is_compiled(loaded.kind):
        get_run_logger().info("first run of this version: compiling machine code takes a minute or so, once")
        compile_all(loaded.kind)
    facts = {"model": checksum, **settings.model_dump(mode="json", include={"threshold", "alarms"})}
    planned = plan(records, out, settings, data_dir=data_dir, leads=leads, model=model, force=force, report=report)
    jobs, not_found = planned.jobs, planned.not_found
    command = f"flow score {' '.join(records)}"
    note_run(out, command=command, settings=facts, versions=package_versions(), not_found=not_found)
    for line in not_found.values():
        get_run_logger().error("%s", line)
    here = sum(is_here(job.name, settings) for job in jobs) if data_dir is None else len(jobs)
    get_run_logger().info("%d records to score into %s; %d are here, the others are fetched", len(jobs), out, here)
    with noted_run("score", settings, model=checksum, facts=facts) as run, sending() as sender:
        rows, failed = _score(jobs, run, sender, workers, dask)
        failed = {**failed, **not_found}
        collect(out)
        _publish(rows, failed, place(out), write_report(out) if report else None)
        run.figures = {
            **{name: sum(row[name] for row in rows) for name in ("beats", "anomalies", "alarms", "drifts")},
            "records": len(rows),
            "new": sum(row["is_new"] for row in rows),
            "failed": len(failed),
        }
        run.message = f"{len(rows)} of {len(rows) + len(failed)} records scored into {out}"
        run.message += f"; failed: {', '.join(failed)}" if failed else ""
        run.failed = not rows
    if run.failed:
        return Failed(message=f"none of {len(failed)} records could be scored: {', '.join(failed)}")
    return Completed(message=run.message, data={"records": rows, "failed": failed})


def _score(
    jobs: Sequence[Job], run: Run, sender: EventSender | None, workers: int, dask: str | None
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Run the tasks; return the entries of the summary, and the records that failed with the reason."""
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    out = place(jobs[0].out)
    origin = str(out if isinstance(out, UPath) else out.resolve())
    bar = Progress(key("score", out.name, "progress"), "Records scored")
    # A task more than is scored at once: while records are scored, the server hears of the ones before and after.
    turn = None if dask else threading.BoundedSemaphore(workers)
    with runner_for(workers + 1, dask) as runner:
        futures = [(job, runner.submit(score_one, {"job": job, "turn": turn})) for job in jobs]
        for job, future in futures:
            reason = reason_of_failure(future)
            if not reason:
                row = future.result()
                rows.append(row)
                alarms, drifts = alarms_and_drifts(out, job.record)
                run.database.alarms.replace(origin, job.record, alarms, at_us=now_us(), run=run.id)
                if sender is not None and row["is_new"]:
                    model = row["metadata"].get("model", "")
                    for event in events_of(job.record, drifts, alarms, source="score", model=model):
                        sender.send(event)
            else:
                failed[job.record] = reason
                note_failure(out, job.record, reason)
                get_run_logger().error("%s", reason)
            bar.update((len(rows) + len(failed)) / len(jobs))
    return rows, failed


def _publish(rows: Sequence[dict[str, Any]], failed: dict[str, str], out: Place, page: Place | None) -> None:
    """Put a table, and with a report a page of pictures and a link to it, where Prefect shows them."""
    show_table(key("score", out.name, "records"), rows, failed, COLUMNS, "Records scored, and those that failed")
    if page is None:
        return
    link = None if isinstance(page, UPath) else link_to(page)
    where = f"[{page.name}]({link})" if link else f"`{page}`"
    lines = [f"# {len(rows)} records scored", "", f"Report: {where}. Not a medical device.", ""]
    lines += [f"- **{record}** failed: {error}" for record, error in failed.items()]
    for row in sorted(rows, key=lambda row: -row["anomalies"])[:PICTURES]:
        lines += ["", f"## {row['record']}: {row['beats']} beats, {row['anomalies']} anomalies", ""]
        report = load_report(report_path(out, row["record"]))
        lines.append(picture(score_svg(report), "score against threshold"))
    create_markdown_artifact("\n".join(lines), key=key("score", out.name, "pictures"), description="Scores over time")
    if link is not None:
        create_link_artifact(link, link_text=page.name, key=key("score", out.name, "report"), description="The report")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the flow from the command line; exit code 0 if all records were scored, 1 if any failed, 2 bad argument."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.score",
        description="Score records as a Prefect flow. Not a medical device.",
        epilog="example: python -m flows.score mitdb/208 mitdb/119 --out results",
    )
    parser.add_argument("records", nargs="*", help="names, globs or databases, such as mitdb/208")
    parser.add_argument("--out", default="out", help="folder of the results, or a URL such as s3://bucket/results")
    parser.add_argument("--data-dir", type=Path, help="folder of WFDB records in place of PhysioNet")
    parser.add_argument(
        "--leads",
        type=lambda text: text.split(","),
        help="leads in order of preference, such as MLII,V1: the first two that a record has",
    )
    parser.add_argument("--model", type=Path, help="model file; by default the one published last")
    parser.add_argument("--alpha", type=float, help="declared false-alarm rate per normal beat")
    parser.add_argument("--force", action="store_true", help="score again what is scored already")
    parser.add_argument("--no-report", dest="report", action="store_false", help="write no report.html")
    parser.add_argument("--workers", type=int, default=2, help="records under way at once")
    parser.add_argument("--runner", choices=("threads", "dask"), default="threads", help="where tasks run")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of Dask, such as tcp://127.0.0.1:8786")
    options = vars(parser.parse_args(arguments))
    runner, options["dask"] = options.pop("runner"), options.pop("scheduler")
    if not options["records"] and options["data_dir"] is None:
        parser.error("name a record, such as mitdb/208, or a folder with --data-dir")
    if (runner == "dask") != (options["dask"] is not None):
        parser.error("--runner dask and --scheduler ADDRESS go together")
    check_arguments(parser, score, options)
    try:
        runner_for(options["workers"], options["dask"])
    except PipelineError as error:
        parser.error(str(error))
    # The state, not the result: a failed run is in the log, and a traceback would only say it again.
    state = cast(State[Any], score(**options, return_state=True))
    sys.exit(0 if state.is_completed() and not state.result()["failed"] else 1)


if __name__ == "__main__":
    main()
