"""The formats that are read: one list, to which other packages may add."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from xml.parsers.expat import ExpatError

from pipeline.errors import RecordCorrupt, RecordNotFound, RecordUnsupported, SourceUnavailable
from pipeline.sources.foreign.base import ReadOptions, SignalFile

__all__ = ["ENTRY_POINTS", "Format", "ending_of", "format_of", "formats", "is_known", "is_listed", "open_signals"]

ENTRY_POINTS = "ecg_anomaly.formats"

_PACKED = (".gz",)
_HEAD = 4096  # bytes that a format may look at to know its own


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files.

    Attributes
    ----------
    name : str
        Such as ``EDF, BDF``.
    endings : tuple of str
        Endings of its files in small letters, such as ``.edf``.
    module : str
        The module that reads it.
    function : str
        Its function, which takes path and options and returns a :class:`~pipeline.sources.foreign.base.SignalFile`.
    library : str
        The library that reads it, as it is imported; empty if the project does itself.
    keeps : str
        What is kept beside the signal, in words.
    knows : callable or None
        Tells from the first 4 KiB of a file whether it is of this format, where several have one ending.
    lists : bool
        True if files with these endings are recordings and nothing else, so that they count in a folder without being
        named.
    package : str
        What to install for the library, if that has another name.
    """

    name: str
    endings: tuple[str, ...]
    module: str
    function: str
    library: str = ""
    keeps: str = ""
    knows: Callable[[bytes], bool] | None = None
    lists: bool = False
    package: str = ""

    @property
    def is_installed(self) -> bool:
        """True if its library is there."""
        return not self.library or find_spec(self.library.partition(".")[0]) is not None

    def open(self, path: Path, options: ReadOptions) -> SignalFile:
        """Open a file.

        Raises
        ------
        RecordUnsupported
            If its library is not installed; the message names the command.
        """
        if not self.is_installed:
            raise RecordUnsupported(
                f"{path.name}: {self.name} is read by {self.package or self.library}, which is not installed: "
                "pip install 'ecg-anomaly[formats]'"
            )
        opened: SignalFile = getattr(import_module(self.module), self.function)(path, options)
        return opened


_HERE = "pipeline.sources.foreign"


def _own() -> list[Format]:
    return [
        Format("EDF, EDF+C, EDF+D, BDF", (".edf", ".bdf", ".rec"), f"{_HERE}.edf_file", "open_edf",
               keeps="start, device, notes, holes", lists=True),
        Format("table of text", (".csv", ".tsv", ".txt"), f"{_HERE}.csv_file", "open_csv",
               keeps="start, device, holes"),
    ]  # fmt: skip


@cache
def formats() -> tuple[Format, ...]:
    """Return all formats that are known: the project's, and those that packages add by ``ecg_anomaly.formats``."""
    added = [entry.load() for entry in entry_points(group=ENTRY_POINTS)]
    return (*_own(), *added)


def ending_of(path: Path) -> str:
    """Return the ending of a file in small letters, without that of its compression.

    >>> ending_of(Path("night.EDF")), ending_of(Path("export.csv.gz"))
    ('.edf', '.csv')
    """
    name = path.name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return Path(name).suffix


def is_known(path: Path) -> bool:
    """Tell by a file's name whether it may be a recording that is read."""
    ending = ending_of(path)
    return any(ending in known.endings for known in formats())


def is_listed(path: Path) -> bool:
    """Tell by a file's name whether it is a recording and nothing else."""
    ending = ending_of(path)
    return any(ending in known.endings and known.lists for known in formats())


def format_of(path: Path, head: bytes) -> Format:
    """Return the format of a file, by its ending and its beginning.

    Raises
    ------
    RecordUnsupported
        If it is of none that is known.
    """
    ending = ending_of(path)
    alike = [known for known in formats() if ending in known.endings]
    sure = [known for known in alike if known.knows is not None and known.knows(head)]
    plain = [known for known in alike if known.knows is None]
    found = [*sure, *plain]
    if found:
        return found[0]
    if alike:
        names = " or ".join(known.name for known in alike)
        raise RecordUnsupported(f"{path.name}: its beginning is not that of {names}")
    endings = ", ".join(dict.fromkeys(ending for known in formats() for ending in known.endings))
    raise RecordUnsupported(f"{path.name}: a recording is read from .hea, {endings} (`ecg-anomaly formats` tells more)")


def open_signals(path: Path, options: ReadOptions) -> SignalFile:
    """Open a file of signals, whatever its format; what is compressed with gzip is unpacked.

    Raises
    ------
    RecordNotFound
        If there is no such file.
    SourceUnavailable
        If it cannot be read.
    RecordCorrupt
        If it is damaged.
    RecordUnsupported
        If its format is not known, or its library is not installed.
    """
    from pipeline.sources.foreign.packed import beginning, unpacked

    try:
        if not path.is_file():
            raise RecordNotFound(f"{path}: there is no such file")
        found = format_of(path, beginning(path, _HEAD))
        with unpacked(path) as plain:
            return found.open(plain, options)
    except OSError as error:
        if isinstance(error, EOFError) or error.errno is None:
            raise RecordCorrupt(f"{path.name}: it is damaged ({error})") from error
        raise SourceUnavailable(f"{path}: it cannot be read ({error.strerror})") from error
    except _FAULTS as error:  # what libraries and numpy say about damaged files
        raise RecordCorrupt(f"{path.name}: it is damaged ({type(error).__name__}: {error})") from error


_FAULTS = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, EOFError, AssertionError),
    *(
        NotImplementedError,
        RecursionError,
        struct.error,
        ExpatError,
        zlib.error,
        UnicodeError,
        MemoryError,
        StopIteration,
    ),
)
