"""The picture of the architecture is that of the imports."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "pipeline").rglob("*.py")), *sorted((ROOT / "flows").rglob("*.py"))]


def unit(name: str) -> str:
    """Return what a module belongs to: the part of ``pipeline`` by its name, or ``flows``."""
    parts = name.split(".")
    return parts[0] if parts[0] == "flows" else (parts[1] if len(parts) > 1 else "")


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Return the units of this project that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from pipeline import X` takes a module or a public name, which stands in the package itself.
            found |= (
                {f"pipeline.{alias.name}" for alias in node.names if (ROOT / "pipeline" / alias.name).is_dir()}
                if node.module == "pipeline"
                else {node.module}
            )
    return {unit(name) for name in found if name.split(".")[0] in ("pipeline", "flows")} - {""}


def test_every_module_and_folder_stands_in_one_box(architecture: ModuleType) -> None:
    drawn = [name for _, boxes in architecture.ROWS for names in boxes for name in names]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == {unit(module_of(path)) for path in FILES} - {""}


def test_a_box_imports_boxes_of_lower_rows_alone(architecture: ModuleType) -> None:
    row = {name: i for i, (_, boxes) in enumerate(architecture.ROWS) for names in boxes for name in names}
    box = {name: names for _, boxes in architecture.ROWS for names in boxes for name in names}
    lowest = len(architecture.ROWS) - 1  # what all share may use one another
    wrong = {
        (source, target)
        for path in FILES
        if (source := unit(module_of(path)))
        for target in imported(path) - {source}
        if not (row[source] < row[target] or box[source] == box[target] or row[source] == row[target] == lowest)
    }
    assert wrong == set()


def test_the_picture_is_drawn_from_the_rows(architecture: ModuleType) -> None:
    assert architecture.FILE.read_text("utf-8") == architecture.draw(), "run: python docs/architecture.py"
