"""Recordings of every format that is read, but WFDB's, whose parts have doors of their own."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.fuzzing.door import Door, Enter
from pipeline.fuzzing.recordings import read_all

__all__ = ["FILES", "file_door"]

FS = 250.0  # Hz, of files that do not say

_MAGIC = b"\x1f\x8b"
_PACKED = (".vital", ".gz")

_NUMBERS = (b"nan", b"inf", b"1e308", b"-32768", b"65535", b"2147483648")
_XML = (b"<", b"/>", b"&amp;", b"<!ENTITY", b"mV", b"uV", b"LeadID", b"xsi:type", b"UTF-16")
_TABLE = (b",", b";", b"\t", b"time", b"mV", b'"', b"\n", b"sep=;", *_NUMBERS)

# By the name of the door: the file that is damaged, and what means something in it.
FILES: dict[str, tuple[str, Sequence[bytes]]] = {
    "acq": ("acq.acq", _NUMBERS),
    "aecg": ("aecg.xml", (*_XML, b"SLIST_PQ", b"increment", *_NUMBERS)),
    "bdf": ("bdf.bdf", (b"BIOSEMI", b"24BIT", b"-1", b"0       ", b"mV")),
    "csv": ("csv.csv", _TABLE),
    "csv_german": ("german.txt", _TABLE),
    "csv_gz": ("packed.csv.gz", (b"\x1f\x8b",)),
    "dicom": ("dicom.dcm", (b"DICM", b"OW", b"SQ", b"\xfe\xff\x00\xe0", b"\xff\xff\xff\xff")),
    "edf": ("edf.edf", (b"EDF+C", b"EDF+D", b"mV", b"-1", b"0       ", b"\x14\x14\x00", b"+1\x14")),
    "feather": ("feather.feather", (b"ARROW1", b"pandas")),
    "ishne": ("ishne.ecg", (b"ISHNE1.0", b"\xff\x7f", b"\xf7\xff")),
    "kardia": ("kardia.json", (b"frequency", b"mainsFrequency", b"null", b"[", b"{", *_NUMBERS)),
    "mat": ("mat.mat", (b"MATLAB 5.0", b"IM", b"\x0f\x00\x00\x00")),
    "mat73": ("mat73.mat", (b"\x89HDF\r\n\x1a\n", b"MATLAB_class", b"TREE", b"HEAP", b"SNOD", b"\xff" * 8)),
    "movesense": ("movesense.json", (b"MeasECG", b"MeasECGmV", b"TimeDetailed", b"Samples", b"null", *_NUMBERS)),
    "movesense_csv": ("movesense.csv", _TABLE),
    "muse": ("muse.xml", (*_XML, b"WaveFormData", b"SampleExponent", *_NUMBERS)),
    "npy": ("npy.npy", (b"\x93NUMPY", b"'descr': '<f8'", b"'O'", b"True", b"(3000, 3)")),
    "npz": ("npz.npz", (b"PK\x03\x04", b"fs.npy", b"leads.npy")),
    "parquet": ("parquet.parquet", (b"PAR1", b"pandas", b"ARROW:schema")),
    "scp": ("scp.scp", (b"SCPECG", b"\x00\x00", b"\xff\xff")),
    "sierra": ("sierra.xml", (*_XML, b"parsedwaveforms", b"signalresolution", *_NUMBERS)),
    "vital": ("vital.vital", (b"\x1f\x8b", b"VITA", b"ECG_II", b"\xff\xff\xff\xff")),
    "withings": ("withings.json", (b"sampling_frequency", b"signal", b"body", b"null", b"[", b"{", *_NUMBERS)),
    "withings_csv": ("withings.csv", (b"wearposition", b"signal", b"frequency", b'"', b"[", b"]", b"\n", *_NUMBERS)),
    "xdf": ("xdf.xdf", (b"XDF:", b"float32", b"<info>", b"nominal_srate", *_NUMBERS)),
}  # fmt: skip


@cache
def _samples() -> dict[str, bytes]:
    from pipeline.sources.foreign.samples import write_samples

    with tempfile.TemporaryDirectory(prefix="ecg-fuzz-") as folder:
        return {file.name: file.read_bytes() for file in write_samples(Path(folder))}


def file_door(name: str) -> Door:
    """Return the door of a format: its file is read, or refused in one line."""
    file, words = FILES[name]
    return Door(lambda _: _seeds(_samples()[file]), partial(_open, file), words)


def _seeds(whole: bytes) -> list[bytes]:
    """Return a file, and what is in it if it is packed, so that more than its packing is damaged."""
    return [whole, gzip.decompress(whole)] if whole.startswith(_MAGIC) else [whole]


def _open(name: str, folder: Path) -> Enter:
    from pipeline.sources.foreign import open_recording

    path = folder / name
    fs = FS if path.suffix in (".npy", ".mat") else None

    def enter(data: bytes) -> None:
        is_bare = path.suffix in _PACKED and not data.startswith(_MAGIC)
        path.write_bytes(gzip.compress(data, 1) if is_bare else data)
        try:
            record = open_recording(path, fs=fs)
            read_all(record)
        except PipelineError as error:
            _check_line(str(error))
            raise
        for note in record.notes:
            _check_line(note)

    return enter


def _check_line(text: str) -> None:
    if not text or "\n" in text.strip():
        raise AssertionError(f"not one line: {text!r:.200}")
