"""Print a version for each package that this project and its extra ``dev`` need, as pip takes ``--constraint``.

::

    python deploy/pins.py            the versions that are installed, of everything: for constraints.txt
    python deploy/pins.py --lowest   the oldest that pyproject.toml allows, of what it names
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
EXTRA = "dev"
HEAD = "# The tests pass with these (`make lock`); `make install LOCKED=1` installs them. CPython {}.{}, Linux."


def named() -> list[Requirement]:
    """Return what pyproject.toml names, as far as this system needs it; extras that name others are followed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = [Requirement(text) for text in (*project["dependencies"], f"{project['name']}[{EXTRA}]")]
    found: list[Requirement] = []
    while waiting:
        one = waiting.pop(0)
        if one.name == project["name"]:
            waiting += [Requirement(text) for extra in one.extras for text in project["optional-dependencies"][extra]]
        elif one.marker is None or one.marker.evaluate({"extra": ""}):
            found.append(one)
    return found


def lowest() -> Iterator[str]:
    """Yield the oldest version of each package that has a lower bound; of two bounds the higher one."""
    found: dict[str, list[str]] = {}
    for requirement in named():
        bounds = [each.version for each in requirement.specifier if each.operator in (">=", "==")]
        found.setdefault(canonicalize_name(requirement.name), []).extend(bounds)
    for name, bounds in sorted(found.items()):
        if bounds:
            yield f"{name}=={max(bounds, key=lambda text: [int(part) for part in text.split('.')])}"


def installed() -> Iterator[str]:
    """Yield the installed version of each package that is needed, and of what these need."""
    waiting, found, seen = list(named()), dict[str, str](), set[tuple[str, frozenset[str]]]()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = frozenset({"", *requirement.extras})
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        found[name] = package.version.partition("+")[0]  # a build for the CPU is the same version
        for text in package.requires or ():
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in extras):
                inner.marker = None
                waiting.append(inner)
    for name, version in sorted(found.items()):
        yield f"{name}=={version}"


if __name__ == "__main__":
    lines = list(lowest()) if sys.argv[1:] == ["--lowest"] else [HEAD.format(*sys.version_info[:2]), *installed()]
    sys.stdout.write("\n".join(lines) + "\n")
