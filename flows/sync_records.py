"""The ``sync_records`` flow: a database on this machine as its publisher has it.

::

    python -m flows.sync_records mitdb
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, cast

from prefect import State, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.concurrency.sync import rate_limit
from prefect.states import Completed, Failed
from pydantic import Field

from flows.arguments import check_arguments
from flows.artifacts import key, show_table
from flows.ledger import noted_run
from flows.limits import PHYSIONET, ensure_limits
from flows.retrying import PATIENTLY
from flows.runners import reason_of_failure, runner_for
from pipeline.settings import Settings
from pipeline.sources import needs_fetching, refresh, sync_record
from pipeline.sources.download import without_password
from pipeline.sources.sync import REQUESTS_A_RECORD

__all__ = ["list_database", "sync_one", "sync_records"]

COLUMNS = ("record", "version", "state", "fetched_bytes", "checksum")


@task(name="list-database", task_run_name="list {database}", persist_result=False, **PATIENTLY)
def list_database(database: str) -> list[str]:
    """Ask the publisher which records there are, and which checksums their files have."""
    rate_limit(PHYSIONET, occupy=REQUESTS_A_RECORD, strict=True)
    return refresh(database, Settings())


@task(name="sync-record", task_run_name="sync {name}", persist_result=False, **PATIENTLY)
def sync_one(name: str) -> dict[str, Any]:
    """Fetch a record if it is missing or has changed; one that is here as it is listed costs no request."""
    settings = Settings()
    if needs_fetching(name, settings):
        rate_limit(PHYSIONET, occupy=REQUESTS_A_RECORD, strict=True)
    synced = sync_record(name, settings)
    get_run_logger().info("%s: %s, %d bytes", synced.record, synced.state, synced.fetched_bytes)
    return asdict(synced)


@flow(
    name="sync-records",
    flow_run_name="sync {databases}",
    description="Fetch what is missing or has changed of whole databases, politely, and check every file.",
    validate_parameters=True,
    persist_result=False,
)
def sync_records(databases: list[str], workers: Annotated[int, Field(ge=1, le=16)] = 2) -> Any:
    """Keep databases on this machine as their publisher has them.

    Parameters
    ----------
    databases : list of str
        Such as ``mitdb``, ``mitdb/1.0.0`` or ``mitdb/1*``.
    workers : int
        Records under way at once; a limit on the server paces the requests of all.

    Returns
    -------
    dict
        ``records``, a row each, and ``failed``, one line per record that could not be fetched. The run is failed if
        none could be.
    """
    settings = Settings()
    ensure_limits()
    with noted_run(
        "sync", settings, facts={"databases": list(databases), "from": without_password(settings.physionet_url)}
    ) as run:
        rows: list[dict[str, Any]] = []
        failed: dict[str, str] = {}
        with runner_for(workers, None) as runner:
            lists = [(database, runner.submit(list_database, {"database": database})) for database in databases]
            names: list[str] = []
            for database, future in lists:
                names += _outcome(database, future, failed) or []
            for name, future in [(name, runner.submit(sync_one, {"name": name})) for name in names]:
                row = _outcome(name, future, failed)
                if row is not None:
                    rows.append(row)
        states = {state: sum(row["state"] == state for row in rows) for state in ("new", "changed", "unchanged")}
        fetched = sum(row["fetched_bytes"] for row in rows)
        show_table(key("sync", *databases), rows, failed, COLUMNS, "Records, what was found, and their checksums")
        run.figures = {**states, "failed": len(failed), "fetched_bytes": fetched}
        run.message = ", ".join(f"{n} {state}" for state, n in states.items()) + f"; {fetched / 1e6:.1f} MB fetched"
        run.message += f"; failed: {', '.join(failed)}" if failed else ""
        run.failed = bool(failed) and not rows
        if failed:
            lines = [f"- **{name}**: {line}" for name, line in failed.items()]
            create_markdown_artifact("\n".join(lines), key=key("sync", *databases, "failed"), description="Failures")
    if run.failed:
        return Failed(message=run.message)
    return Completed(message=run.message, data={"records": rows, "failed": failed})


def _outcome(name: str, future: Any, failed: dict[str, str]) -> Any:
    reason = reason_of_failure(future)
    if not reason:
        return future.result()
    failed[name] = reason
    get_run_logger().error("%s", reason)
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the flow from the command line; exit code 0 if all records are here, 1 if some or all failed."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.sync_records",
        description="Keep databases on this machine as their publisher has them.",
        epilog="example: python -m flows.sync_records mitdb",
    )
    parser.add_argument("databases", nargs="+", help="such as mitdb, mitdb/1.0.0 or 'mitdb/1*'")
    parser.add_argument("--workers", type=int, default=2, help="records under way at once")
    options = vars(parser.parse_args(arguments))
    check_arguments(parser, sync_records, options)
    state = cast(State[Any], sync_records(**options, return_state=True))
    sys.exit(0 if state.is_completed() and not state.result()["failed"] else 1)


if __name__ == "__main__":
    main()
