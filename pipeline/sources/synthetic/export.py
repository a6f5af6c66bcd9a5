"""Synthetic records as WFDB files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import wfdb

from pipeline.annotations import Annotations
from pipeline.errors import OutputError
from pipeline.sources.records_file import list_in_records
from pipeline.sources.synthetic.notes import quality_subtype
from pipeline.sources.synthetic.record import GAIN, SyntheticRecord

__all__ = ["write_wfdb"]

MISSING = -32768  # what format 16 reserves for a sample that is not there


def write_wfdb(record: SyntheticRecord, folder: str | os.PathLike[str]) -> Path:
    """Write a synthetic record as ``.hea``, ``.dat`` (format 16) and ``.atr``, and list it in the folder's ``RECORDS``.

    The files appear under their names only when they are whole, the header last. Memory does not grow with the length.

    Parameters
    ----------
    record : SyntheticRecord
        Its name's last part names the files.
    folder : path
        The database's folder; made if it is not there.

    Returns
    -------
    Path
        The record's path without extension, as ``wfdb.rdrecord`` takes it.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    ValueError
        If the name holds something else than letters, digits, ``-`` and ``_`` after its last slash.
    """
    folder = Path(folder)
    name = record.name.rpartition("/")[2]
    if not name or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ValueError(f"record {record.name!r}: WFDB takes names of letters, digits, - and _ only")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as draft:
            _write_signal(record, name, Path(draft))
            _write_annotations(record.annotations(), name, Path(draft))
            for extension in ("dat", "atr", "hea"):
                (Path(draft) / f"{name}.{extension}").replace(folder / f"{name}.{extension}")
            list_in_records(name, folder, Path(draft))
    except OSError as error:
        raise OutputError(f"record {record.name}: cannot write to {folder}: {error.strerror or error}") from error
    return folder / name


def _write_signal(record: SyntheticRecord, name: str, draft: Path) -> None:
    """Write samples and header; wfdb would take the whole signal at once, so the samples are written here."""
    n_leads = len(record.leads)
    first, total = np.zeros(n_leads, dtype=np.int64), np.zeros(n_leads, dtype=np.int64)
    with (draft / f"{name}.dat").open("wb") as file:
        for chunk in record.chunks():
            digital = np.where(np.isnan(chunk.signal), MISSING, np.round(chunk.signal * GAIN)).astype("<i2")
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
        file_name=[f"{name}.dat"] * n_leads,
        fmt=["16"] * n_leads,
        adc_gain=[GAIN] * n_leads,
        baseline=[0] * n_leads,
        units=["mV"] * n_leads,
        adc_res=[16] * n_leads,
        adc_zero=[0] * n_leads,
        init_value=first.tolist(),
        checksum=checksum.tolist(),
        block_size=[0] * n_leads,
        sig_name=list(record.leads),
        comments=_comments(record),
    ).wrheader(write_dir=str(draft))


def _comments(record: SyntheticRecord) -> list[str]:
    """Return the lines that tell a reader what this record is."""
    scenario = record.scenario
    repeats = "" if scenario.period_s is None else f", repeating every {scenario.period_s:g} s"
    lines = [
        "Synthetic ECG, not from a person (after McSharry et al. 2003, doi:10.1109/TBME.2003.808805)",
        f"Scenario: {scenario.title}{repeats}",
        f"Name: {record.name}, seed: {record.seed}",
    ]
    for episode in scenario.episodes:
        lead = "" if episode.lead is None else f", lead {episode.lead}"
        when = f"{episode.start_s:g} to {episode.stop_s:g} s"
        lines.append(f"Episode: {episode.kind} {when}, level {episode.amount:g}{lead}")
    return [line.encode("ascii", "replace").decode() for line in lines]


def _write_annotations(annotations: Annotations, name: str, draft: Path) -> None:
    """Write the reference annotations; a record too short for any has an ``.atr`` with none."""
    path = draft / f"{name}.atr"
    if len(annotations.sample) == 0:
        path.write_bytes(b"\x00\x00")  # the format's end mark; wfdb refuses to write no annotation
        return
    subtype = [
        quality_subtype(aux) if symbol == "~" else 0
        for symbol, aux in zip(annotations.symbol, annotations.aux_note, strict=True)
    ]
    wfdb.wrann(
        name,
        "atr",
        annotations.sample,
        symbol=annotations.symbol.tolist(),
        subtype=np.array(subtype),
        aux_note=list(annotations.aux_note),
        fs=annotations.fs,
        write_dir=str(draft),
    )
