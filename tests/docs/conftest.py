"""The pages of the repository, and the modules that build the site."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def module(name: str) -> Iterator[ModuleType]:
    """Yield a module of the folder ``docs``, which is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs"))
        yield import_module(name)
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def hooks() -> Iterator[ModuleType]:
    yield from module("hooks")


@pytest.fixture(scope="session")
def generated() -> Iterator[ModuleType]:
    yield from module("generated")


@pytest.fixture(scope="session")
def architecture() -> Iterator[ModuleType]:
    yield from module("architecture")
