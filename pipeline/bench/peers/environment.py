"""The rivals' virtual environment: made once, kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline.errors import OutputError, SourceUnavailable

__all__ = ["environment", "environment_at_hand"]

HERE = Path(__file__).parent
REQUIREMENTS, UNMET = HERE / "requirements.txt", HERE / "unmet.txt"
DONE = ".complete"


def environment(
    cache: Path,
    *,
    requirements: Path = REQUIREMENTS,
    unmet: Path | None = UNMET,
    rebuild: bool = False,
    progress: Callable[[str, float], object] = lambda _what, _share: None,
) -> Path:
    """Return the interpreter of an environment with these packages; it is made if it is not there.

    It is a virtual environment, filled by pip as the user has set it up. Another version of Python, of torch or of a
    requirement makes another environment beside it.

    Parameters
    ----------
    cache : Path
        The folder that holds such environments.
    requirements : Path
        A requirements file.
    unmet : Path, optional
        One of packages whose own requirements are not followed.
    rebuild : bool
        Make it anew.
    progress : callable
        Told what is under way and the share that is done.

    Raises
    ------
    SourceUnavailable
        If pip cannot bring the packages.
    OutputError
        If the folder cannot be written.
    """
    there = environment_at_hand(cache, requirements=requirements, unmet=unmet)
    if there is not None and not rebuild:
        return there
    folder, torch = _folder(cache, requirements, unmet), _torch() if unmet is not None else []
    python = _python(folder)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        progress("environment of the rivals", 0.0)
        _run([sys.executable, "-m", "venv", str(folder)], "a virtual environment could not be made")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, *torch, "-r", str(requirements)], "pip could not bring them")
        if unmet is not None:
            _run([*pip, "--no-deps", "-r", str(unmet)], "pip could not bring them")
        (folder / DONE).write_text(f"{requirements.name}\n")
    except OSError as error:
        raise OutputError(f"the rivals' environment: {folder}: {error.strerror or error}") from error
    return python


def environment_at_hand(cache: Path, *, requirements: Path = REQUIREMENTS, unmet: Path | None = UNMET) -> Path | None:
    """Return the interpreter of an environment that :func:`environment` has made, or None if it has not."""
    folder = _folder(cache, requirements, unmet)
    return _python(folder) if (folder / DONE).is_file() and _python(folder).exists() else None


def _folder(cache: Path, requirements: Path, unmet: Path | None) -> Path:
    texts = [file.read_text("utf-8") for file in (requirements, unmet) if file is not None]
    facts = (texts, _torch() if unmet is not None else [], platform.python_version())
    return cache / "peers" / hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def _python(folder: Path) -> Path:
    return folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"


def _torch() -> list[str]:
    """Return this project's version of torch, without the name of its build, as a requirement."""
    try:
        return [f"torch=={version('torch').partition('+')[0]}"]
    except PackageNotFoundError:
        return ["torch"]


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        command, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()[-1:]
        why = said[-1] if said else f"exit code {done.returncode}"
        raise SourceUnavailable(f"the rivals' environment: {what} ({why}); this needs a package index in reach of pip")
