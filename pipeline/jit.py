"""The one way this project compiles its inner loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

__all__ = ["jit"]

P = ParamSpec("P")
R = TypeVar("R")


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers with numba, keeping its type.

    No fastmath: a reordered sum would depend on how a chunk was cut. The machine code is cached on disk, so only the
    first run of a version compiles.
    """
    return cast(Callable[P, R], numba.njit(cache=True, nogil=True, error_model="numpy")(function))
