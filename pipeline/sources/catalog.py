"""Which records there are, and opening one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from pipeline.errors import PipelineError, RecordCorrupt, RecordNotFound, SourceUnavailable
from pipeline.record_name import RecordName
from pipeline.settings import Settings
from pipeline.sources.checksums import published_in
from pipeline.sources.download import Progress
from pipeline.sources.foreign.base import ReadOptions
from pipeline.sources.foreign.record import ForeignRecord
from pipeline.sources.foreign.registry import is_known, is_listed
from pipeline.sources.header import header_files, with_extension
from pipeline.sources.names import PhysioNetName, check_file, check_path, did_you_mean
from pipeline.sources.physionet import fetch, os_errors, read_list
from pipeline.sources.wfdb_record import WfdbRecord

__all__ = ["find_records", "list_records", "open_record"]

_LIST = "RECORDS"
DEEPEST = 6  # folders with lists of their own in each other
MOST_LISTS = 10_000  # of one database or folder
_UNREADABLE = "let this user read it, or copy it elsewhere"


def open_record(
    name: str,
    *,
    data_dir: Path | str | None = None,
    leads: Sequence[str] | None = None,
    max_leads: int = 2,
    fs: float | None = None,
    units: str | None = None,
    annotator: str = "atr",
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> WfdbRecord | ForeignRecord:
    """Open a record, fetching it first if it is PhysioNet's and not here.

    Parameters
    ----------
    name : str
        ``mitdb/208`` or ``mitdb/1.0.0/208``; with ``data_dir``, the record's path inside that folder, before which the
        folder's name may stand, as in the record's name.
    data_dir : path, optional
        A folder of WFDB records and of files of other formats, see :mod:`pipeline.sources.foreign`; a file's name is
        given with its ending.
    leads : sequence of str, optional
        Names of leads in order of preference; by default as :data:`pipeline.sources.leads.PREFERENCE` has it. The first
        ``max_leads`` that the record has are carried.
    max_leads : int
        Most leads to carry, 1 to 12.
    fs, units : float, str, optional
        Rate in Hz and unit of a file of another format, where it does not say.
    annotator : str
        Whose annotations count: the extension of a WFDB annotation file, such as ``qrs``. Of PhysioNet's only those of
        ``atr`` are fetched.
    settings : Settings, optional
        Where records come from and are cached; read from the environment by default.
    progress : callable, optional
        Called as ``progress(file, bytes_done, bytes_in_all)`` while files arrive.

    Returns
    -------
    WfdbRecord or ForeignRecord
        Its name is ``mitdb/208``, or with ``data_dir`` the folder's name and the record's.

    Raises
    ------
    RecordNotFound, RecordCorrupt, RecordUnsupported, SourceUnavailable, OutputError
        In one line that names the record, see :mod:`pipeline.errors`.
    """
    if data_dir is None:
        got = fetch(name, settings, progress=progress)
        path, full_name, database = got.path, got.name, got.database
    else:
        database = Path(data_dir)
        path, full_name = _locate(name, database)
    with os_errors(f"record {full_name!r}", SourceUnavailable, _UNREADABLE):
        if data_dir is not None and _is_file(path):
            options = ReadOptions(fs, units)
            return ForeignRecord(path, full_name, leads=leads, max_leads=max_leads, options=options)
        published = published_in(database)
        return WfdbRecord(
            path, full_name, leads=leads, max_leads=max_leads, annotator=annotator, is_published=published
        )


def list_records(*patterns: str, data_dir: Path | str | None = None, settings: Settings | None = None) -> list[str]:
    """Return the names that patterns stand for, in order and each once, as :func:`open_record` takes them.

    Parameters
    ----------
    *patterns : str
        Of PhysioNet: a record (``mitdb/208``, taken as it is), a glob (``mitdb/1*``) or a whole database (``mitdb``).
        Of a folder: a record, a glob or a subfolder, before which the folder's name may stand; none means all of it.
    data_dir : path, optional
        A folder of records: those that its ``RECORDS`` file lists, in that order; then those that lie there without
        being listed, without headers of segments; then files of other formats that are recordings by their ending.
        A pattern finds files of all formats.
    settings : Settings, optional
        Where records come from; read from the environment by default.

    Raises
    ------
    RecordNotFound
        If there is no such database or folder, or nothing matches one of the patterns.
    SourceUnavailable, OutputError
        As :func:`~pipeline.sources.physionet.fetch`.
    ValueError
        If there is no pattern and no folder.
    """
    names, missing = find_records(*patterns, data_dir=data_dir, settings=settings)
    for error in missing.values():
        raise error
    return names


def find_records(
    *patterns: str, data_dir: Path | str | None = None, settings: Settings | None = None
) -> tuple[list[str], dict[str, PipelineError]]:
    """Return the names that patterns stand for, and for each pattern that stands for none the reason.

    Parameters
    ----------
    *patterns, data_dir, settings
        As :func:`list_records`.

    Raises
    ------
    PipelineError
        If no pattern stands for any record: the first one's reason.
    RecordNotFound
        If there is no such folder, or something is no name at all.
    ValueError
        If there is no pattern and no folder.
    """
    if data_dir is None:
        if not patterns:
            raise ValueError("name a pattern, such as 'mitdb', or a data_dir")
        settings = settings or Settings()
        wanted = {pattern: PhysioNetName.parse(pattern, glob=True) for pattern in patterns}
        look_ups = {pattern: partial(_of_physionet, name, settings) for pattern, name in wanted.items()}
    else:
        data_dir = Path(data_dir)
        if not data_dir.is_dir():
            raise RecordNotFound(f"records in {str(data_dir)!r}: there is no such folder")
        with os_errors(f"records in {str(data_dir)!r}", SourceUnavailable, _UNREADABLE):
            there = list(_in_folder(data_dir, every=bool(patterns)))
        inside = {pattern: _inside(pattern, data_dir, lambda path: bool(_found(path, there))) for pattern in patterns}
        paths = {pattern: check_file(path) for pattern, path in (inside or {"*": "*"}).items()}
        look_ups = {pattern: partial(_matching, path, there, str(data_dir)) for pattern, path in paths.items()}
    names: list[str] = []
    missing: dict[str, PipelineError] = {}
    for pattern, look_up in look_ups.items():
        try:
            names += look_up()
        except PipelineError as error:
            missing[pattern] = error
    if not names:
        raise next(iter(missing.values()))
    return list(dict.fromkeys(names)), missing


def _locate(name: str, folder: Path) -> tuple[Path, str]:
    """Return the path of a record in a folder, without extension, and the name that its chunks carry."""

    def is_there(path: str) -> bool:
        return with_extension(folder / path, "hea").is_file()

    with os_errors(f"record {name!r}", SourceUnavailable, _UNREADABLE):
        relative = check_file(_inside(name, folder, lambda path: is_there(path) or _is_file(folder / path)))
        if not is_there(relative) and not _is_file(folder / relative):
            near = did_you_mean(relative, _in_folder(folder, every=True)) if folder.is_dir() else ""
            raise RecordNotFound(f"record {name!r}: there is no {relative}.hea in {folder}{near}")
    return folder / relative, str(RecordName.in_folder(folder, relative))


def _is_file(path: Path) -> bool:
    """Tell whether a path is a recording of another format than WFDB; a record's own header comes first."""
    return not with_extension(path, "hea").is_file() and is_known(path) and path.is_file()


def _of_physionet(wanted: PhysioNetName, settings: Settings) -> list[str]:
    if wanted.path and not _is_glob(wanted.path):
        return [str(wanted)]
    whole = wanted.path or "*"
    there = list(_listed(partial(read_list, wanted, settings=settings), whole))
    prefix = str(PhysioNetName(wanted.database, wanted.version, ""))
    if not there:
        raise RecordNotFound(f"database {prefix!r}: it has no {_LIST} file; name its records one by one")
    return [f"{prefix}/{path}" for path in _matching(whole, there, prefix)]


def _in_folder(folder: Path, *, every: bool = False) -> Iterator[str]:
    """Yield the records of a folder; with ``every``, also files that may be recordings or something else."""
    listed: dict[str, None] = {}
    if (folder / _LIST).is_file():

        def read(file: str) -> str | None:
            return (folder / file).read_text("utf-8", "replace") if (folder / file).is_file() else None

        listed = dict.fromkeys(_listed(read, "*", check=check_file))
    yield from listed
    parts: set[Path] = set()  # files that belong to a record
    headers = list(_visible(folder, "*.hea"))
    for header in headers:
        with suppress(OSError):  # that record fails when it is opened, and the others are listed
            signals, segments = header_files(header.read_text("utf-8", errors="replace"))
            parts.update(header.with_name(f"{segment}.hea") for segment in segments)
            parts.update(header.with_name(signal) for signal in signals)
    for header in headers:
        name = header.relative_to(folder).as_posix().removesuffix(".hea")
        if header not in parts and name not in listed:
            yield name
    for file in _visible(folder, "*"):
        if file not in parts and (is_known(file) if every else is_listed(file)) and file.is_file():
            yield file.relative_to(folder).as_posix()


def _visible(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield what a folder holds, without what is still being written."""
    hidden = re.compile(r"(^|/)\.")
    return (path for path in sorted(folder.rglob(pattern)) if not hidden.search(path.relative_to(folder).as_posix()))


def _listed(
    read: Callable[[str], str | None], glob: str, folder: str = "", *, check: Callable[[str], str] = check_path
) -> Iterator[str]:
    """Yield the records of a ``RECORDS`` file; a line that ends in a slash names a folder with a list of its own."""
    if folder.count("/") > DEEPEST:
        raise RecordCorrupt(f"{folder}{_LIST}: lists lie in each other more than {DEEPEST} deep: one lists itself")
    if not folder:
        read = _at_most(MOST_LISTS, read)
    literal = re.split(r"[*?\[]", glob)[0]
    for line in (read(f"{folder}{_LIST}") or "").splitlines():
        entry = folder + line.strip()
        if entry == folder:
            continue
        if not entry.endswith("/"):
            yield check(entry)
        elif entry.startswith(literal) or literal.startswith(entry):  # a list costs a request: only where it may match
            yield from _listed(read, glob, check(entry.rstrip("/")) + "/", check=check)


def _at_most(most: int, read: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """Return what reads so many lists and no more: lists may name lists, which name lists."""
    lists = 0

    def counted(file: str) -> str | None:
        nonlocal lists
        lists += 1
        if lists > most:
            raise RecordCorrupt(f"{file}: more than {most:,} lists of records name each other")
        return read(file)

    return counted


def _matching(pattern: str, there: Sequence[str], where: str) -> list[str]:
    found = _found(pattern, there)
    if not there:
        raise RecordNotFound(f"{where} holds no recording: name another folder or database, or files in it")
    if not found:
        raise RecordNotFound(f"record {pattern!r}: nothing in {where} matches{did_you_mean(pattern, there)}")
    return found


def _found(pattern: str, there: Sequence[str]) -> list[str]:
    return [name for name in there if name == pattern or name.startswith(f"{pattern}/") or fnmatchcase(name, pattern)]


def _inside(name: str, folder: Path, is_there: Callable[[str], bool]) -> str:
    """Return a name without the folder's before it, which results carry, unless it is there as it stands."""
    inner = name.removeprefix(f"{RecordName.in_folder(folder, '')}/")
    return name if inner == name or is_there(name) else inner


def _is_glob(text: str) -> bool:
    return re.search(r"[*?\[]", text) is not None
