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

from pipeline.errors import PipelineError, RecordCorrupt, RecordNotFound, RecordUnsupported, SourceUnavailable
from pipeline.sources.foreign import ecg_documents as ecg
from pipeline.sources.foreign import movesense, withings
from pipeline.sources.foreign.base import ReadOptions, SignalFile

__all__ = ["ENTRY_POINTS", "Format", "ending_of", "format_of", "formats", "is_known", "is_listed", "open_signals"]

ENTRY_POINTS = "ecg_anomaly.formats"

_FAULTS = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, EOFError, MemoryError),
    *(struct.error, zlib.error, UnicodeError, RecursionError),
)
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
        RecordCorrupt
            If it is damaged.
        """
        if not self.is_installed:
            raise RecordUnsupported(
                f"{path.name}: {self.name} is read by {self.package or self.library}, which is not installed: "
                "pip install 'ecg-anomaly[formats]'"
            )
        read = getattr(import_module(self.module), self.function)
        try:
            opened: SignalFile = read(path, options)
        except (PipelineError, OSError):
            raise
        except Exception as error:
            # A library says in its own way that a file is damaged, also by tripping over it; the project's own readers
            # have a few ways.
            if self.library or isinstance(error, _FAULTS):
                line = " ".join(str(error).split())[:300]
                raise RecordCorrupt(f"{path.name}: it is damaged ({type(error).__name__}: {line})") from error
            raise
        return opened


_HERE = "pipeline.sources.foreign"


def _own() -> list[Format]:
    document, kit = f"{_HERE}.ecg_documents", "ecgdatakit"
    belt, watch = f"{_HERE}.movesense", f"{_HERE}.withings"
    return [
        Format("EDF, EDF+C, EDF+D, BDF", (".edf", ".bdf", ".rec"), f"{_HERE}.edf_file", "open_edf",
               keeps="start, device, notes, holes", lists=True),
        Format("table of text", (".csv", ".tsv", ".txt"), f"{_HERE}.csv_file", "open_csv",
               keeps="start, device, holes"),
        Format("DICOM waveform", (".dcm", ".dicom"), f"{_HERE}.dicom", "open_dicom", "pydicom",
               "start, device", _knows_dicom, lists=True),
        Format("ISHNE Holter", (".ecg", ".ishne"), f"{_HERE}.ishne", "open_ishne",
               keeps="start, device", knows=_knows_ishne, lists=True),
        Format("HL7 aECG", (".xml", ".aecg", ".ecg"), document, "open_document", kit, "start, device", ecg.knows_aecg),
        Format("GE MUSE XML", (".xml",), document, "open_document", kit, "start, device", ecg.knows_muse),
        Format("Philips Sierra XML", (".xml",), document, "open_document", kit, "start, device", ecg.knows_sierra),
        Format("SCP-ECG", (".scp", ".ecg"), document, "open_document", kit, "start, device", ecg.knows_scp, lists=True),
        Format("Kardia JSON", (".json",), document, "open_document", kit, "start, device", ecg.knows_kardia),
        Format("Movesense log", (".json",), belt, "open_log", keeps="start, holes", knows=movesense.knows_log),
        Format("Movesense table", (".csv",), belt, "open_table", keeps="holes", knows=movesense.knows_table),
        Format("Withings answer", (".json",), watch, "open_answer", keeps="start, device", knows=withings.knows_answer),
        Format("Withings table", (".csv",), watch, "open_table", keeps="start, device", knows=withings.knows_table),
        Format("VitalDB", (".vital",), f"{_HERE}.vital_file", "open_vital", "vitaldb",
               "start, device, notes, holes", lists=True),
        Format("BIOPAC AcqKnowledge", (".acq",), f"{_HERE}.acq_file", "open_acq", "bioread",
               "start, notes", lists=True),
        Format("XDF", (".xdf", ".xdfz"), f"{_HERE}.xdf_file", "open_xdf", "pyxdf", "start, holes", lists=True),
        Format("MATLAB", (".mat",), f"{_HERE}.mat_file", "open_mat", "scipy"),
        Format("NumPy", (".npy", ".npz"), f"{_HERE}.numpy_file", "open_numpy", "numpy", "holes"),
        Format("Parquet", (".parquet",), f"{_HERE}.parquet_file", "open_parquet", "pyarrow", "start, holes"),
        Format("Feather", (".feather", ".arrow"), f"{_HERE}.parquet_file", "open_feather", "pyarrow", "start, holes"),
    ]  # fmt: skip


def _knows_dicom(head: bytes) -> bool:
    return head[128:132] == b"DICM"


def _knows_ishne(head: bytes) -> bool:
    return head.startswith(b"ISHNE1.0")


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
        raise RecordUnsupported(
            f"{path.name}: its beginning is not that of {names}; samples of another layout are read as a table of "
            "columns with names and units, such as `time,II (mV)` in a .csv"
        )
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
            raise RecordCorrupt(f"{path.name}: it is damaged ({' '.join(str(error).split())[:300]})") from error
        raise SourceUnavailable(f"{path}: it cannot be read ({error.strerror})") from error
    except (EOFError, zlib.error) as error:  # gzip's
        raise RecordCorrupt(f"{path.name}: it is damaged ({error})") from error
