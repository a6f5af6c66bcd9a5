"""Folders of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.fuzzing.door import Door, Enter
from pipeline.monitor import Monitor
from pipeline.sources.synthetic import demo_ward, synthesise
from pipeline.storage import ResultWriter
from pipeline.storage.query import query
from pipeline.storage.summary import read_summary

__all__ = ["DOOR"]

RECORD = "synth/sinus"
SQL = "select count(*), sum(score), max(kind) from beats, (select count(*) from alarms), (select count(*) from summary)"


def _written(folder: Path) -> Path:
    if not (folder / "summary.json").exists():
        record = synthesise(demo_ward(60.0)[RECORD], name=RECORD, fs=250.0, seconds=60.0, seed=0)
        with ResultWriter(folder, RECORD, record.fs) as writer:
            for findings in Monitor.pretrained().stream(record):
                writer.write(findings)
    return folder


def _files(folder: Path) -> list[Path]:
    return [_written(folder) / f"beats/{RECORD}.parquet", folder / "summary.json", folder / "alarms.parquet"]


def _seeds(folder: Path) -> Sequence[bytes]:
    return [bytes([i]) + file.read_bytes() for i, file in enumerate(_files(folder)) if file.exists()]


def _open(folder: Path) -> Enter:
    whole = {file: file.read_bytes() for file in _files(folder) if file.exists()}

    def enter(data: bytes) -> None:
        files = list(whole)
        file = files[data[0] % len(files)] if data else files[0]
        file.write_bytes(data[1:])
        try:
            read_summary(folder)
            query(SQL, folder)
        finally:
            file.write_bytes(whole[file])

    return enter


DOOR = Door(_seeds, _open, (b"PAR1", b"ARROW:schema", b'"records"', b'"run"'))
