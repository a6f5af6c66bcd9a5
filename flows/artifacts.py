"""What Prefect's page shows of a run: tables, pictures, links and how far it is."""

from __future__ import annotations

import base64
import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact

__all__ = ["Progress", "key", "picture", "plain", "show_table"]

EVERY_S = 5.0  # an update is a request that the run waits for


def key(*words: object) -> str:
    """Return a key as Prefect wants it: lower-case letters, digits and dashes."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", str(word).lower()).strip("-") or "x" for word in words)


def plain(value: Any) -> Any:
    """Return a value that Prefect stores: rounded, and None for what is not a number."""
    if hasattr(value, "item"):  # a number of numpy's
        value = value.item()
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value


def show_table(
    name: str, rows: Sequence[Mapping[str, Any]], failed: Mapping[str, str], columns: Sequence[str], description: str
) -> None:
    """Put a table on the page: a row a record, and one for each that failed, with the reason."""
    table = [{column: plain(row[column]) for column in columns} for row in rows]
    if failed:  # Prefect shows the columns that the first row has
        table = [{**row, "error": None} for row in table]
        table += [{**dict.fromkeys(columns), "record": record, "error": error} for record, error in failed.items()]
    create_table_artifact(table=table, key=name, description=description)


def picture(svg: str, title: str) -> str:
    """Return a figure as a line of Markdown."""
    return f"![{title}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


class Progress:
    """A bar on the page, moved at most every few seconds."""

    def __init__(self, name: str, description: str) -> None:
        made: Any = create_progress_artifact(0.0, key=name, description=description)
        self._id: UUID = made
        self._moved = time.monotonic()

    def update(self, share: float) -> None:
        """Show how much is done, 0 to 1."""
        now = time.monotonic()
        if share >= 1.0 or now - self._moved >= EVERY_S:
            self._moved = now
            update_progress_artifact(self._id, progress=100.0 * share)
