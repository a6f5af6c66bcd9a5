"""PhysioNet records: the live site, an HTTP mirror of its ``files/`` tree, or a folder with the same layout.

The cache has that layout too: ``<cache_dir>/<database>/<version>/<file>``. Files land whole, the header of a record
last, so a header in the cache says that its record is complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pipeline.errors import OutputError, RecordCorrupt, RecordNotFound, SourceUnavailable
from pipeline.settings import Settings
from pipeline.sources.download import Client, Progress, without_password
from pipeline.sources.http_site import HttpSite
from pipeline.sources.layout import complete, folders_in, listed_names, read_text, versions_in
from pipeline.sources.names import PhysioNetName, did_you_mean, with_its_database

__all__ = ["FetchedRecord", "database_in", "fetch", "is_here", "mirror_folder", "os_errors", "read_list"]


@dataclass(frozen=True, slots=True)
class FetchedRecord:
    """A record that lies on disk.

    Attributes
    ----------
    name : str
        Such as ``mitdb/208``.
    version : str
        Version of its database, such as ``1.0.0``.
    database : Path
        Folder of the database in this version.
    path : Path
        The record's path without extension.
    files : tuple of Path
        Its files: signals, annotations, headers.
    fetched_bytes, cached_bytes : int
        Bytes that came over the network, and that were there already.
    """

    name: str
    version: str
    database: Path
    path: Path
    files: tuple[Path, ...]
    fetched_bytes: int
    cached_bytes: int


def fetch(name: str, settings: Settings | None = None, *, progress: Progress | None = None) -> FetchedRecord:
    """Bring a record to this machine, unless it is here.

    From a folder it is read in place. Over HTTP its files go to the cache, checked against the database's
    ``SHA256SUMS.txt`` where they are listed there; a record that is complete in the cache costs no request. A name
    without a version means the newest that the cache has, and the newest that the site has if it has none.

    Parameters
    ----------
    name : str
        ``mitdb/208`` or ``mitdb/1.0.0/208``.
    settings : Settings, optional
        Where from, where to, and how.
    progress : callable, optional
        Called as ``progress(file, bytes_done, bytes_in_all)`` while files arrive.

    Raises
    ------
    RecordNotFound
        If there is no such database, version or record.
    RecordCorrupt
        If a file does not have the hash that its publisher lists, or a header names files that cannot be.
    SourceUnavailable
        If the network, the server or the folder does not answer.
    OutputError
        If the cache cannot be written.
    """
    settings = settings or Settings()
    wanted = PhysioNetName.parse(name)
    about = f"record {name!r}"
    if not wanted.path:
        raise RecordNotFound(f"{about}: this is a whole database; name a record of it, such as {name}/100")
    root = mirror_folder(settings.physionet_url, about)
    if root is not None:
        with os_errors(about, SourceUnavailable, "check the folder of ECG_PHYSIONET_URL"):
            return _in_mirror(wanted, root, about)
    with os_errors(about, OutputError, "make room there or set ECG_CACHE_DIR to another folder"):
        cache = settings.cache_dir / wanted.database
        for version in [wanted.version] if wanted.version else versions_in(cache):
            found = complete(cache / version, wanted.path, about)
            if found is not None:
                return _fetched(wanted, cache / version, found, 0)
        with Client(settings.fetch, progress) as client:
            site = HttpSite(settings, client, wanted)
            files = site.record(wanted.path)
            return _fetched(wanted, site.folder, files, site.fetched_bytes)


def is_here(name: str, settings: Settings) -> bool:
    """Return True if a record lies in the mirror's folder or whole in the cache; nobody is asked over a network.

    Raises
    ------
    SourceUnavailable
        If the setting names a folder that is not there.
    """
    about = f"record {name!r}"
    try:
        wanted = PhysioNetName.parse(name)
        root = mirror_folder(settings.physionet_url, about)
        database = (settings.cache_dir if root is None else root) / wanted.database
        versions = [wanted.version] if wanted.version else versions_in(database)
        return any(complete(database / version, wanted.path, about) is not None for version in versions)
    except (RecordNotFound, RecordCorrupt, OSError):
        return False


def read_list(name: PhysioNetName, file: str, settings: Settings, *, progress: Progress | None = None) -> str | None:
    """Return the text of a list in a database, such as ``RECORDS``; None if it has none. Cached like a record.

    Raises
    ------
    RecordNotFound
        If there is no such database or version.
    SourceUnavailable
        If the network, the server or the folder does not answer.
    OutputError
        If the cache cannot be written.
    """
    about = f"database {name.database!r}"
    root = mirror_folder(settings.physionet_url, about)
    if root is not None:
        with os_errors(about, SourceUnavailable, "check the folder of ECG_PHYSIONET_URL"):
            return read_text(database_in(root, name, about) / file)
    with os_errors(about, OutputError, "make room there or set ECG_CACHE_DIR to another folder"):
        cache = settings.cache_dir / name.database
        version = name.version or next(iter(versions_in(cache)), None)
        text = read_text(cache / version / file) if version else None
        if text is not None:
            return text
        with Client(settings.fetch, progress) as client:
            site = HttpSite(settings, client, name)
            return read_text(site.folder / file) if site.file(file) else None


def _in_mirror(name: PhysioNetName, root: Path, about: str) -> FetchedRecord:
    database = database_in(root, name, about)
    found = complete(database, name.path, about)
    if found is None:
        near = did_you_mean(name.path, set(listed_names(database)) - {name.path})
        advice = near or f"; `ecg-anomaly fetch --list {name.database}` shows what is there"
        raise RecordNotFound(f"{about}: its files are not all in {database}{advice}")
    return _fetched(name, database, found, 0)


def _fetched(name: PhysioNetName, database: Path, files: list[Path], fetched: int) -> FetchedRecord:
    files = list(dict.fromkeys(files))
    size = sum(file.stat().st_size for file in files)
    path = database / name.path
    return FetchedRecord(name.canonical, database.name, database, path, tuple(files), fetched, max(0, size - fetched))


def mirror_folder(url: str, about: str) -> Path | None:
    """Return the folder that the setting names, or None if it is an HTTP address."""
    scheme = urlsplit(url).scheme if "://" in url else ""
    if scheme in ("http", "https"):
        return None
    if scheme not in ("", "file"):
        raise SourceUnavailable(
            f"{about}: ECG_PHYSIONET_URL is {without_password(url)!r}; it must be http(s)://, file:// or a folder"
        )
    root = Path(url2pathname(urlsplit(url).path)) if scheme else Path(url).expanduser()
    if not root.is_dir():
        raise SourceUnavailable(
            f"{about}: ECG_PHYSIONET_URL is {without_password(url)!r}, which is no folder; correct or unset it"
        )
    inner = root / "files"  # the tree's own name on the site
    return inner if inner.is_dir() else root


def database_in(root: Path, name: PhysioNetName, about: str) -> Path:
    """Return the folder of a database, in the version that is named or the newest, below a mirror's root."""
    versions = versions_in(root / name.database)
    if not versions:
        near = with_its_database(name.database) or did_you_mean(name.database, set(folders_in(root)) - {name.database})
        raise RecordNotFound(f"{about}: there is no database {name.database!r} in {root}{near}")
    if name.version and name.version not in versions:
        raise RecordNotFound(f"{about}: {root / name.database} has only version {', '.join(versions)}")
    return root / name.database / (name.version or versions[0])


@contextmanager
def os_errors(about: str, kind: type[SourceUnavailable] | type[OutputError], advice: str) -> Iterator[None]:
    """Translate what the operating system says about a folder."""
    try:
        yield
    except OSError as error:
        raise kind(f"{about}: {error.filename or 'its folder'}: {error.strerror or error}; {advice}") from error
