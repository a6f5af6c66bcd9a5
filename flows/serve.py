"""All deployments served from one process, with a server of its own where none is named.

::

    python -m flows.serve
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import flows  # noqa: F401 - sets Prefect's environment, which the server inherits

START_S = 180.0
HEARTBEAT_S = 30
RUNS = 4  # at once: a training must not hold up the check of the monitor


@contextmanager
def server(port: int) -> Iterator[str]:
    """Run Prefect's server on loopback while the block runs; one that answers there already is used and left alone."""
    url = f"http://127.0.0.1:{port}/api"
    if _answers(url):
        yield url
        return
    environment = {**os.environ, "PREFECT_SERVER_API_HOST": "127.0.0.1", "PREFECT_SERVER_API_PORT": str(port)}
    running = subprocess.Popen([sys.executable, "-m", "prefect", "server", "start"], env=environment)
    try:
        deadline = time.monotonic() + START_S
        while not _answers(url):
            if running.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"Prefect's server did not start at {url}; see what it says above")
            time.sleep(0.2)
        yield url
    finally:
        running.terminate()
        running.wait(30)


def _answers(url: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def serve_all(file: Path | None, runs: int) -> None:
    """Set the server up, register the deployments and run what is due, until the process is stopped."""
    from prefect import serve

    from flows.deployments import FILE, load_deployments
    from flows.setup import set_up

    chosen = file or FILE
    for name, what in set_up(chosen).items():
        sys.stdout.write(f"{name}: {what}\n")
    serve(*load_deployments(chosen), limit=runs, heartbeat_seconds=HEARTBEAT_S)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve all deployments; without ``PREFECT_API_URL`` a server is started as well, and stopped at the end."""
    parser = argparse.ArgumentParser(prog="python -m flows.serve", description="Serve all deployments of prefect.yaml.")
    parser.add_argument("--file", type=Path, help="deployments; by default prefect.yaml of the checkout")
    parser.add_argument("--port", type=int, default=4200, help="of the server that is started where none is named")
    parser.add_argument("--runs", type=int, default=RUNS, help="flow runs at once")
    options = parser.parse_args(arguments)
    if os.environ.get("PREFECT_API_URL"):
        serve_all(options.file, options.runs)
        return
    with server(options.port) as url:
        os.environ["PREFECT_API_URL"] = url
        sys.stdout.write(f"Prefect's page: {url.removesuffix('/api')}\n")
        serve_all(options.file, options.runs)


if __name__ == "__main__":
    main()
