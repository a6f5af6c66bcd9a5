"""Where the results of a record lie, and which names may become paths."""

from __future__ import annotations

from pathlib import Path
from typing import overload

from pipeline.errors import OutputError
from pipeline.record_name import RecordName
from pipeline.storage.place import Place

__all__ = ["result_path"]


@overload
def result_path(out: Path, folder: str, record: str, suffix: str) -> Path: ...
@overload
def result_path(out: Place, folder: str, record: str, suffix: str) -> Place: ...
def result_path(out: Place, folder: str, record: str, suffix: str) -> Place:
    """Return ``out/folder/<database>/<record><suffix>`` for a record name such as ``mitdb/208``.

    Raises
    ------
    OutputError
        If the name is none, see :class:`pipeline.record_name.RecordName`: it leads out of the folder, is hidden, or
        holds what no name does.
    """
    try:
        *folders, name = RecordName.parse(record).file_parts
    except ValueError as error:
        raise OutputError(f"record {record!r:.300}: results cannot be filed under this name ({error})") from error
    return out.joinpath(folder, *folders, name + suffix)
