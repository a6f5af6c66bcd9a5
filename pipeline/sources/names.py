"""Names of records and databases: read, checked, and suggested when mistyped.

Names come from command lines, schedules and lists on servers. None becomes a path or an address before it has passed
through here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath

from pipeline.errors import RecordNotFound
from pipeline.record_name import RecordName

__all__ = [
    "KNOWN_DATABASES",
    "PhysioNetName",
    "check_file",
    "check_path",
    "did_you_mean",
    "is_version",
    "version_key",
    "with_its_database",
]

# ECG databases that PhysioNet offers without registration; only used to suggest a name.
KNOWN_DATABASES = (
    "mitdb",
    "nstdb",
    "svdb",
    "ltdb",
    "afdb",
    "ltafdb",
    "incartdb",
    "edb",
    "ltstdb",
    "stdb",
    "qtdb",
    "sddb",
    "vfdb",
    "cudb",
    "nsrdb",
    "nsr2db",
    "chfdb",
    "chf2db",
    "ptbdb",
    "ptb-xl",
    "apnea-ecg",
    "slpdb",
    "fantasia",
    "aami-ec13",
    "cebsdb",
    "mimic4wdb",
)

# How databases name their records, for a name that came without its database; only used to suggest it.
RECORD_NAMES = {
    "mitdb": r"1[0-2]\d|2[0-3]\d",
    "svdb": r"8[0-9]\d",
    "nstdb": r"11[89]e_?\d\d?",
    "vfdb": r"4[1-3]\d|6[01]\d",
    "cudb": r"cu\d\d",
    "afdb": r"0[4-8]\d{3}",
    "ltdb": r"14\d{3}",
    "nsrdb": r"1[6-9]\d{3}",
    "edb": r"e0\d{3}",
    "ltstdb": r"s[23]\d{4}",
    "incartdb": r"I\d\d",
}

_PART = re.compile(r"\w[\w.+=-]*")
_VERSION = re.compile(r"\d+(\.\d+)+")
_GLOB = re.compile(r"[*?\[\]!]")


def is_version(part: str) -> bool:
    """Tell whether a part of a name is a database's version, such as ``1.0.0``."""
    return _VERSION.fullmatch(part) is not None


def version_key(version: str) -> tuple[int, ...]:
    """Return what versions sort by: ``1.10.0`` is newer than ``1.9.0``."""
    return tuple(int(number) for number in version.split("."))


def check_path(name: str, *, glob: bool = False) -> str:
    """Return a relative path of plain parts, without ``.hea``.

    Parameters
    ----------
    name : str
        Parts of letters, digits and ``_ . + = -``, joined by ``/``; none begins with a dot.
    glob : bool
        Also allow ``* ? [ ] !``.

    Raises
    ------
    RecordNotFound
        If it is anything else: absolute, with ``..``, with blanks or other characters.
    """
    path = name.removesuffix(".hea")
    plain = _GLOB.sub("x", path) if glob else path
    if not all(_PART.fullmatch(part) for part in plain.split("/")):
        raise RecordNotFound(
            f"record {name!r}: not a name of a record; write it like mitdb/208, of letters, digits and _ . + = - only"
        )
    return path


def check_file(name: str) -> str:
    """Return the relative path of a record in a folder, without ``.hea``: whatever files may be called.

    Raises
    ------
    RecordNotFound
        If it leads out of the folder, is hidden, or holds what no name does.
    """
    path = name.removesuffix(".hea")
    try:
        return str(RecordName.parse(path))
    except ValueError as error:
        raise RecordNotFound(f"record {name!r}: not a name of a record in a folder ({error})") from error


@dataclass(frozen=True, slots=True)
class PhysioNetName:
    """A name such as ``mitdb/208``, ``mitdb/1.0.0/208`` or, of a whole database, ``mitdb``.

    Attributes
    ----------
    database : str
        Such as ``mitdb``.
    version : str or None
        Such as ``1.0.0``; None if the name gives none.
    path : str
        The record inside the database, such as ``208`` or ``patient001/s0010_re``; empty for a whole database.
    """

    database: str
    version: str | None
    path: str

    @classmethod
    def parse(cls, name: str, *, glob: bool = False) -> PhysioNetName:
        """Read a name; with ``glob``, its record may be a pattern such as ``1*``.

        Raises
        ------
        RecordNotFound
            If it is no name.
        """
        database, *rest = check_path(name, glob=glob).split("/")
        if _GLOB.search(database):
            raise RecordNotFound(f"record {name!r}: write the database in full, such as mitdb/1*")
        version = rest.pop(0) if rest and is_version(rest[0]) else None
        return cls(database, version, "/".join(rest))

    @property
    def canonical(self) -> str:
        """The name that results carry: without the version, such as ``mitdb/208``."""
        return str(PurePosixPath(self.database, self.path))

    def __str__(self) -> str:
        return str(PurePosixPath(self.database, self.version or "", self.path))


def with_its_database(name: str) -> str:
    """Return ``; did you mean 'mitdb/208'?`` if a name is like those of a database's records, else an empty string.

    >>> with_its_database("208")
    "; did you mean 'mitdb/208'?"
    """
    found = next((database for database, like in RECORD_NAMES.items() if re.fullmatch(like, name)), None)
    return f"; did you mean '{found}/{name}'?" if found else ""


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'mitdb'?`` if something known is near, else an empty string.

    >>> did_you_mean("mitbd", KNOWN_DATABASES)
    "; did you mean 'mitdb'?"
    """
    near = get_close_matches(wrong, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
