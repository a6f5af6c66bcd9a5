"""A real Prefect server on loopback, with a home of its own, that tests may stop and start again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.services import free_port
from tests.waiting import PATIENCE_S, wait_for

ROOT = Path(__file__).parent.parent


class PrefectServer:
    """A server and the environment of the processes that report to it.

    Parameters
    ----------
    home : Path
        Its folder.
    **environment : str
        More of its environment, such as another database.
    """

    def __init__(self, home: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.home = home
        self.environment = {
            **os.environ,
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": self.url,
            "NO_PROXY": "127.0.0.1",
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(self.port),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # The loops that make and notice runs go round faster than in a house where nobody waits for them.
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.home / "server.log").open("ab") as log:
            command = [sys.executable, "-m", "prefect", "server", "start"]
            self._process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        process = self._process

        def answers() -> bool:
            assert process.poll() is None, (self.home / "server.log").read_text()[-3000:]
            try:
                return requests.get(f"{self.url}/health", timeout=PATIENCE_S, proxies={"http": ""}).ok
            except requests.RequestException:
                return False

        wait_for(answers, "Prefect's server", pause_s=0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def ask(self, path: str, **body: Any) -> Any:
        """Return what the server answers to a POST."""
        return self.post(path, body).json()

    def post(self, path: str, body: Any) -> requests.Response:
        # The server answers 503 while its SQLite is busy; like Prefect's own clients, ask again then.
        patience = Retry(total=6, backoff_factor=0.3, status_forcelist=[503], allowed_methods=None)
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", HTTPAdapter(max_retries=patience))
            answer = session.post(f"{self.url}{path}", json=body, timeout=PATIENCE_S)
        answer.raise_for_status()
        return answer

    def pause(self, deployment: str) -> None:
        """Let a deployment's schedules rest."""
        self.post(f"/deployments/{deployment}/pause_deployment", {})

    def flow_runs(self, flow: str, *, deployed: bool | None = None) -> list[dict[str, Any]]:
        """Return the runs of a flow, the last one first."""
        runs: list[dict[str, Any]] = self.ask(
            "/flow_runs/filter", flows={"name": {"any_": [flow]}}, sort="START_TIME_DESC"
        )
        return runs if deployed is None else [run for run in runs if bool(run["deployment_id"]) == deployed]

    @contextmanager
    def process(
        self, *words: str | Path, environment: Mapping[str, str] | None = None, log: IO[bytes] | None = None
    ) -> Iterator[Any]:
        """Run Python with these arguments, reporting to the server, for as long as the block runs."""
        command = [sys.executable, *map(str, words)]
        out = log or subprocess.PIPE
        running = subprocess.Popen(
            command, env={**self.environment, **(environment or {})}, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            yield running
        finally:
            if running.poll() is None:
                running.terminate()
            try:
                running.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                running.kill()
                running.communicate()

    def run(self, *words: str | Path, environment: Mapping[str, str] | None = None) -> str:
        """Run Python to its end, which must be a good one; return what it says."""
        with self.process(*words, environment=environment) as running:
            text: bytes = running.communicate(timeout=PATIENCE_S)[0]
            assert running.returncode == 0, text.decode()[-4000:]
        return text.decode()


@contextmanager
def prefect_server(home: Path, **environment: str) -> Iterator[PrefectServer]:
    """Run a server while the block runs."""
    server = PrefectServer(home, **environment)
    try:
        server.start()
        yield server
    finally:
        server.stop()
