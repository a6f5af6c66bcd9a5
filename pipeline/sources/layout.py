"""The layout of databases on disk, ``<database>/<version>/<file>``: that of PhysioNet, of mirrors and of the cache."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import RecordCorrupt, RecordNotFound
from pipeline.sources.header import header_files, with_extension
from pipeline.sources.names import check_path, is_version, version_key

__all__ = ["EXTENSIONS", "beside", "complete", "folders_in", "listed_names", "named_in", "read_text", "versions_in"]

EXTENSIONS = ("atr",)
"""Annotation files that belong to a record, where there are any."""


def complete(database: Path, path: str, about: str, *, is_segment: bool = False) -> list[Path] | None:
    """Return the files of a record in a folder, or None if one is missing that its header names."""
    header = with_extension(database / path, "hea")
    if not header.is_file():
        return None
    signals, segments = named_in(header.read_bytes(), header.name, about)
    files = [header.with_name(signal) for signal in signals]
    if not all(file.is_file() for file in files) or (is_segment and segments):
        return None
    for segment in segments:
        part = complete(database, beside(path, segment), about, is_segment=True)
        if part is None:
            return None
        files += part
    if not is_segment:
        annotations = [with_extension(database / path, extension) for extension in EXTENSIONS]
        files += [file for file in annotations if file.is_file()]
    return [*files, header]


def named_in(header: bytes, file: str, about: str) -> tuple[list[str], list[str]]:
    """Return the signal files and segments that a header names, none of which may lead out of its folder."""
    signals, segments = header_files(header.decode("utf-8", "replace"))
    for name in (*signals, *segments):
        try:
            plain = "/" not in check_path(name)
        except RecordNotFound:
            plain = False
        if not plain:
            raise RecordCorrupt(f"{about}: {file} is not a WFDB header (it names the file {name!r})")
    return signals, segments


def beside(path: str, name: str) -> str:
    """Return the path of a file in the same folder as another."""
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}{name}"


def versions_in(database: Path) -> list[str]:
    """Return the versions of a database that have any file, newest first."""
    versions = [name for name in folders_in(database) if is_version(name) and _has_files(database / name)]
    return sorted(versions, key=version_key, reverse=True)


def folders_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder; none if it is not there."""
    return [child.name for child in folder.iterdir() if child.is_dir()] if folder.is_dir() else []


def listed_names(database: Path) -> list[str]:
    """Return the lines of a database's ``RECORDS`` file; none if it has none."""
    return (read_text(database / "RECORDS") or "").split()


def read_text(file: Path) -> str | None:
    """Return a file's text, or None if there is no such file."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _has_files(folder: Path) -> bool:
    """Tell whether a folder has any file but the hidden ones, which an interrupted download may have left."""
    return any(file.is_file() and not file.name.startswith(".") for file in folder.rglob("*"))
