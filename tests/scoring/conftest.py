from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.settings import Settings
from pipeline.sources.synthetic import SyntheticRecord, demo_ward, synthesise, write_wfdb

NAMES = ("sinus", "ventricular", "afib")


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings()


@pytest.fixture(scope="session")
def record() -> SyntheticRecord:
    return synthesise(demo_ward(90.0)["synth/artefacts"], name="synth/artefacts", seconds=90.0, seed=3)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three records of a minute each."""
    folder = tmp_path_factory.mktemp("data") / "ward"
    for name in NAMES:
        write_wfdb(synthesise(demo_ward(60.0)[f"synth/{name}"], name=name, seconds=60.0, seed=3), folder)
    return folder
