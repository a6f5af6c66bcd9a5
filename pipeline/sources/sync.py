"""Keeping a database on this machine as its publisher has it: what is missing or has changed, and nothing else."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.errors import OutputError, RecordCorrupt, SourceUnavailable
from pipeline.settings import Settings
from pipeline.sources.catalog import list_records
from pipeline.sources.checksums import SUMS_FILE, differs_from_list, record_checksum
from pipeline.sources.download import Client, Progress
from pipeline.sources.http_site import HttpSite
from pipeline.sources.layout import complete
from pipeline.sources.names import PhysioNetName
from pipeline.sources.physionet import database_in, fetch, mirror_folder, os_errors

__all__ = ["REQUESTS_A_RECORD", "SyncedRecord", "needs_fetching", "refresh", "sync_record"]

REQUESTS_A_RECORD = 4
"""What a record of one signal file costs a server: header, signal, annotations, and one for luck."""

State = Literal["new", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class SyncedRecord:
    """A record that is here as its publisher has it.

    Attributes
    ----------
    record : str
        Such as ``mitdb/208``.
    version : str
        Version of its database.
    state : {"new", "changed", "unchanged"}
        What was found before: nothing or a part; files whose SHA-256 is not the one listed now; all as listed.
    fetched_bytes : int
        Bytes that came over the network.
    checksum : str
        SHA-256 over its files, see :func:`pipeline.sources.record_checksum`.
    """

    record: str
    version: str
    state: State
    fetched_bytes: int
    checksum: str


def refresh(database: str, settings: Settings) -> list[str]:
    """Ask the publisher anew which records a database has, and which SHA-256 their files have.

    Over HTTP the newest version of the database counts, or the one that the name states, and its lists are fetched
    again whatever the cache holds. A folder is read in place.

    Parameters
    ----------
    database : str
        ``mitdb`` or ``mitdb/1.0.0``, or a glob of records such as ``mitdb/1*``.
    settings : Settings
        Where from and where to.

    Returns
    -------
    list of str
        Names with the version, such as ``mitdb/1.0.0/208``, as :func:`sync_record` takes them.

    Raises
    ------
    RecordNotFound
        If there is no such database, or it lists no records.
    SourceUnavailable
        If the network, the server or the folder does not answer.
    OutputError
        If the cache cannot be written.
    """
    wanted = PhysioNetName.parse(database, glob=True)
    about = f"database {wanted.database!r}"
    root = mirror_folder(settings.physionet_url, about)
    if root is not None:
        with os_errors(about, SourceUnavailable, "check the folder of ECG_PHYSIONET_URL"):
            version = database_in(root, wanted, about).name
    else:
        with _cache_errors(about), Client(settings.fetch) as client:
            site = HttpSite(settings, client, wanted, newest=True)
            for file in (SUMS_FILE, "RECORDS"):
                site.file(file, again=True)
            version = site.folder.name
    return list_records(str(PhysioNetName(wanted.database, version, wanted.path)), settings=settings)


def needs_fetching(name: str, settings: Settings) -> bool:
    """Return True if a record is not here as it is listed, so that :func:`sync_record` will ask the publisher for it.

    Raises
    ------
    RecordCorrupt
        If a header here is damaged.
    OutputError
        If the cache cannot be read.
    """
    if mirror_folder(settings.physionet_url, f"record {name!r}") is not None:
        return False
    return _look(PhysioNetName.parse(name), settings)[0] != "unchanged"


def sync_record(name: str, settings: Settings, *, progress: Progress | None = None) -> SyncedRecord:
    """Bring a record to this machine if it is missing, or not as its publisher lists it.

    Parameters
    ----------
    name : str
        With its version, as :func:`refresh` returns it.
    settings : Settings
        Where from, where to, and how.
    progress : callable, optional
        Called as ``progress(file, bytes_done, bytes_in_all)`` while files arrive.

    Raises
    ------
    RecordNotFound
        If the publisher does not have it.
    RecordCorrupt
        If a file does not have the hash that is listed, even when fetched anew.
    SourceUnavailable
        If the network, the server or the folder does not answer.
    OutputError
        If the cache cannot be written.
    """
    about = f"record {name!r}"
    if mirror_folder(settings.physionet_url, about) is not None:
        got = fetch(name, settings)
        wrong = [file.name for file in got.files if differs_from_list(got.database, file)]
        if wrong:
            raise RecordCorrupt(
                f"{about}: {', '.join(wrong)} in {got.database} differ from {SUMS_FILE}; copy the database anew"
            )
        return SyncedRecord(got.name, got.version, "unchanged", 0, record_checksum(got))
    state, wrong_files = _look(PhysioNetName.parse(name), settings)
    with _cache_errors(about):
        # The header first: without it the record counts as not here, so an interruption leaves nothing half new.
        for file in sorted(wrong_files, key=lambda file: file.suffix != ".hea"):
            file.unlink(missing_ok=True)
    got = fetch(name, settings, progress=progress)
    return SyncedRecord(got.name, got.version, state, got.fetched_bytes, record_checksum(got))


def _look(name: PhysioNetName, settings: Settings) -> tuple[State, list[Path]]:
    """Return how a record in the cache stands against the list, and the files to fetch again."""
    if not name.version:
        raise ValueError(f"{name} states no version; refresh() returns names that do")
    about = f"record {str(name)!r}"
    with _cache_errors(about):
        database = settings.cache_dir / name.database / name.version
        files = complete(database, name.path, about)
        if files is None:
            return "new", []
        wrong = [file for file in files if differs_from_list(database, file)]
    headers = [file for file in files if file.suffix == ".hea"] if wrong else []
    return ("changed" if wrong else "unchanged"), list(dict.fromkeys([*headers, *wrong]))


def _cache_errors(about: str) -> AbstractContextManager[None]:
    return os_errors(about, OutputError, "make room there or set ECG_CACHE_DIR to another folder")
