from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from pipeline.detection.model import BeatModel
from pipeline.settings import Settings

pytest_plugins = ["tests.services", "tests.side_by_side"]

# The first example of a test may compile machine code, and machines are shared: no deadline. The same examples in every
# run, so that a red test is red for whoever looks.
hypothesis_settings.register_profile("project", deadline=None, derandomize=True)
hypothesis_settings.load_profile("project")


# What starts a browser, a server or a process, or trains: `make test-fast` leaves out who asks for one of these.
SLOW = {
    "browser", "command", "long_ward", "nats", "nats_cluster", "postgres", "postgresql", "prefect", "process", "s3",
    "stream", "together",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what needs something slow, also where it is one of a test's parameters that does."""
    for item in items:
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        named = {*getattr(item, "fixturenames", ()), *(one for one in parameters if isinstance(one, str))}
        if SLOW & named:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for what outlives a run, in place of the user's own."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ECG_STATE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def model() -> BeatModel:
    return BeatModel.pretrained()


@pytest.fixture(scope="session")
def mirror() -> Settings:
    """Settings that read a local PhysioNet mirror."""
    url = os.environ.get("ECG_PHYSIONET_URL", "")
    folder = Path(url.removeprefix("file://"))
    if not url or not folder.is_dir():
        pytest.skip("no PhysioNet mirror: set ECG_PHYSIONET_URL to a folder with PhysioNet's files/ layout")
    return Settings(physionet_url=url)
