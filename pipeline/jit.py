"""The one way this project compiles its inner loops."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import platformdirs
from numba.core import config as numba_config
from numba.extending import register_jitable

__all__ = ["cache_folder", "jit", "jit_helper"]

P = ParamSpec("P")
R = TypeVar("R")


def _cache_dirs() -> list[Path]:
    """Return folders for the machine code of exactly these sources, the first that may be used to be taken.

    Numba looks only at the file of the function that it compiles, and would go on with old code where a function that
    it calls has changed in another file. ``ECG_CACHE_DIR`` counts where it stands in the environment:
    a settings file is read at the edge, and this is imported everywhere.
    """
    top = [
        Path(__file__).with_name(name) for name in ("jit.py", "records.py", "sorting.py")
    ]  # what kernels take from them
    sources = [*top, *sorted(Path(__file__).parent.glob("*/**/*.py"))]
    stamps = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sources]
    digest = hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]
    named, own = os.environ.get("ECG_CACHE_DIR"), platformdirs.user_cache_dir("ecg-anomaly")
    return [Path(cache).absolute() / "machine-code" / digest for cache in dict.fromkeys(filter(None, (named, own)))]


def _system_users() -> set[int]:
    """Return the users to whom the folders above may belong: root, and in a container whoever is nobody in it."""
    users = {0, os.geteuid()}
    try:
        is_whole = Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
        return users if is_whole else {*users, int(Path("/proc/sys/kernel/overflowuid").read_text())}
    except (OSError, ValueError):
        return users


def _trouble(folder: Path) -> str | None:
    """Return why machine code cannot be kept in a folder, or None.

    What lies there is loaded and run. So nobody but this user, and the system's, may be able to put something there.
    """
    try:
        if not folder.parent.exists():
            folder.parent.mkdir(mode=0o700, parents=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        if folder.stat().st_uid != os.geteuid():
            return f"{folder} belongs to another user"
        for part in (real := folder.resolve(), *real.parents):
            facts = part.stat()
            if facts.st_uid not in _system_users():
                return f"{part} belongs to another user"
            is_sticky = part != real and facts.st_mode & stat.S_ISVTX  # what one owns there, others cannot replace
            if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not is_sticky:
                return f"{part} can be changed by other users"
    except OSError as error:
        return error.strerror or str(error)
    return None


def _place(folders: Sequence[Path]) -> Path | None:
    """Return the first folder in which machine code can be kept; a service or a container may have none."""
    troubles = []
    for folder in folders:
        trouble = _trouble(folder)
        if trouble is None:
            return folder
        troubles.append(trouble)
    if multiprocessing.parent_process() is None:  # said once, not by every process that scores
        logging.getLogger(__name__).warning(
            "No machine code can be kept in %s (%s): each start compiles anew, which takes a minute or so; "
            "set ECG_CACHE_DIR to a folder that this user alone can write to",
            folders[0],
            "; ".join(dict.fromkeys(troubles)),
        )
    return None


config: Any = numba_config  # its values are set when it is imported, and no type tells of them
# Who sets NUMBA_CACHE_DIR knows why.
_FOLDER = _place([Path(config.CACHE_DIR)] if config.CACHE_DIR else _cache_dirs())
if _FOLDER is not None:
    config.CACHE_DIR = str(_FOLDER)
_CACHED = _FOLDER is not None


def cache_folder() -> Path | None:
    """Return where machine code is kept; None where it cannot be, so that every start compiles."""
    return Path(config.CACHE_DIR) if _CACHED else None


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers with numba, keeping its type.

    No fastmath: a reordered sum would depend on how a chunk was cut. The machine code is cached on disk, so only the
    first run of a version compiles; where nothing can be written, every run does.
    """
    # Nobody calls these through a C pointer, so there is no entry for it either.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
    return cast(Callable[P, R], numba.njit(cache=_CACHED, **options)(function))


def jit_helper(function: Callable[P, R]) -> Callable[P, R]:
    """Let compiled functions call a function, and compile it as a part of them.

    It costs a fraction of what :func:`jit` does: it has no entry from Python, which for twenty arrays is longer than
    many a function, and a constant argument is no reason to compile it once more. Called from Python it runs as plain
    Python: slowly, and with Python's own arithmetic.
    """
    options: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True}
    compiled: Callable[P, R] = register_jitable(**options)(function)
    return compiled
