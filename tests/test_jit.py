from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import numpy as np

from pipeline.jit import jit


@jit
def squared(x: float) -> float:
    return x * x


print(squared(3.0))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a script: numba keeps only code that stands in a file."""
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    return file


def run(program: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "ECG_CACHE_DIR")
    }
    words = [sys.executable, str(program)]
    return subprocess.run(words, env={**environment, **more}, capture_output=True, text=True, timeout=250, check=False)


def test_machine_code_is_kept_in_the_cache_that_is_set(program: Path, tmp_path: Path) -> None:
    ran = run(program, ECG_CACHE_DIR=str(tmp_path / "cache"))
    assert (ran.stdout, ran.stderr) == ("9.0\n", "")
    assert list((tmp_path / "cache" / "machine-code").glob("*/*/program.squared-*.nbi"))


@pytest.mark.parametrize("variable", ["ECG_CACHE_DIR", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"])
def test_where_nothing_can_be_written_code_is_compiled_and_one_line_says_so(
    program: Path, tmp_path: Path, variable: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    ran = run(program, **{variable: str(tmp_path / "file" / "cache")})
    assert ran.stdout == "9.0\n"
    assert ran.stderr.count("\n") == 1
    assert "set ECG_CACHE_DIR" in ran.stderr
    assert not (tmp_path / "__pycache__").exists()
