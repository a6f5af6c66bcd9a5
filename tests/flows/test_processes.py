"""Flows in processes of their own: at once, across a restart of the server, on PostgreSQL, on a Dask cluster."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from flows.score import main
from pipeline.scoring import plan, run_jobs
from pipeline.settings import Settings
from pipeline.storage import read_summary
from pipeline.storage.database import Database
from tests.prefect_server import PrefectServer, prefect_server
from tests.services import PostgreSQL, free_port, lacking
from tests.waiting import PATIENCE_S, wait_for

pytestmark = pytest.mark.slow

FLOW = ("-m", "flows.score")
LONG = [f"longdb/p{i}" for i in range(6)]


@pytest.fixture
def place(site: Path, tmp_path: Path) -> dict[str, str]:
    """Where the processes find records and leave their state."""
    return {"ECG_PHYSIONET_URL": str(site), "ECG_STATE_DIR": str(tmp_path / "state")}


def settings(place: dict[str, str]) -> Settings:
    return Settings(state_dir=Path(place["ECG_STATE_DIR"]), physionet_url=place["ECG_PHYSIONET_URL"])


def test_two_flows_at_once_do_not_lock_the_database(
    prefect: PrefectServer, place: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with ExitStack() as stack:
        running = [
            stack.enter_context(prefect.process(*FLOW, *half, "--out", out, environment=place))
            for half in (LONG[:4], LONG[2:])  # two records are in both
        ]
        said = [process.communicate(timeout=PATIENCE_S)[0].decode() for process in running]
        assert [process.returncode for process in running] == [0, 0], "\n".join(said)
    assert not any("locked" in text for text in said)
    assert sorted(read_summary(out).records) == LONG
    with Database.open(settings(place).database) as database:
        assert [run.state for run in database.runs.newest()] == ["completed", "completed"]
        alarms = [len(database.alarms.newest(record=record)) for record in LONG]
    assert min(alarms) == max(alarms) > 0


def test_a_flow_survives_the_restart_of_the_server(
    prefect: PrefectServer, place: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with prefect.process(*FLOW, "longdb", "--out", out, "--workers", "1", environment=place) as running:
        wait_for(lambda: list(out.glob("beats/**/*.parquet")), "the first record")
        prefect.stop()
        assert running.poll() is None
        prefect.start()
        text = running.communicate(timeout=PATIENCE_S)[0].decode()
    assert running.returncode == 0, text
    assert len(read_summary(out).records) == 6
    with Database.open(settings(place).database) as database:
        (run,) = database.runs.newest()
    assert (run.state, run.figures["records"]) == ("completed", 6)
    (seen,) = prefect.ask("/flow_runs/filter", flow_runs={"id": {"any_": [run.id]}})
    assert seen["state_type"] == "COMPLETED"


def test_prefect_runs_on_postgresql(
    postgres: PostgreSQL, place: dict[str, str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Prefect's tables and the project's own lie in one database."""
    if importlib.util.find_spec("asyncpg") is None:
        lacking("asyncpg", "pip install -e '.[dev]'")
    name = postgres.create_database()
    url = postgres.url(name, driver="asyncpg")
    own = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": url, "ECG_DATABASE_URL": postgres.url(name)}
    with prefect_server(tmp_path_factory.mktemp("on-postgres"), **own) as server:
        server.run(*FLOW, "tinydb", "--out", tmp_path / "out", environment=place)
        (run,) = server.flow_runs("score")
    assert run["state_type"] == "COMPLETED"
    assert run["id"] in postgres.run("psql", "--dbname", name, "--command", "SELECT id FROM flow_run")
    with Database.open(postgres.url(name)) as database:
        (noted,) = database.runs.newest()
    assert (noted.id, noted.state, noted.figures["records"]) == (run["id"], "completed", 2)


@pytest.fixture
def scheduler(prefect: PrefectServer, place: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """A Dask scheduler and two workers on loopback."""
    program = Path(sys.executable).with_name("dask")
    if not program.is_file() or importlib.util.find_spec("prefect_dask") is None:
        lacking("Dask", "pip install -e '.[dev]'")
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    environment = {**prefect.environment, **place}
    shared = ["--no-dashboard", "--host", "127.0.0.1"]
    work = ["--nworkers", "1", "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path / "dask")]
    commands = [["scheduler", "--port", str(port), *shared], *[["worker", address, *work, *shared]] * 2]
    running: list[subprocess.Popen[bytes]] = []
    with (tmp_path / "dask.log").open("wb") as log:
        try:
            for words in commands:
                command = [str(program), *words]
                running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path))
            yield address
        finally:
            for process in reversed(running):
                process.terminate()
            for process in running:
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def test_a_dask_cluster_gives_the_same_bytes(
    scheduler: str, place: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    records = [*LONG[:2], "tinydb"]
    here, there = tmp_path / "here", tmp_path / "there"
    assert not [done.error for done in run_jobs(plan(records, here, Settings()).jobs) if done.error]
    words = [*records, "--out", str(there), "--runner", "dask", "--scheduler", scheduler]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    assert contents(there) == contents(here)


def contents(folder: Path) -> dict[str, Any]:
    """Return the bytes of all results; the summary has the speed in it, and is no result."""
    files = [path for path in folder.rglob("*") if path.suffix in (".parquet", ".ano", ".gz")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
