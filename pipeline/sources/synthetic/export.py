"""Synthetic records as WFDB files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from pipeline.sources.synthetic.notes import quality_subtype
from pipeline.sources.synthetic.record import GAIN, SyntheticRecord
from pipeline.sources.wfdb_writer import check_wfdb_name, publish_record, write_annotations, write_signal

__all__ = ["write_wfdb"]


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
    name = record.name.rpartition("/")[2]
    check_wfdb_name(name, record.name)

    def write(draft: Path) -> None:
        n_leads = len(record.leads)
        write_signal(
            record,
            name,
            draft,
            gain=np.full(n_leads, GAIN),
            baseline=np.zeros(n_leads, dtype=np.int64),
            comments=_comments(record),
        )
        notes = record.annotations()
        subtype = [
            quality_subtype(aux) if symbol == "~" else 0
            for symbol, aux in zip(notes.symbol, notes.aux_note, strict=True)
        ]
        write_annotations(notes, name, draft, subtype)

    return publish_record(Path(folder), name, write, record.name)


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
