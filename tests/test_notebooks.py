"""The notebooks as they lie in git; `make notebooks` executes them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest

BOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has few types


def code(book: Any) -> list[str]:
    return [cell.source for cell in book.cells if cell.cell_type == "code"]


def test_there_are_five() -> None:
    assert [book.name[:2] for book in BOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_outputs_are_stripped(self, path: Path) -> None:
        book = read(path)
        nbformat.validate(book)
        for cell in book.cells:
            if cell.cell_type == "code":
                assert cell.outputs == []
                assert cell.execution_count is None
            assert cell.metadata == {}
        assert set(book.metadata) == {"kernelspec", "language_info"}

    def test_figures_and_science_come_from_the_library(self, path: Path) -> None:
        imported: set[str] = set()
        for source in code(read(path)):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    imported.add(node.module.split(".")[0])
        assert "pipeline" in imported
        assert not imported & {"matplotlib", "torch", "river", "wfdb", "flows", "prefect"}

    def test_it_says_what_it_is_no_substitute_for(self, path: Path) -> None:
        if path.stem.startswith(("01", "02", "05")):
            text = " ".join(cell.source for cell in read(path).cells)
            assert "Not a medical device" in text
