"""The ``score`` flow: fetch records, score them, publish what came out.

::

    python -m flows.score mitdb/208 mitdb/119 --out results

It needs no server of the user's: without ``PREFECT_API_URL`` Prefect starts one for the run.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, cast

from prefect import State, flow, get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from pipeline.errors import PipelineError, SourceUnavailable
from pipeline.report import load_report, report_path, score_svg, write_report
from pipeline.scoring import Job, is_scored, model_at, plan, result_key, run_job
from pipeline.settings import Settings
from pipeline.sources import open_record, record_checksum
from pipeline.storage import note_failure, note_run, package_versions

__all__ = ["fetch_record", "score", "score_one"]

PICTURES = 6  # records whose scores are drawn in the artifact; the report has all
WORKERS = 2  # records under way at once; scoring holds one core each


def _may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Try again what may pass: a server that does not answer. A record that is not there will not come."""
    return isinstance(state.result(raise_on_failure=False), SourceUnavailable)


def _key(_context: Any, parameters: dict[str, Any]) -> str | None:
    """Name the results by all that they depend on; None, so no caching, where the output folder lacks them."""
    job: Job = parameters["job"]
    record, key = job.record, parameters["key"]
    if job.force or not is_scored(job.out, record, key, report=job.report):
        return None
    return sha256(f"{key}\0{job.out.resolve()}\0{record}".encode()).hexdigest()  # Prefect makes a file name of it


@task(
    name="fetch-record",
    task_run_name="fetch {job.name}",
    retries=3,
    retry_delay_seconds=[2, 10, 60],
    retry_jitter_factor=0.5,
    retry_condition_fn=_may_pass,
    persist_result=False,
)
def fetch_record(job: Job) -> str:
    """Bring a record to this machine, if it is not here, and return the key of its results."""
    record = open_record(job.name, data_dir=job.data_dir, leads=job.leads, settings=job.settings)
    return result_key(record_checksum(record), model_at(job.model).checksum, record.leads, job.settings)


@task(
    name="score-record",
    task_run_name="score {job.name}",
    cache_key_fn=_key,
    persist_result=True,
    result_serializer="json",
)
def score_one(job: Job, key: str) -> dict[str, Any]:
    """Score a record into the output folder; return its entry in the summary, with ``is_new``."""
    scored = run_job(job, clock=time.perf_counter)
    get_run_logger().info("%s: %d beats, key %s", job.record, scored.summary.beats, key[:12])
    return {**scored.summary.model_dump(mode="json"), "is_new": scored.is_new}


@flow(
    name="score",
    flow_run_name="score into {out}",
    description="Fetch records, score every heartbeat, write beats, alarms and a report.",
    task_runner=ThreadPoolTaskRunner(max_workers=WORKERS),  # type: ignore[arg-type]  # Prefect types it too narrowly
    validate_parameters=True,
    persist_result=False,
)
def score(
    records: list[str],
    out: Path = Path("out"),
    data_dir: Path | None = None,
    leads: list[str] | None = None,
    model: Path | None = None,
    alpha: Annotated[float, Field(gt=0, lt=0.5)] | None = None,
    force: bool = False,
) -> Any:
    """Score records: one task to fetch each, one to score it.

    Parameters
    ----------
    records : list of str
        Names, globs or whole databases, such as ``mitdb/208`` or ``mitdb``.
    out : Path
        The output folder.
    data_dir : Path, optional
        A folder of WFDB records to read in place of PhysioNet.
    leads : list of str, optional
        Leads to score, in order of preference.
    model : Path, optional
        Model file; the one that ships by default.
    alpha : float, optional
        Declared false-alarm rate per normal beat.
    force : bool
        Score again what is scored already.

    Returns
    -------
    dict
        ``records``, the entries of the summary, and ``failed``, one line per record that could not be scored. The run
        is completed if any record was scored, its message naming those that failed; it is failed if none was.
    """
    logger = get_run_logger()
    settings = Settings()
    if alpha is not None:
        threshold = settings.threshold.model_validate({**settings.threshold.model_dump(), "alpha": alpha})
        settings = settings.model_copy(update={"threshold": threshold})
    jobs = plan(records, out, settings, data_dir=data_dir, leads=leads, model=model, force=force)
    facts = {"model": model_at(model).checksum, **settings.model_dump(mode="json", include={"threshold", "alarms"})}
    note_run(out, command=f"flow score {' '.join(records)}", settings=facts, versions=package_versions())
    fetched = [(job, fetch_record.submit(job)) for job in jobs]
    scored = [(job, score_one.submit(job, key)) for job, key in fetched]  # type: ignore[call-overload]  # a future of it
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for (job, fetching), (_, future) in zip(fetched, scored, strict=True):
        future.wait()
        error = next((e for e in (_error(fetching), _error(future)) if e is not None), None)
        if error is None:
            rows.append(future.result())
        else:
            failed[job.record] = " ".join(str(error).split())
            note_failure(out, job.record, failed[job.record])
            logger.error("%s", failed[job.record])
    page = write_report(out)
    _publish(rows, failed, out, page)
    if jobs and not rows:
        return Failed(message=f"none of {len(jobs)} records could be scored: {', '.join(failed)}")
    message = f"{len(rows)} of {len(jobs)} records scored into {out}"
    message += f"; failed: {', '.join(failed)}" if failed else ""
    return Completed(message=message, data={"records": rows, "failed": failed})


def _error(future: Any) -> BaseException | None:
    future.wait()
    if future.state.is_completed():
        return None
    # A task whose record could not be fetched never ran: it has no result, and the fetching task has the reason.
    result = future.state.result(raise_on_failure=False) if future.state.is_final() else None
    return result if isinstance(result, PipelineError) else RuntimeError(future.state.message or "no result")


def _publish(rows: Sequence[dict[str, Any]], failed: dict[str, str], out: Path, page: Path) -> None:
    """Put a table, a page with pictures and a link to the report where Prefect shows them."""
    key = "score-" + (re.sub(r"[^a-z0-9]+", "-", out.name.lower()).strip("-") or "out")
    columns = ("record", "minutes", "beats", "anomalies", "sensitivity", "precision", "alarms", "drifts")
    table = [{name: _plain(row[name]) for name in columns} for row in rows]
    if failed:  # Prefect shows the columns that the first row has
        table = [{**row, "error": None} for row in table]
        table += [{**dict.fromkeys(columns), "record": record, "error": error} for record, error in failed.items()]
    create_table_artifact(table=table, key=f"{key}-records", description="Records scored, and those that failed")
    lines = [f"# {len(rows)} records scored", "", f"Report: `{page.resolve()}`. Not a medical device.", ""]
    lines += [f"- **{record}** failed: {error}" for record, error in failed.items()]
    for row in sorted(rows, key=lambda row: -row["anomalies"])[:PICTURES]:
        lines += ["", f"## {row['record']}: {row['beats']} beats, {row['anomalies']} anomalies", ""]
        picture = base64.b64encode(score_svg(load_report(report_path(out, row["record"]))).encode()).decode()
        lines.append(f"![score against threshold](data:image/svg+xml;base64,{picture})")
    create_markdown_artifact(markdown="\n".join(lines), key=f"{key}-pictures", description="Scores over time")
    link = page.resolve().as_uri()
    create_link_artifact(link, link_text=page.name, key=f"{key}-report", description="The report, on the disk it is on")


def _plain(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the flow from the command line; exit code 0 if all records were scored, 1 if some or all failed."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.score",
        description="Score records as a Prefect flow. Not a medical device.",
        epilog="example: python -m flows.score mitdb/208 mitdb/119 --out results",
    )
    parser.add_argument("records", nargs="*", help="names, globs or databases, such as mitdb/208")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the results")
    parser.add_argument("--data-dir", type=Path, help="folder of WFDB records in place of PhysioNet")
    parser.add_argument("--alpha", type=float, help="declared false-alarm rate per normal beat")
    parser.add_argument("--force", action="store_true", help="score again what is scored already")
    options = vars(parser.parse_args(arguments))
    if not options["records"] and options["data_dir"] is None:
        parser.error("name a record, such as mitdb/208, or a folder with --data-dir")
    # The state, not the result: a failed run is in the log, and a traceback would only say it again.
    state = cast(State[Any], score(**options, return_state=True))
    sys.exit(0 if state.is_completed() and not state.result()["failed"] else 1)


if __name__ == "__main__":
    main()
