"""One process serves: a second is refused, a restart leaves schedules active, and what people have added stays."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.schedules import IntervalSchedule

from flows.server import alone_at_home
from tests.prefect_server import ROOT, PrefectServer
from tests.services import free_port
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.slow

NAME = "check-monitor/alone"
NIGHT, LATER = "0 1 * * *", "0 2 * * *"


def read() -> Any:
    with get_client(sync_client=True) as client:
        return client.read_deployment_by_name(NAME)


def schedules() -> list[tuple[str, bool]]:
    """Return each schedule of the deployment, and whether it is active."""
    each = [(one.schedule, one.active) for one in read().schedules]
    return sorted((getattr(one, "cron", None) or str(one.interval), active) for one, active in each)


@pytest.fixture
def declare(tmp_path: Path) -> Callable[..., Path]:
    """Write a file that declares one deployment with these schedules."""

    def write(*crons: str) -> Path:
        entry = {
            "name": "alone",
            "entrypoint": str(ROOT / "flows/check_monitor.py:check_monitor"),
            "schedules": [{"cron": cron, "timezone": "Etc/UTC"} for cron in crons],
        }
        retrain = {"name": "drift", "entrypoint": str(ROOT / "flows/retrain_on_drift.py:retrain_on_drift")}
        file = tmp_path / "prefect.yaml"
        file.write_text(yaml.safe_dump({"deployments": [entry, retrain]}))
        return file

    return write


@contextmanager
def serving(prefect: PrefectServer, file: Path, log: Path) -> Iterator[Any]:
    """Serve while the block runs, from the time on when work is asked for."""
    asked = read().last_polled if log.exists() else None
    with log.open("wb") as out, prefect.process("-m", "flows.serve", "--file", file, log=out) as running:

        def serves() -> bool:
            assert running.poll() is None, log.read_text()
            return b"being served" in log.read_bytes() and read().last_polled not in (None, asked)

        wait_for(serves, "a process that serves")
        yield running


def test_a_second_process_is_refused_and_a_restart_changes_neither_schedules_nor_what_a_person_has_paused(
    prefect: PrefectServer, declare: Callable[..., Path], tmp_path: Path
) -> None:
    log = tmp_path / "serve.log"
    file = declare(NIGHT, LATER)
    with serving(prefect, file, log):
        assert schedules() == [(NIGHT, True), (LATER, True)]
        with get_client(sync_client=True) as client:
            often, seldom = (IntervalSchedule(interval=timedelta(minutes=n)) for n in (10, 50))
            added: Any = [(often, True), (seldom, False)]
            client.create_deployment_schedules(read().id, added)
        with prefect.process("-m", "flows.serve", "--file", file) as second:
            said = second.communicate(timeout=PATIENCE_S)[0].decode()
        assert second.returncode == 1
        assert said.splitlines()[-1].startswith("Error: ")  # it names the first that it finds, of the file's two
        assert "served by another process already" in said
        assert "Traceback" not in said
        assert not read().paused
    assert read().paused  # nobody serves
    kept = [(NIGHT, True), ("0:10:00", True), ("0:50:00", False)]
    with serving(prefect, declare(NIGHT), log) as running:
        assert not read().paused
        assert schedules() == kept
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    assert not read().paused
    with serving(prefect, file, log):
        assert not read().paused
        assert schedules() == kept
        prefect.pause(str(read().id))  # by hand, while it is served
    assert read().paused
    with serving(prefect, file, log):
        assert read().paused
        assert f"deployment {NAME}: stays paused" in log.read_text()
        with get_client(sync_client=True) as client:
            client.resume_deployment(read().id)
    assert read().paused  # it rests
    with serving(prefect, file, log):
        assert not read().paused  # and goes on


def test_two_that_would_start_a_server_at_once_are_told_apart(
    prefect: PrefectServer, declare: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("PREFECT_HOME", str(home))
    own = {"PREFECT_HOME": str(home), "PREFECT_API_URL": ""}
    words = ("-m", "flows.serve", "--file", declare(NIGHT), "--port", str(free_port()))
    with alone_at_home(), prefect.process(*words, environment=own) as second:
        said = second.communicate(timeout=PATIENCE_S)[0].decode()
    assert second.returncode == 1
    assert said.startswith("Error: another process serves deployments already")
    assert [path.name for path in home.iterdir()] == ["ecg-anomaly-serve.lock"]
