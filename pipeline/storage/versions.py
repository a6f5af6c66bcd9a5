"""Which versions of the packages that a score depends on are installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["package_versions"]

PACKAGES = ("ecg-anomaly", "numba", "numpy", "pyarrow", "river", "scipy", "torch", "wfdb")


def package_versions() -> dict[str, str]:
    """Return the installed version of each package that has a say in a score, by name."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a source tree, or a package left out of an installation
            continue
    return found
