"""The lock file and pyproject.toml agree, and each package that is named has a pin."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent


def named() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    found = [Requirement(text) for texts in (project["dependencies"], *extras) for text in texts]
    found = [one for one in found if one.name != project["name"]]  # an extra that names others
    return [one for one in found if one.marker is None or one.marker.evaluate()]


def pins(text: str) -> dict[str, Version]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: Version(version) for name, _, version in (line.partition("==") for line in lines)}


def test_the_lock_file_holds_what_pyproject_allows() -> None:
    locked = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert len(locked) > 100  # of what these need, as well
    wanted = {canonicalize_name(one.name): one for one in named() if canonicalize_name(one.name) != "jupyterlab"}
    assert sorted(wanted.keys() - locked.keys()) == []
    assert [str(one) for name, one in wanted.items() if locked[name] not in one.specifier] == []


@pytest.mark.parametrize("lowest", [False, True])
def test_pins_are_printed_as_pip_takes_them(lowest: bool) -> None:
    words = [sys.executable, str(ROOT / "deploy" / "pins.py"), *(["--lowest"] if lowest else [])]
    printed = pins(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    for one in named():
        version = printed.get(canonicalize_name(one.name))
        if version is not None:
            assert version in one.specifier, one
    assert (printed["numpy"] == Version("2.2.5")) is lowest
