from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import RecordCorrupt
from pipeline.settings import Settings
from pipeline.sources import WfdbRecord, list_records, open_record


@pytest.fixture
def record(tmp_path: Path, tinydb: Path) -> Path:
    """Return an annotated record with a rhythm label and a long pause, which the format stores apart."""
    for extension in ("hea", "dat"):
        (tmp_path / f"100.{extension}").write_bytes((tinydb / f"100.{extension}").read_bytes())
    sample = np.array([5, 100, 400, 2900])
    wfdb.wrann("100", "atr", sample, ["+", "N", "V", "N"], aux_note=["(AFIB", "", "", ""], write_dir=str(tmp_path))
    return tmp_path / "100"


def test_annotations_come_as_they_were_written(record: Path) -> None:
    read = open_record("100", data_dir=record.parent).annotations()
    assert read is not None
    assert read.sample.tolist() == [5, 100, 400, 2900]
    assert read.symbol.tolist() == ["+", "N", "V", "N"]
    assert read.aux_note == ("(AFIB", "", "", "")
    assert read.rhythms().tolist() == ["(AFIB"] * 4
    assert read.fs == 250.0


def test_annotations_that_nobody_made_are_none(tinydb: Path) -> None:
    assert open_record("102", data_dir=tinydb).annotations() is None
    assert WfdbRecord(tinydb / "100", "100").annotations("qrs") is None


def test_annotations_keep_the_rate_of_their_file(record: Path) -> None:
    wfdb.wrann("100", "qrs", np.array([4, 8]), ["N", "N"], fs=500, write_dir=str(record.parent))
    read = WfdbRecord(record.parent / "100", "100").annotations("qrs")
    assert read is not None
    assert (read.fs, read.sample.tolist()) == (500.0, [4, 8])


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cut_file_is_never_read_as_a_shorter_one(record: Path, data: st.DataObject) -> None:
    file = record.with_suffix(".atr")
    keep = record.with_suffix(".keep")
    if not keep.exists():
        keep.write_bytes(file.read_bytes())
    raw = keep.read_bytes()
    file.write_bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(RecordCorrupt, match=r"100'.*100\.atr") as caught:
        open_record("100", data_dir=record.parent).annotations()
    assert "\n" not in str(caught.value)


@given(raw=st.binary(max_size=64))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_annotations_or_one_clear_error(record: Path, raw: bytes) -> None:
    record.with_suffix(".atr").write_bytes(raw)
    message, read = "", None
    try:
        read = open_record("100", data_dir=record.parent).annotations()
    except RecordCorrupt as error:
        message = str(error)
    assert (read is None) == ("100.atr" in message)
    if read is not None:
        assert raw.endswith(b"\x00\x00")
        assert (np.diff(read.sample) >= 0).all()


def test_file_with_its_end_marker_alone_has_no_annotations(record: Path) -> None:
    record.with_suffix(".atr").write_bytes(b"\x00\x00")
    read = open_record("100", data_dir=record.parent).annotations()
    assert read is not None
    assert len(read.sample) == len(read.symbol) == len(read.aux_note) == 0


@pytest.mark.parametrize("extension", ["", "../atr", "a/b", "a.b"])
def test_odd_extension_is_a_value_error(record: Path, extension: str) -> None:
    with pytest.raises(ValueError, match="extension"):
        WfdbRecord(record.parent / "100", "100").annotations(extension)


def test_mitdb_has_109494_beats(mitdb: Settings) -> None:
    beats = 0
    for name in list_records("mitdb", settings=mitdb):
        read = open_record(name, settings=mitdb).annotations()
        assert read is not None
        beats += int(read.is_beat().sum())
    assert beats == 109_494
