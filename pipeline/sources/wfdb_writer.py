"""Any record as WFDB files, in constant memory: samples of 16 bits, header, annotations."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.errors import OutputError
from pipeline.records import Record
from pipeline.sources.records_file import list_in_records

__all__ = ["check_wfdb_name", "publish_record", "write_annotations", "write_signal"]

MISSING = -32768  # what format 16 reserves for a sample that is not there
LARGEST = 32767


def check_wfdb_name(name: str, given: str | None = None) -> None:
    """Refuse what cannot be the name of a WFDB record.

    Raises
    ------
    ValueError
        If it holds something else than letters, digits, ``-`` and ``_``.
    """
    if not name or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ValueError(
            f"record {name if given is None else given!r}: WFDB takes names of letters, digits, - and _ only"
        )


def publish_record(folder: Path, name: str, write: Callable[[Path], None], about: str) -> Path:
    """Let files of a record appear in a folder when all of them are whole, the header last, and list it in ``RECORDS``.

    Parameters
    ----------
    folder : Path
        The database's folder; made if it is not there.
    name : str
        Name of the record.
    write : callable
        Writes them into the folder that it is given.
    about : str
        Name of the record, for messages.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as draft:
            write(Path(draft))
            (folder / f"{name}.atr").unlink(missing_ok=True)  # of a record that had this name before
            for extension in ("dat", "atr", "hea"):
                made = Path(draft) / f"{name}.{extension}"
                if made.exists():
                    made.replace(folder / f"{name}.{extension}")
            list_in_records(name, folder, Path(draft))
    except OSError as error:
        raise OutputError(f"record {about}: cannot write to {folder}: {error.strerror or error}") from error
    return folder / name


def write_signal(
    record: Record,
    name: str,
    draft: Path,
    *,
    gain: NDArray[np.float64],
    baseline: NDArray[np.int64],
    comments: Sequence[str] = (),
    start: datetime | None = None,
) -> None:
    """Write samples and header; wfdb would take the whole signal at once, so the samples are written here.

    Parameters
    ----------
    record : Record
        What is written.
    name : str
        Name of its files.
    draft : Path
        Where to.
    gain : ndarray of float64, shape (leads,)
        Steps per mV.
    baseline : ndarray of int64, shape (leads,)
        Step that stands for 0 mV.
    comments : sequence of str
        Lines for the header.
    start : datetime, optional
        When the first sample was taken.
    """
    n_leads = len(record.leads)
    first, total = np.zeros(n_leads, dtype=np.int64), np.zeros(n_leads, dtype=np.int64)
    with (draft / f"{name}.dat").open("wb") as file:
        for chunk in record.chunks():
            with np.errstate(invalid="ignore"):
                steps = np.clip(np.round(chunk.signal.astype(np.float64) * gain + baseline), MISSING + 1, LARGEST)
                digital = np.where(np.isnan(chunk.signal), MISSING, steps).astype("<i2")
            if chunk.start == 0:
                first = digital[0].astype(np.int64)
            total += digital.sum(axis=0, dtype=np.int64)
            file.write(digital.tobytes())
    checksum = (total + 32768) % 65536 - 32768  # a 16-bit sum, signed
    wfdb.Record(
        record_name=name,
        n_sig=n_leads,
        fs=record.fs,
        sig_len=record.n_samples,
        base_time=None if start is None else start.time(),
        base_date=None if start is None else start.date(),
        file_name=[f"{name}.dat"] * n_leads,
        fmt=["16"] * n_leads,
        adc_gain=gain.tolist(),
        baseline=baseline.tolist(),
        units=["mV"] * n_leads,
        adc_res=[16] * n_leads,
        adc_zero=[0] * n_leads,
        init_value=first.tolist(),
        checksum=checksum.tolist(),
        block_size=[0] * n_leads,
        sig_name=[_plain(lead) for lead in record.leads],
        comments=[_plain(line) for line in comments],
    ).wrheader(write_dir=str(draft))


def write_annotations(annotations: Annotations, name: str, draft: Path, subtype: Sequence[int] | None = None) -> None:
    """Write reference annotations; a record without any has an ``.atr`` with none."""
    if len(annotations.sample) == 0:
        (draft / f"{name}.atr").write_bytes(b"\x00\x00")  # the format's end mark; wfdb refuses to write no annotation
        return
    wfdb.wrann(
        name,
        "atr",
        annotations.sample,
        symbol=annotations.symbol.tolist(),
        subtype=None if subtype is None else np.array(subtype),
        aux_note=list(annotations.aux_note),
        fs=annotations.fs,
        write_dir=str(draft),
    )


def _plain(text: str) -> str:
    return text.encode("ascii", "replace").decode()
