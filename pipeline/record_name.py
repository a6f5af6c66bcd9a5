"""One idea of a record's name: what results, figures, frames and files call a record.

A name is parts joined by ``/``: the database or folder first, then the record inside it, such as ``mitdb/208`` or
``study (1)/night.edf``. It is what a person sees; where it becomes a path, a character that a file system may refuse is
written as ``%XX``, so that different names are different files.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

__all__ = ["RecordName", "folder_part", "patient_name"]

MOST_PARTS = 8
LONGEST_PART = 180  # bytes in UTF-8: a file name has room for 255, with an ending
_UNSAFE = re.compile(r'[%:*?"<>|\\]|^[-~]|[. ]$')


@dataclass(frozen=True, slots=True)
class RecordName:
    """A record's name.

    Attributes
    ----------
    parts : tuple of str
        Database or folder, and the path of the record inside it.

    Raises
    ------
    ValueError
        If a part is empty, ``.`` or ``..``, begins with a dot, has blanks around it, or holds a slash or a control
        character; or there are too many or too long ones.
    """

    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        for part in self.parts:
            if not _is_part(part):
                raise ValueError(f"{'/'.join(self.parts)!r} is no name of a record: {part!r} cannot be a part of it")
        if not 1 <= len(self.parts) <= MOST_PARTS:
            raise ValueError(f"{'/'.join(self.parts)!r:.200} is no name of a record: it has {len(self.parts)} parts")

    def __str__(self) -> str:
        return "/".join(self.parts)

    @classmethod
    def parse(cls, text: str) -> RecordName:
        """Read a name such as ``mitdb/208``.

        Raises
        ------
        ValueError
            If it is none.
        """
        return cls(tuple(text.split("/")))

    @classmethod
    def in_folder(cls, folder: Path, path: str) -> RecordName:
        """Return the name of a record in a folder; without its path, that of the folder.

        Whatever a folder is called, it has a name: what cannot stand in one becomes ``_``.

        Raises
        ------
        ValueError
            If the path is none.
        """
        return cls((folder_part(folder), *(path.removesuffix(".hea").split("/") if path else ())))

    @property
    def file_parts(self) -> tuple[str, ...]:
        """The parts as names of folders and, the last one without ending, a file."""
        return tuple(_quoted(part) for part in self.parts)


def patient_name(name: str) -> str:
    """Return what a record's patient is called in frames, whose names are subjects of a broker: ``SITE/PATIENT``.

    Letters, digits, ``-`` and ``_`` stay; each run of anything else becomes one ``-``.

    >>> patient_name("mitdb/208"), patient_name("study (1)/night+1.edf")
    ('mitdb/208', 'study-1/night-1-edf')
    """
    parts = [re.sub(r"[^A-Za-z0-9_-]+", "-", part).strip("-")[:64] or "x" for part in name.split("/")]
    return "/".join(parts)


def folder_part(folder: Path) -> str:
    """Return what a folder is called in names of its records."""
    name = "".join("_" if _is_control(char) or char in "/\\" else char for char in folder.resolve().name)
    name = name.strip().lstrip(".")
    while len(name.encode()) > LONGEST_PART // 2:
        name = name[:-1]
    return name.strip() or "records"


def _is_part(part: str) -> bool:
    return (
        bool(part)
        and part == part.strip()
        and not part.startswith((".", "~"))
        and "/" not in part
        and "\\" not in part
        and not any(_is_control(char) for char in part)
        and len(_quoted(part).encode()) <= LONGEST_PART
    )


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


def _quoted(part: str) -> str:
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), part)
