"""What is scored with the packages that the project itself needs, without those of its extras."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.cli.extras import EXTRAS
from tests.waiting import PATIENCE_S

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PROGRAM = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

absent = set(sys.argv.pop(1).split(","))
sys.meta_path.insert(0, Absent())
from pipeline.cli import main
main()
"""


def closure(texts: list[str]) -> set[str]:
    """Return the distributions that requirements need, and that these need."""
    waiting, found = [Requirement(text) for text in texts], set[str]()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if name in found:
            continue
        found.add(name)
        try:
            needed = distribution(name).requires or ()
        except PackageNotFoundError:
            continue
        inner = [Requirement(text) for text in needed]
        waiting += [each for each in inner if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def absent() -> str:
    """Modules that are there because of an extra alone."""
    base = closure(PROJECT["dependencies"]) | {canonicalize_name(PROJECT["name"])}
    modules = packages_distributions().items()
    return ",".join(name for name, owners in modules if not base & {canonicalize_name(owner) for owner in owners})


def run(absent: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, absent, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_the_demo_needs_no_extra(absent: str, tmp_path: Path) -> None:
    assert {"torch", "prefect", "sqlalchemy", "duckdb"} <= set(absent.split(","))
    ran = run(absent, "demo", "--minutes", "5.5", "--out", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "report.html").is_file()
    record = str(next((tmp_path / "records" / "synth").glob("*.hea")).with_suffix("").name)
    data = ["--data-dir", str(tmp_path / "records")]
    why = run(absent, "explain", f"synth/{record}", *data, "--beat", "300")
    assert why.returncode == 0, why.stderr
    assert "in words" in why.stdout
    assert "gates" not in why.stdout


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["train"], "train"),
        (["alarms"], "database"),
        (["query", "SELECT 1"], "query"),
        (["setup-prefect"], "flows"),
        (["monitor", "--demo", "--no-browser"], "live"),
    ],
)
def test_what_needs_an_extra_says_which(absent: str, words: list[str], extra: str) -> None:
    ran = run(absent, *words)
    assert ran.returncode == 2, ran.stderr
    assert f"pip install 'ecg-anomaly[{extra}]'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_list_of_commands_needs_no_extra(absent: str) -> None:
    ran = run(absent, "--help")
    assert ran.returncode == 0, ran.stderr
    assert "monitor" in ran.stdout


def test_each_package_that_is_named_belongs_to_the_extra() -> None:
    named = {extra: " ".join(texts) for extra, texts in PROJECT["optional-dependencies"].items()}
    distributions = {"yaml": "pyyaml", "sklearn": "scikit-learn", "nats": "nats-py", "paho": "paho-mqtt"}
    for package, extra in EXTRAS.items():
        assert distributions.get(package, package).replace("_", "-") in named[extra], package
