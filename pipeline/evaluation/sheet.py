"""A table of texts, for the terminal and for a Markdown file between markers."""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.table import Table

__all__ = ["Sheet", "insert_between_markers"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of texts: its title, the head of each column, and its rows. The first column is a name."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def rich(self) -> Table:
        """Return it for the terminal."""
        table = Table(title=self.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
        for i, column in enumerate(self.columns):
            table.add_column(column, justify="right" if i else "left", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return it as a Markdown table under its title."""
        lines = [
            f"**{self.title}**",
            "",
            "| " + " | ".join(self.columns) + " |",
            "|---|" + "---:|" * (len(self.columns) - 1),
            *("| " + " | ".join(row) + " |" for row in self.rows),
        ]
        return "\n".join(lines)


def insert_between_markers(text: str, content: str, name: str = "evaluate") -> str:
    """Return a text with what stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->`` replaced.

    Raises
    ------
    ValueError
        If the markers are not there, once each and in order.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"the text needs one {begin} and one {end} after it")
    head, rest = text.split(begin)
    return f"{head}{begin}\n{content.strip()}\n{end}{rest.split(end)[1]}"
