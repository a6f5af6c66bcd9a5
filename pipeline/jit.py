"""The one way this project compiles its inner loops."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import platformdirs
from numba.core import config as numba_config

__all__ = ["cache_folder", "jit"]

P = ParamSpec("P")
R = TypeVar("R")


def _cache_dir() -> Path:
    """Return a folder for the machine code of exactly these sources.

    Numba looks only at the file of the function that it compiles, and would go on with old code where a function that
    it calls has changed in another file. ``ECG_CACHE_DIR`` counts where it stands in the environment:
    a settings file is read at the edge, and this is imported everywhere.
    """
    sources = sorted(Path(__file__).parent.glob("*/**/*.py"))
    stamps = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sources]
    digest = hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]
    cache = os.environ.get("ECG_CACHE_DIR") or platformdirs.user_cache_dir("ecg-anomaly")
    return Path(cache).absolute() / "machine-code" / digest


def _can_write(folder: Path) -> bool:
    """Tell whether machine code can be kept in a folder; a service or a container may have no place for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        if multiprocessing.parent_process() is None:  # said once, not by every process that scores
            logging.getLogger(__name__).warning(
                "No machine code can be kept in %s (%s): each start compiles anew, which takes a minute or so; "
                "set ECG_CACHE_DIR to a folder that can be written",
                folder,
                error.strerror,
            )
        return False
    return True


config: Any = numba_config  # its values are set when it is imported, and no type tells of them
if not config.CACHE_DIR:  # who sets NUMBA_CACHE_DIR knows why
    config.CACHE_DIR = str(_cache_dir())
_CACHED = _can_write(Path(config.CACHE_DIR))


def cache_folder() -> Path | None:
    """Return where machine code is kept; None where it cannot be, so that every start compiles."""
    return Path(config.CACHE_DIR) if _CACHED else None


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers with numba, keeping its type.

    No fastmath: a reordered sum would depend on how a chunk was cut. The machine code is cached on disk, so only the
    first run of a version compiles; where nothing can be written, every run does.
    """
    return cast(Callable[P, R], numba.njit(cache=_CACHED, nogil=True, error_model="numpy")(function))
