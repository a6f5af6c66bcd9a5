from __future__ import annotations

import pytest

from pipeline.bench.workload import Workload, write_synthetic
from pipeline.settings import Settings


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    """Two annotated records of three minutes."""
    folder = tmp_path_factory.mktemp("bench") / "records"
    names = write_synthetic(folder, first=2, minutes=3.0, seed=2)
    return Workload(tuple(names), folder, Settings(cache_dir=folder.parent / "cache"), "two records")
