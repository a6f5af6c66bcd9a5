"""Tokens that are made here, for people who have set none."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.errors import OutputError

__all__ = ["keep_token", "kept_token"]


def kept_token(file: Path) -> str | None:
    """Return the token that an earlier run has written; None where there is none that this user alone can have read."""
    try:
        stat = file.lstat()
        if not (file.is_file() and stat.st_uid == os.geteuid() and stat.st_mode & 0o077 == 0):
            return None
        return file.read_text("ascii").strip() or None
    except (OSError, ValueError):
        return None


def keep_token(token: str, file: Path, variable: str) -> Path:
    """Write a token where this user alone may read it, and return the file.

    Raises
    ------
    OutputError
        If it cannot be written; the message names the environment variable that makes it needless.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:  # noqa: PTH123
            opened.write(f"{token}\n")
    except OSError as error:
        raise OutputError(f"the token cannot be kept in {file} ({error.strerror}): set {variable}") from error
    return file
