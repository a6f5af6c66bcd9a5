"""Files that appear whole or not at all, beside whoever else writes the same one; and folders that are one user's."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["private_folder", "write_whole"]

PRIVATE = 0o700


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step, through a temporary one beside it whose name no other writer has.

    Its bytes are on the disk before its name is. On an error the old file stays and the temporary one goes.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    part = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def private_folder(folder: Path) -> None:
    """Make a folder that only this user may enter: what lies in it is about patients. One that is there stays as it is.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
