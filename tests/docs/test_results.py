"""Tables of results: where commands write them, and the README's figures, which are taken from them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
INSERTED = sorted(set(re.findall(r"--insert (\S+) (\S+)", MAKEFILE)))


def block(file: str, name: str) -> str:
    text = (ROOT / file).read_text("utf-8")
    assert text.count(f"<!-- {name}:begin -->") == text.count(f"<!-- {name}:end -->") == 1
    return text.split(f"<!-- {name}:begin -->")[1].split(f"<!-- {name}:end -->")[0]


def test_tables_are_written_by_make() -> None:
    assert len(INSERTED) == 16
    assert {file for file, _ in INSERTED} == {
        str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "results").glob("*.md") if path.name != "index.md"
    }


@pytest.mark.parametrize(("file", "name"), INSERTED, ids=[name for _, name in INSERTED])
def test_a_table_stands_where_make_writes_it_with_its_command(file: str, name: str) -> None:
    told = re.findall(r"--insert (\S+) ([\w:]+)", block(file, name))
    assert told in ([], [(file, name)])
    assert "|---" in block(file, name)
    page = (ROOT / file).read_text("utf-8")
    assert re.search(r"20\d\d-\d\d-\d\d", page)  # when
    assert re.search(r"commit [0-9a-f]{7}", page)  # with which build
    assert re.search(r"`make [a-z]+", page)  # how to do it again


def test_figures_of_the_readme_are_those_of_the_results() -> None:
    part = README.split("## Quality")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in part.splitlines() if line.startswith("|")][2:]
    pages = (
        block("docs/results/ds2-reference.md", "evaluate:reference"),
        block("docs/results/ds2-detected.md", "evaluate:detected"),
    )
    assert len(rows) >= 6
    for what, *figures in rows:
        for figure, page in zip(figures, pages, strict=True):
            for number in re.findall(r"\.\d{3} \(\.\d{3}-\.\d{3}\)|\d+\.\d+", figure):
                assert number in page, what


def test_speed_in_the_readme_is_that_of_its_page() -> None:
    part = README.split("## Speed")[1].split("\n## ")[0]
    page = (ROOT / "docs" / "results" / "speed-records.md").read_text("utf-8")
    figures = re.findall(r"\| ([\d.,]+) ?\w* \|$", part, flags=re.MULTILINE)
    assert len(figures) >= 4
    assert [figure for figure in figures if f"| {figure}" not in page] == []


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 130
    assert len(README.encode()) <= 10_240
