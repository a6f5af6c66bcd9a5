"""The one way this project compiles its inner loops."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import platformdirs
from numba.core import config as numba_config

__all__ = ["jit"]

P = ParamSpec("P")
R = TypeVar("R")


def _cache_dir() -> Path:
    """Return a folder for the machine code of exactly these sources.

    Numba looks only at the file of the function that it compiles, and would go on with old code where a function that
    it calls has changed in another file.
    """
    sources = sorted(Path(__file__).parent.glob("*/**/*.py"))
    stamps = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sources]
    digest = hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]
    return Path(platformdirs.user_cache_dir("ecg-anomaly")) / "machine-code" / digest


config: Any = numba_config  # its values are set when it is imported, and no type tells of them
if not config.CACHE_DIR:  # who sets NUMBA_CACHE_DIR knows why
    config.CACHE_DIR = str(_cache_dir())


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers with numba, keeping its type.

    No fastmath: a reordered sum would depend on how a chunk was cut. The machine code is cached on disk, so only the
    first run of a version compiles.
    """
    return cast(Callable[P, R], numba.njit(cache=True, nogil=True, error_model="numpy")(function))
