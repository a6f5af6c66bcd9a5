"""WFDB annotation files: read through wfdb, and refused when they are cut.

Format: WFDB Applications Guide, annot(5), https://physionet.org/physiotools/wag/.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import wfdb

from pipeline.annotations import Annotations
from pipeline.errors import RecordCorrupt, SourceUnavailable
from pipeline.sources.header import with_extension

__all__ = ["read_annotations"]

_SKIP, _AUX = 59, 63


def read_annotations(path: Path, extension: str, record: str, fs: float) -> Annotations | None:
    """Read the annotations of a record.

    Parameters
    ----------
    path : Path
        The record's path without extension.
    extension : str
        Letters and digits, such as ``atr``.
    record : str
        Its name, for messages.
    fs : float
        Rate in Hz that its annotations count in, if their file does not say so itself.

    Returns
    -------
    Annotations or None
        None if there is no such file.

    Raises
    ------
    RecordCorrupt
        If the file is empty, cut or damaged.
    SourceUnavailable
        If it cannot be read.
    ValueError
        If ``extension`` is no extension.
    """
    if not re.fullmatch(r"\w+", extension):
        raise ValueError(f"extension {extension!r} must be letters and digits, such as 'atr'")
    file = with_extension(path, extension)
    about = f"record {record!r}: {file.name}"
    try:
        problem = _damage(file.read_bytes())
        if problem:
            raise RecordCorrupt(f"{about} {problem}; delete it and fetch it again")
        read = wfdb.rdann(str(path.absolute()), extension)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceUnavailable(f"record {record!r}: {file} cannot be read ({error.strerror})") from error
    except (ValueError, IndexError, TypeError, KeyError, OverflowError) as error:  # wfdb's, for a damaged file
        raise RecordCorrupt(f"{about} is damaged ({error}); delete it and fetch it again") from error
    sample = np.asarray(read.sample, dtype=np.int64)
    if (sample < 0).any():
        raise RecordCorrupt(f"{about} is damaged (a negative time); delete it and fetch it again")
    order = np.argsort(sample, kind="stable")
    symbol = np.array([str(s) for s in read.symbol], dtype=np.str_)
    notes = [str(note or "").rstrip("\x00") for note in read.aux_note]
    return Annotations(sample[order], symbol[order], tuple(notes[i] for i in order), float(read.fs or fs))


_RATE = re.compile(rb"## time resolution: \d+\.?\d*")


def _damage(raw: bytes) -> str | None:
    """Say what is wrong with an annotation file's structure, or None.

    wfdb reads to the end of the file and does not miss the end marker, a word of zeros.
    """
    if not raw:
        return "is empty"
    if len(raw) % 2:
        return "is cut (an odd number of bytes)"
    i, is_start, has_rate = 0, True, False
    while i < len(raw):
        if raw[i] == 0 and raw[i + 1] == 0:
            return "goes on after its end marker" if raw[i:].strip(b"\x00") else None
        code = raw[i + 1] >> 2
        is_start = is_start and (code == _AUX or (code != _SKIP and not (raw[i] or raw[i + 1] & 3)))
        if is_start and code == _AUX and (note := raw[i + 2 : i + 2 + raw[i]]).startswith(b"## "):
            # wfdb 4.3.1 goes round for ever at a line of definitions that it does not know, or one that comes twice.
            if not (note.startswith((b"## annotation type", b"## end of def")) or (_RATE.match(note) and not has_rate)):
                return f"begins with a definition that is none ({note[:40]!r})"
            has_rate = has_rate or _RATE.match(note) is not None
        i += 6 if code == _SKIP else 2 + raw[i] + raw[i] % 2 if code == _AUX else 2
    return "is cut (its end marker is missing)"
