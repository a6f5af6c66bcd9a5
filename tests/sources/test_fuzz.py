from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import RecordCorrupt
from pipeline.sources.foreign import open_recording
from pipeline.sources.foreign.samples import write_samples
from pipeline.sources.fuzz import fuzz_readers, mutate


def test_every_sample_is_read_and_is_of_each_format(tmp_path: Path) -> None:
    files = write_samples(tmp_path)
    assert len({file.suffix for file in files}) >= 14
    for file in files:
        fs = 250.0 if file.suffix in (".npy", ".mat") else None
        record = open_recording(file, fs=fs)
        signal = np.concatenate([chunk.signal for chunk in record.chunks()])
        assert (record.fs, len(signal)) == (250.0, 3000), file.name
        assert 0.2 < np.nanmax(np.abs(signal)) < 3.0, file.name


@pytest.mark.slow
def test_damaged_files_are_read_or_refused_in_one_line() -> None:
    report = fuzz_readers(300, seed=11)
    assert [f"{fault.file} {fault.what}: {fault.details}" for fault in report.faults] == []
    assert report.read + report.refused == 300
    assert report.read > 10  # some damage is none
    assert len(report.by_format) >= 19


def test_a_reader_that_trips_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pipeline.sources import fuzz

    files = write_samples(tmp_path)
    csv = next(file for file in files if file.name == "csv.csv")
    monkeypatch.setattr("pipeline.sources.foreign.csv_file.read_text_table", lambda _path: 1 / 0)
    with pytest.raises(RecordCorrupt):  # what is no defect of Python's is a damaged file
        open_recording(csv)
    monkeypatch.setattr("pipeline.sources.foreign.csv_file.read_text_table", lambda _path: undefined)  # type: ignore[name-defined]  # noqa: F821
    outcome, details = fuzz._attempt(csv)
    assert outcome == "traceback"
    assert "NameError" in details


def test_the_same_seed_damages_the_same_way() -> None:
    raw = bytes(range(256)) * 8
    first = [mutate(raw, np.random.default_rng([0, i])) for i in range(50)]
    assert first == [mutate(raw, np.random.default_rng([0, i])) for i in range(50)]
    assert len(set(first)) > 45
