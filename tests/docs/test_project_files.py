"""Files that services and tools read: each is YAML, and names programs, targets and versions that there are."""

from __future__ import annotations

import re
import shlex
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
YAML = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.y*ml", ".*.y*ml", "*.cff", ".github/**/*.y*ml", "deploy/**/*.y*ml")
    for path in ROOT.glob(pattern)
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: a key stands twice"
        return super().construct_mapping(node, deep)


def read(name: str) -> Any:
    return yaml.load((ROOT / name).read_text("utf-8"), Loader=Strict)  # noqa: S506 - a safe one


def test_there_are_such_files() -> None:
    assert {".github/workflows/ci.yml", ".github/dependabot.yml", ".pre-commit-config.yaml", "CITATION.cff",
            "mkdocs.yml", "prefect.yaml"} <= set(YAML)  # fmt: skip


@pytest.mark.parametrize("name", YAML)
def test_a_file_is_yaml_without_doubled_keys(name: str) -> None:
    assert read(name)


def test_workflows_run_what_there_is() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs = read(str(path.relative_to(ROOT)))["jobs"]
        for name, job in jobs.items():
            assert "runs-on" in job, name
            assert job["timeout-minutes"] <= 120, name
            for step in job["steps"]:
                assert ("uses" in step) != ("run" in step), name
                if "uses" in step:
                    assert re.fullmatch(r"[\w/-]+@v\d+", step["uses"])
                    continue
                for line in step["run"].splitlines():
                    program, *rest = shlex.split(line)
                    assert set(rest) <= TARGETS if program == "make" else (ROOT / program).is_file(), line


def test_workflows_try_each_python_that_the_project_names() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    named = {found[1] for one in PROJECT["classifiers"] if (found := re.search(r":: (3\.\d+)$", one))}
    assert named
    assert named <= set(re.findall(r"\b3\.\d+\b", text))


def test_hooks_run_programs_that_make_install_brings() -> None:
    from packaging.requirements import Requirement

    dev = {Requirement(one).name for one in PROJECT["optional-dependencies"]["dev"]}
    hooks = [hook for one in read(".pre-commit-config.yaml")["repos"] for hook in one["hooks"]]
    assert {Path(hook["entry"].split()[0]).name for hook in hooks} <= dev
    for hook in hooks:
        for word in hook["entry"].split()[1:]:
            assert not word.startswith("tests/") or (ROOT / word).exists()


def test_dependabot_looks_at_every_kind_of_dependency() -> None:
    updates = read(".github/dependabot.yml")["updates"]
    assert {one["package-ecosystem"] for one in updates} == {"pip", "github-actions"}


def test_the_citation_is_of_this_version_and_licence() -> None:
    cited = read("CITATION.cff")
    assert (cited["version"], cited["license"]) == (PROJECT["version"], PROJECT["license"])
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert all(one["year"] <= date(2026, 1, 1).year for one in cited["references"])


@pytest.mark.parametrize("package", ["pipeline", "flows"])
def test_packages_say_that_they_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_contributing_answers_each_question_once() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    heads = re.findall(r"^### (.+)$", text, flags=re.MULTILINE)
    assert len(heads) == len(set(heads))
    assert {"a format", "a network", "an alarm", "a threshold", "a transport"} <= set(heads)
    # What it sends a reader to is there.
    for path in re.findall(r"`((?:pipeline|docs|tests|deploy)/[\w/.]+)`", text):
        assert "NAME" in path or (ROOT / path).exists(), path
