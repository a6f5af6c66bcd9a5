"""SHA-256 of files: what a publisher lists, and what names a record's contents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pipeline.errors import SourceUnavailable

__all__ = ["SUMS_FILE", "differs_from_list", "listed_sha256", "published_in", "record_checksum"]

SUMS_FILE = "SHA256SUMS.txt"


class _HasFiles(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def files(self) -> tuple[Path, ...]: ...


def listed_sha256(sums: Path, file: str) -> str | None:
    """Return the hash that a list in ``sha256sum`` format gives for a file, or None; no list is an empty list.

    The list is read line by line: those of large databases have millions of lines.
    """
    try:
        with sums.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                digest, _, name = line.rstrip("\r\n").partition(" ")
                if name.lstrip(" *").removeprefix("./") == file:
                    return digest.lower()
    except FileNotFoundError:
        pass
    return None


def published_in(database: Path) -> Callable[[Path], bool]:
    """Return a function that tells whether a file in a database's folder is the one its ``SHA256SUMS.txt`` lists."""

    def is_published(file: Path) -> bool:
        try:
            listed = listed_sha256(database / SUMS_FILE, file.relative_to(database).as_posix())
            return listed is not None and listed == _sha256(file)
        except OSError:  # what cannot be read confirms nothing
            return False

    return is_published


def differs_from_list(database: Path, file: Path) -> bool:
    """Return True if a file in a database's folder is not the one that its ``SHA256SUMS.txt`` lists."""
    listed = listed_sha256(database / SUMS_FILE, file.relative_to(database).as_posix())
    return listed is not None and listed != _sha256(file)


def record_checksum(record: _HasFiles) -> str:
    """Return the SHA-256 over the names and contents of all files of a record, as 64 hexadecimal digits.

    It stays the same while nothing that a result depends on changes, how a file was told to be read included, so it
    serves as a cache key.

    Parameters
    ----------
    record : WfdbRecord or FetchedRecord
        A record with files.

    Raises
    ------
    SourceUnavailable
        If one of them cannot be read.
    """
    digest = hashlib.sha256(getattr(record, "reading", "").encode())
    try:
        for file in sorted(record.files):
            digest.update(f"{file.name}\0{_sha256(file)}\0".encode())
    except OSError as error:
        raise SourceUnavailable(
            f"record {record.name!r}: {error.filename} cannot be read ({error.strerror})"
        ) from error
    return digest.hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
