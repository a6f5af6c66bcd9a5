from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import flows  # noqa: F401 - sets Prefect's environment, so it stands before anything of Prefect's is imported
from tests.databases import copies, write_database
from tests.prefect_server import PrefectServer, prefect_server


@pytest.fixture(autouse=True)
def state_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own database and models, apart from the user's and from other tests'."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("ECG_STATE_DIR", str(folder))
    monkeypatch.delenv("ECG_DATABASE_URL", raising=False)
    return folder


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """The one server of this run of the tests."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def reporting(prefect: PrefectServer) -> Iterator[None]:
    """Flows of this process report to the server, and keep results in its home."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    changed = {
        PREFECT_API_URL: prefect.url,
        PREFECT_HOME: prefect.home,
        PREFECT_LOCAL_STORAGE_PATH: prefect.home / "storage",
    }
    with pytest.MonkeyPatch.context() as environment, temporary_settings(changed):
        environment.setenv("NO_PROXY", "127.0.0.1")
        yield
        # What waits to be sent is sent while the server is still there; later it would be tried for minutes.
        APILogWorker.drain_all()
        EventsWorker.drain_all()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree as PhysioNet's: ``traindb`` (``hard`` tells models apart), ``tinydb``, and ``longdb``."""
    root = tmp_path_factory.mktemp("site")
    kinds = ("sinus", "ventricular", "bigeminy", "atrial", "afib")
    training = {f"t{i}": kind for i, kind in enumerate(kinds)}
    write_database(root / "traindb" / "1.0.0", 480.0, {**training, "hard": "atrial"})
    write_database(root / "tinydb" / "1.0.0", 90.0, {"a": "bigeminy", "b": "drift"})
    long = root / "longdb" / "1.0.0"
    write_database(long, 480.0, {"p0": "ventricular"})
    copies(long, "p0", [f"p{i}" for i in range(1, 6)])
    return root
