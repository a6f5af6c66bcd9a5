from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import pipeline.sources.wfdb_record as module
from pipeline.errors import RecordUnsupported
from pipeline.records import Record
from pipeline.settings import Settings
from pipeline.sources import WfdbRecord, open_record

Make = Callable[..., Path]
Ecg = Callable[..., NDArray[np.float64]]

WRITTEN_BY_WFDB = ["80", "16", "24", "32", "212", "508", "516", "524"]


def whole(record: Record, seconds: float = 60.0) -> NDArray[np.float32]:
    """Join a record's chunks after checking that they follow each other."""
    chunks = list(record.chunks(seconds))
    assert [chunk.start for chunk in chunks] == [0, *itertools.accumulate(len(c.signal) for c in chunks)][:-1]
    assert {(chunk.record, chunk.fs, chunk.leads) for chunk in chunks} == {(record.name, record.fs, record.leads)}
    assert all(chunk.signal.dtype == np.float32 for chunk in chunks)
    assert {len(chunk.signal) for chunk in chunks[:-1]} <= {max(1, round(seconds * record.fs))}
    return np.concatenate([chunk.signal for chunk in chunks])


def test_it_is_a_record(tinydb: Path) -> None:
    assert isinstance(open_record("100", data_dir=tinydb), Record)


@pytest.mark.parametrize("fmt", WRITTEN_BY_WFDB)
@given(seconds=st.floats(0.01, 2.0), block=st.integers(40, 700))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chunks_are_what_wfdb_reads_whole(
    tmp_path: Path,
    make_record: Make,
    make_ecg: Ecg,
    monkeypatch: pytest.MonkeyPatch,
    fmt: str,
    seconds: float,
    block: int,
) -> None:
    if not (tmp_path / "r.hea").exists():
        signal = make_ecg(301, 2)
        signal[100:200, 0] = np.nan
        make_record(tmp_path, "r", signal, fmt=fmt)
    monkeypatch.setattr(module, "_BLOCK", block)
    read = whole(open_record("r", data_dir=tmp_path), seconds)
    np.testing.assert_array_equal(read, wfdb.rdrecord(str(tmp_path / "r")).p_signal.astype(np.float32))
    assert np.isnan(read[100:200, 0]).all()
    assert np.isfinite(read[:, 1]).all()


@pytest.mark.parametrize("fmt", ["61", "160", "310", "311"])
@given(seconds=st.floats(0.01, 2.0), block=st.integers(40, 700))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_old_formats_are_what_wfdb_reads_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fmt: str, seconds: float, block: int
) -> None:
    (tmp_path / "r.dat").write_bytes(np.random.default_rng(3).bytes(4 * 301))
    (tmp_path / "r.hea").write_text(f"r 2 250 301\nr.dat {fmt} 200\nr.dat {fmt} 200\n")
    monkeypatch.setattr(module, "_BLOCK", block)
    read = whole(open_record("r", data_dir=tmp_path), seconds)
    np.testing.assert_array_equal(read, wfdb.rdrecord(str(tmp_path / "r")).p_signal.astype(np.float32))


def test_format_8_keeps_its_level_from_block_to_block(
    tmp_path: Path, make_record: Make, make_ecg: Ecg, monkeypatch: pytest.MonkeyPatch
) -> None:
    digital = np.cumsum(np.random.default_rng(0).integers(-90, 90, size=(1000, 2)), axis=0)
    first = digital[0] - 3
    steps = np.diff(digital, axis=0, prepend=first[None, :]).astype(np.int8)
    (tmp_path / "r.dat").write_bytes(steps.tobytes())
    sums = digital.sum(axis=0) % 65536
    lines = [f"r.dat 8 200 16 0 {first[i]} {sums[i]} 0 {lead}" for i, lead in enumerate(("MLII", "V1"))]
    (tmp_path / "r.hea").write_text("\n".join(["r 2 250 1000", *lines]) + "\n")
    monkeypatch.setattr(module, "_BLOCK", 500)
    np.testing.assert_array_equal(whole(open_record("r", data_dir=tmp_path)), (digital / 200).astype(np.float32))


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e3), ("V", 1e-3), ("mV", 1.0)])
def test_signal_is_in_mv_whatever_its_unit(
    tmp_path: Path, make_record: Make, make_ecg: Ecg, unit: str, factor: float
) -> None:
    signal = make_ecg(500, 2)
    make_record(tmp_path, "r", signal * factor, units=[unit, unit], gain=200 / factor)
    np.testing.assert_allclose(whole(open_record("r", data_dir=tmp_path)), signal, atol=1e-6)


@pytest.mark.parametrize(
    "micro", ["µ".encode(), "µ".encode("latin-1"), "μ".encode()], ids=["utf-8", "latin-1", "greek"]
)
def test_microvolts_are_not_taken_for_volts(tmp_path: Path, tinydb: Path, micro: bytes) -> None:
    (tmp_path / "100.dat").write_bytes((tinydb / "100.dat").read_bytes())
    header = (tinydb / "100.hea").read_bytes().replace(b"200.0(0)/mV", b"200.0(0)/" + micro + b"V")
    assert micro in header
    (tmp_path / "100.hea").write_bytes(header)
    in_mv = whole(open_record("100", data_dir=tinydb))
    np.testing.assert_allclose(whole(open_record("100", data_dir=tmp_path)), in_mv / 1000, rtol=1e-6)


def test_gain_of_zero_and_no_gain_mean_200_adu_per_mv(tmp_path: Path) -> None:
    np.arange(2000, dtype="<i2").tofile(tmp_path / "r.dat")
    (tmp_path / "r.hea").write_text("r 2 250 1000\nr.dat 16 0 16 0 0 0 0 MLII\nr.dat 16\n")
    assert WfdbRecord(tmp_path / "r", "r").leads == ("MLII",)  # the other one has no name
    record = WfdbRecord(tmp_path / "r", "r", leads=["MLII", "signal 2"], is_published=lambda _: True)
    np.testing.assert_allclose(whole(record), np.arange(2000).reshape(-1, 2) / 200)


def test_several_samples_a_frame_are_averaged_to_the_frame_rate(tmp_path: Path, make_ecg: Ecg) -> None:
    stored = np.random.default_rng(1).integers(-500, 500, size=(1000, 3)).astype("<i2")
    stored[10, 1] = -32768
    stored.tofile(tmp_path / "r.dat")
    (tmp_path / "r.hea").write_text("r 2 250 1000\nr.dat 16x2 200 16 0\nr.dat 16 200 16 0\n")
    read = whole(open_record("r", data_dir=tmp_path))
    expected = np.column_stack([stored[:, :2].mean(axis=1), stored[:, 2]]) / 200
    expected[10, 0] = np.nan
    np.testing.assert_allclose(read, expected, rtol=1e-6)


def test_slow_frames_keep_the_rate_of_their_leads(tmp_path: Path) -> None:
    stored = np.random.default_rng(1).integers(-500, 500, size=(1000, 9)).astype("<i2")
    stored.tofile(tmp_path / "r.dat")
    lines = ["r.dat 16x4 200 16 0 0 0 0 II", "r.dat 16x4 200 16 0 0 0 0 V1", "r.dat 16 1(0)/mmHg 16 0 0 0 0 ABP"]
    (tmp_path / "r.hea").write_text("\n".join(["r 3 62.5 1000", *lines]) + "\n")
    record = WfdbRecord(tmp_path / "r", "r", is_published=lambda _: True)
    assert (record.fs, record.n_samples, record.leads) == (250.0, 4000, ("II", "V1"))
    expected = np.column_stack([stored[:, :4].reshape(-1), stored[:, 4:8].reshape(-1)]) / 200
    np.testing.assert_allclose(whole(record, 3.3), expected, rtol=1e-6)


def test_late_stored_leads_are_aligned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = np.random.default_rng(1).integers(-500, 500, size=(1000, 3)).astype("<i2")
    stored.tofile(tmp_path / "r.dat")
    (tmp_path / "r.hea").write_text("r 3 250 1000\nr.dat 16 200\nr.dat 16:2 200\nr.dat 16:5 200\n")
    monkeypatch.setattr(module, "_BLOCK", 700)
    read = whole(open_record("r", data_dir=tmp_path, max_leads=3))
    for lead, skew in enumerate((0, 2, 5)):
        np.testing.assert_allclose(read[: 1000 - skew, lead], stored[skew:, lead] / 200, rtol=1e-6)
        assert np.isnan(read[1000 - skew :, lead]).all()


def test_header_without_a_length_is_read_to_the_end_of_its_file(tmp_path: Path, tinydb: Path) -> None:
    (tmp_path / "100.dat").write_bytes((tinydb / "100.dat").read_bytes())
    (tmp_path / "100.hea").write_text((tinydb / "100.hea").read_text().replace("250 3000", "250"))
    record = open_record("100", data_dir=tmp_path)
    assert record.n_samples == 3000
    np.testing.assert_array_equal(whole(record), whole(open_record("100", data_dir=tinydb)))


@pytest.fixture
def segments(tmp_path: Path, make_record: Make, make_ecg: Ecg) -> dict[str, NDArray[np.float64]]:
    """Write three stored parts; the third has its leads the other way round and one more."""
    parts = {"a": make_ecg(400, 2, seed=1), "b": make_ecg(333, 2, seed=2), "c": make_ecg(500, 3, seed=3)}
    make_record(tmp_path, "a", parts["a"])
    make_record(tmp_path, "b", parts["b"], fmt="212", gain=100.0)
    make_record(tmp_path, "c", parts["c"], leads=["V1", "RESP", "MLII"], units=["mV", "NU", "mV"])
    return parts


@pytest.mark.parametrize("seconds", [0.05, 0.7, 1.0, 60.0])
def test_fixed_layout_joins_its_segments(
    tmp_path: Path, segments: dict[str, NDArray[np.float64]], seconds: float
) -> None:
    (tmp_path / "m.hea").write_text("m/3 2 250 1133\na 400\nb 333\na 400\n")
    read = whole(open_record("m", data_dir=tmp_path), seconds)
    np.testing.assert_array_equal(read, wfdb.rdrecord(str(tmp_path / "m")).p_signal.astype(np.float32))
    np.testing.assert_allclose(read[400:733], segments["b"], atol=6e-3)


@pytest.mark.parametrize("seconds", [0.05, 0.7, 1.0, 60.0])
def test_variable_layout_has_gaps_and_absent_leads_as_nan(
    tmp_path: Path, segments: dict[str, NDArray[np.float64]], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = "".join(
        f"~ 0 200/{unit} 0 0 0 0 0 {name}\n" for name, unit in (("V1", "mV"), ("MLII", "mV"), ("V2", "mV"))
    )
    (tmp_path / "lay.hea").write_text("lay 3 250 0\n" + layout)
    (tmp_path / "m.hea").write_text("m/5 3 250 2233\nlay 0\na 400\n~ 1000\nb 333\nc 500\n")
    monkeypatch.setattr(module, "_BLOCK", 700)
    record = open_record("m", data_dir=tmp_path, max_leads=3)
    assert record.leads == ("MLII", "V1", "V2")
    read = whole(record, seconds)
    expected = wfdb.rdrecord(str(tmp_path / "m")).p_signal.astype(np.float32)
    np.testing.assert_array_equal(read, expected[:, [1, 0, 2]])
    assert np.isnan(read[400:1400]).all()
    assert np.isnan(read[:, 2]).all()
    np.testing.assert_allclose(read[1733:, :2], segments["c"][:, [2, 0]], atol=3e-3)
    names = {"m.hea", "lay.hea", "a.hea", "a.dat", "b.hea", "b.dat", "c.hea", "c.dat"}
    assert {file.name for file in record.files} == names


def test_memory_does_not_grow_with_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 2**18)

    def peak(hours: int) -> int:
        frames = hours * 3600 * 128
        (tmp_path / "r.hea").write_text(f"r 2 128 {frames}\nr.dat 16 200\nr.dat 16 200\n")
        with (tmp_path / "r.dat").open("wb") as file:
            file.truncate(frames * 4)
        tracemalloc.start()
        for chunk in WfdbRecord(tmp_path / "r", "r").chunks(60.0):
            del chunk
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(1)  # what is imported on the way is no part of it
    assert peak(12) < 1.1 * peak(2)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_chunk_of_no_length_is_a_value_error(tinydb: Path, seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        open_record("100", data_dir=tinydb).chunks(seconds)


def test_mitdb_leads_are_chosen_by_name(mitdb: Settings) -> None:
    leads = {name: open_record(f"mitdb/{name}", settings=mitdb).leads for name in ("102", "104", "114", "208")}
    assert leads == {"102": ("V5", "V2"), "104": ("V5", "V2"), "114": ("MLII", "V5"), "208": ("MLII", "V1")}


def test_mitdb_208_is_what_wfdb_reads_whole(mitdb: Settings) -> None:
    record = open_record("mitdb/208", settings=mitdb)
    expected = wfdb.rdrecord(str(record.path)).p_signal.astype(np.float32)
    np.testing.assert_array_equal(whole(record, 60.0), expected)


def test_nstdb_noise_is_read_only_by_name(mitdb: Settings) -> None:
    with pytest.raises(RecordUnsupported, match="noise1"):
        open_record("nstdb/em", settings=mitdb)
    record = open_record("nstdb/em", settings=mitdb, leads=["noise2"])
    assert record.leads == ("noise2",)
