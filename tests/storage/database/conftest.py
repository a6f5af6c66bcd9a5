from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.storage.database import Database
from tests.services import PostgreSQL
from tests.waiting import PATIENCE_S

Together = Callable[[str, Sequence[Sequence[str]]], None]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'ecg.db'}"
    server: PostgreSQL = request.getfixturevalue("postgres")
    return server.url(server.create_database())


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database.open(url) as opened:
        yield opened


@pytest.fixture
def together() -> Iterator[Together]:
    """Run a program in several processes at once, each with arguments of its own; all must end well."""
    running: list[subprocess.Popen[str]] = []

    def run(program: str, arguments: Sequence[Sequence[str]]) -> None:
        for words in arguments:
            command = [sys.executable, "-c", program, *words]
            running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        ends = [(process.communicate(timeout=PATIENCE_S)[1], process.returncode) for process in running]
        assert [code for _, code in ends] == [0] * len(ends), "\n".join(text for text, _ in ends)

    yield run
    for process in running:
        process.kill()
        process.communicate()
