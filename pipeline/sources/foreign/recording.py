"""A recording in memory, and how it becomes a WFDB record."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray

from pipeline.errors import OutputError, RecordNotFound, RecordUnsupported
from pipeline.sources.foreign.csv_file import read_csv
from pipeline.sources.foreign.edf_file import read_edf
from pipeline.sources.leads import MAX_LEADS
from pipeline.sources.records_file import list_in_records
from pipeline.sources.wfdb_record import MAX_FS, MIN_FS, WfdbRecord

__all__ = ["Recording", "read_recording", "write_recording"]

FINEST = 1000.0  # steps per mV: 1 uV
LARGEST = 32000  # of the 16 bits that a sample has; -32768 stands for a missing one


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A whole recording.

    Attributes
    ----------
    fs : float
        Rate in Hz.
    leads : tuple of str
        Names of its leads.
    signal : ndarray, shape (samples, leads)
        In mV; NaN where a sample is missing.
    """

    fs: float
    leads: tuple[str, ...]
    signal: NDArray[np.float64]


def read_recording(
    path: Path, *, fs: float | None = None, units: str | None = None, leads: Sequence[str] | None = None
) -> Recording:
    """Read a CSV, EDF, BDF or WFDB file; its ending tells which.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.tsv``, ``.txt``, ``.edf``, ``.bdf``, or the ``.hea`` of a WFDB record.
    fs : float, optional
        Rate in Hz, for a CSV file without a column of times, or with one that is uneven.
    units : str, optional
        ``mV``, ``uV`` or ``V``, where the file does not say; mV by default.
    leads : sequence of str, optional
        Names of the columns or signals to take, those that are there; by default all that are ECG leads.

    Raises
    ------
    RecordNotFound
        If there is no such file.
    RecordCorrupt
        If it cannot be read as what its ending says.
    RecordUnsupported
        If it is of another kind, holds no such leads, or has a rate that the pipeline does not take or is not ``fs``.
    """
    if not path.is_file():
        raise RecordNotFound(f"{path}: there is no such file")
    ending = path.suffix.lower()
    if ending in (".csv", ".tsv", ".txt"):
        rate, names, signal = read_csv(path, fs=fs, units=units, leads=leads)
    elif ending in (".edf", ".bdf"):
        rate, names, signal = read_edf(path, units=units, leads=leads)
    elif ending == ".hea":
        record = WfdbRecord(path.with_suffix(""), path.stem, leads=leads, max_leads=MAX_LEADS)
        rate, names = record.fs, list(record.leads)
        signal = np.concatenate([chunk.signal for chunk in record.chunks()]).astype(np.float64)
    else:
        raise RecordUnsupported(f"{path.name}: a recording is read from .csv, .tsv, .txt, .edf, .bdf or .hea")
    if not MIN_FS <= rate <= MAX_FS:
        raise RecordUnsupported(f"{path.name}: it has {rate:g} Hz; the pipeline takes {MIN_FS:g} to {MAX_FS:g} Hz")
    if not len(signal) or not np.isfinite(signal).any():
        raise RecordUnsupported(f"{path.name}: it holds no samples of {', '.join(names)}")
    return Recording(rate, tuple(names), signal)


def write_recording(recording: Recording, folder: Path, name: str) -> Path:
    """Write a recording as a WFDB record of format 16, and list it in the folder's ``RECORDS``.

    Steps are 1 uV, or larger where the signal would not fit into 16 bits. The header appears last, when all is whole.

    Parameters
    ----------
    recording : Recording
        What to write.
    folder : Path
        Where to; made if it is not there.
    name : str
        Name of the record.

    Returns
    -------
    Path
        The record's path without extension.

    Raises
    ------
    ValueError
        If the name holds something else than letters, digits, ``-`` and ``_``.
    OutputError
        If the folder cannot be written to.
    """
    if not name or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ValueError(f"record {name!r}: WFDB takes names of letters, digits, - and _ only")
    largest = np.nan_to_num(np.nanmax(np.abs(recording.signal), axis=0, initial=0.0))
    gain = np.minimum(FINEST, LARGEST / np.maximum(largest, 1e-9))
    n_leads = len(recording.leads)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as draft, np.errstate(invalid="ignore"):
            wfdb.wrsamp(
                name,
                fs=recording.fs,
                units=["mV"] * n_leads,
                sig_name=list(recording.leads),
                p_signal=recording.signal,
                fmt=["16"] * n_leads,
                adc_gain=gain.tolist(),
                baseline=[0] * n_leads,
                write_dir=draft,
            )
            for extension in ("dat", "hea"):
                (Path(draft) / f"{name}.{extension}").replace(folder / f"{name}.{extension}")
            list_in_records(name, folder, Path(draft))
    except OSError as error:
        raise OutputError(f"record {name}: cannot write to {folder}: {error.strerror or error}") from error
    return folder / name
