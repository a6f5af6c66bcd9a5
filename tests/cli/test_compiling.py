"""A first run says that it compiles, and no record is charged with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.compiling import compile_all, is_compiled
from pipeline.jit import cache_folder

pytestmark = pytest.mark.slow

MAIN = "from pipeline.cli import main; main()"


@pytest.fixture
def unmarked(tmp_path: Path) -> Path:
    """A cache with this version's machine code that does not say so, as if compiling had been cut off at the end."""
    compile_all()
    folder = cache_folder()
    if folder is None:
        pytest.skip("nothing can be kept on this machine")
    copy = tmp_path / "cache" / folder.parent.name / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("compiled-*"))
    return tmp_path / "cache"


def test_it_is_said_once_and_not_charged_to_the_record(unmarked: Path, ward: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "ECG_CACHE_DIR": str(unmarked)}
    environment.pop("NUMBA_CACHE_DIR", None)
    said = []
    for out in ("one", "two"):
        words = ("score", "--data-dir", ward, "sinus", "--out", tmp_path / out, "--progress", "--json", "--no-report")
        ran = subprocess.run(
            [sys.executable, "-c", MAIN, *map(str, words)], env=environment, capture_output=True, text=True, check=True
        )
        said.append("compiling machine code" in ran.stderr)
        assert len(json.loads(ran.stdout)["records"]) == 1
    assert said == [True, False]
    assert list(unmarked.glob("machine-code/*/compiled-autoencoder-*"))


def test_what_is_compiled_is_known_and_costs_nothing_more(capfd: pytest.CaptureFixture[str]) -> None:
    compile_all()
    assert is_compiled()
    told: list[float] = []
    compile_all(progress=told.append)
    assert told == []
