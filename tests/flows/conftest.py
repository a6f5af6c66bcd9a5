from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import flows  # noqa: F401 - sets Prefect's environment, so it stands before anything of Prefect's is imported


@pytest.fixture(autouse=True)
def state_dir(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own database and models, apart from the user's and from other tests'."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("ECG_STATE_DIR", str(folder))
    monkeypatch.delenv("ECG_DATABASE_URL", raising=False)
    return folder


@pytest.fixture(scope="session", autouse=True)
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    # The harness keeps its database apart, but not the results of tasks: they would go to the user's home.
    storage = tmp_path_factory.mktemp("storage")
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_LOCAL_STORAGE_PATH: storage}),
    ):
        yield
