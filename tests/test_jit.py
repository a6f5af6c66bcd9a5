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
    ran = run(program, **{"XDG_CACHE_HOME": str(tmp_path / "file" / "own"), variable: str(tmp_path / "file" / "cache")})
    assert ran.stdout == "9.0\n"
    assert ran.stderr.count("\n") == 1
    assert "set ECG_CACHE_DIR" in ran.stderr
    assert not (tmp_path / "__pycache__").exists()


def folder(path: Path, mode: int) -> Path:
    path.mkdir()
    path.chmod(mode)
    return path


def test_machine_code_is_not_loaded_from_where_others_can_put_it(program: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shared = folder(tmp_path / "shared", 0o777)
    ran = run(program, ECG_CACHE_DIR=str(shared), XDG_CACHE_HOME=str(own))
    assert (ran.stdout, ran.stderr) == ("9.0\n", "")
    assert not list(shared.rglob("*.nb?"))
    assert list(own.rglob("program.squared-*.nbi"))  # each user keeps its own


@pytest.mark.parametrize("spoilt", ["machine-code", "machine-code/0"])
def test_a_folder_of_machine_code_that_others_made_or_may_change_is_not_used(
    program: Path, tmp_path: Path, spoilt: str
) -> None:
    first = run(program, ECG_CACHE_DIR=str(tmp_path / "cache"), XDG_CACHE_HOME=str(tmp_path / "own"))
    assert first.stderr == ""
    (code,) = (tmp_path / "cache" / "machine-code").iterdir()
    wrong = code if spoilt.endswith("0") else code.parent
    assert code.stat().st_mode & 0o777 == 0o700
    before = {file: file.stat().st_mtime_ns for file in code.rglob("*.nbi")}
    if os.geteuid() == 0:
        os.chown(wrong, 65534, 65534)
    else:
        wrong.chmod(0o777)
    again = run(program, ECG_CACHE_DIR=str(tmp_path / "cache"), XDG_CACHE_HOME=str(tmp_path / "own"))
    assert (again.stdout, again.stderr) == ("9.0\n", "")
    assert {file: file.stat().st_mtime_ns for file in code.rglob("*.nbi")} == before
    assert list((tmp_path / "own").rglob("program.squared-*.nbi"))
