"""The ``RECORDS`` file of a folder of WFDB records."""

from __future__ import annotations

from pathlib import Path

__all__ = ["list_in_records"]


def list_in_records(name: str, folder: Path, draft: Path) -> None:
    """Add a name to the folder's ``RECORDS`` unless it is there; ``draft`` is where the new file is made."""
    path = folder / "RECORDS"
    names = path.read_text().split() if path.exists() else []
    if name not in names:
        (draft / "RECORDS").write_text("\n".join([*names, name]) + "\n")
        (draft / "RECORDS").replace(path)
