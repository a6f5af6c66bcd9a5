from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.detection.model import BeatModel
from pipeline.settings import Settings


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
