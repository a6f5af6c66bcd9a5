"""Where the results of a record lie, and which names may become paths."""

from __future__ import annotations

import re
from pathlib import Path
from typing import overload

from pipeline.errors import OutputError
from pipeline.storage.place import Place

__all__ = ["result_path"]

# Letters, digits and _ - . of any alphabet; a part neither begins with a dot (hidden files, "..") nor with a dash
# (options), and blanks stand only inside it. Longer parts do not fit into 255 bytes of a file name.
_PART = re.compile(r"\w(?:[\w.\- ]*[\w\-])?")
_LONGEST_PART = 120
_MOST_PARTS = 8


@overload
def result_path(out: Path, folder: str, record: str, suffix: str) -> Path: ...
@overload
def result_path(out: Place, folder: str, record: str, suffix: str) -> Place: ...
def result_path(out: Place, folder: str, record: str, suffix: str) -> Place:
    """Return ``out/folder/<database>/<record><suffix>`` for a record name such as ``mitdb/208``.

    Raises
    ------
    OutputError
        If the name cannot be a file name below ``out``: it is empty, leads out of the folder, or holds anything but
        letters, digits, blanks, ``.``, ``-``, ``_`` and ``/``.
    """
    parts = record.split("/")
    if len(parts) > _MOST_PARTS or not all(_PART.fullmatch(part) and len(part) <= _LONGEST_PART for part in parts):
        raise OutputError(
            f"record {record!r}: results cannot be filed under this name; use letters, digits, '.', '-' and '_', "
            "with '/' between database and record"
        )
    return out.joinpath(folder, *parts[:-1], parts[-1] + suffix)
