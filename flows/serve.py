"""All deployments served from one process, with a server of its own where none is named.

::

    python -m flows.serve
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from flows.server import alone_at_home, server
from pipeline.errors import PipelineError

HEARTBEAT_S = 30
RUNS = 4  # at once: a training must not hold up the check of the monitor


def serve_all(file: Path | None, runs: int) -> None:
    """Set the server up, register the deployments and run what is due, until the process is stopped.

    Schedules rest from then on, until the deployments are served again; those that somebody has added are kept, and
    what somebody has paused stays paused. Reports are served on loopback as long, unless ``ECG_REPORTS_URL`` says
    where they are.

    Raises
    ------
    PipelineError
        If the server does not answer, the file declares no deployments, or another process serves them.
    """
    from prefect import serve

    from flows.alone import refuse_if_served
    from flows.deployments import FILE, keep_added_schedules, keep_paused, load_deployments, rest
    from flows.pages import URL, pages
    from flows.setup import check_server, set_up
    from flows.zones import warnings_of

    chosen = file or FILE
    check_server()
    deployments = load_deployments(chosen)
    refuse_if_served(deployments)
    done = set_up(chosen) | keep_added_schedules(deployments) | keep_paused(deployments)
    for deployment in deployments:
        done |= warnings_of(deployment.full_name, deployment.schedules or [])
    for name, what in done.items():
        sys.stdout.write(f"{name}: {what}\n")
    with ExitStack() as stack:
        if not os.environ.get(URL):
            os.environ[URL] = stack.enter_context(pages())  # the processes of the runs inherit it
            sys.stdout.write(f"reports: {os.environ[URL]}\n")
        stack.callback(rest, deployments)
        serve(*deployments, limit=runs, heartbeat_seconds=HEARTBEAT_S, pause_on_shutdown=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve all deployments; without ``PREFECT_API_URL`` a server is started as well, and stopped at the end."""
    parser = argparse.ArgumentParser(prog="python -m flows.serve", description="Serve all deployments of prefect.yaml.")
    parser.add_argument("--file", type=Path, help="deployments; by default prefect.yaml of the checkout")
    parser.add_argument("--port", type=int, default=4200, help="of the server that is started where none is named")
    parser.add_argument("--runs", type=int, default=RUNS, help="flow runs at once")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)  # until the runner has its own: a server that was started is stopped as well
    try:
        if os.environ.get("PREFECT_API_URL"):
            serve_all(options.file, options.runs)
            return
        with alone_at_home(), server(options.port) as url:
            os.environ["PREFECT_API_URL"] = url
            sys.stdout.write(f"Prefect's page: {url.removesuffix('/api')}\n")
            serve_all(options.file, options.runs)
    except PipelineError as error:
        raise SystemExit(f"Error: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
