"""What belts, watches and monitors export: files made by hand after what their makers say of the layout."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import RecordCorrupt, RecordUnsupported
from pipeline.sources.foreign import open_recording, read_recording
from pipeline.sources.foreign import samples as files

START = files.START.replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def beats_mv() -> NDArray[np.float64]:
    """Sixteen seconds at 128 Hz, in mV."""
    time_s = np.arange(2048) / 128
    return np.asarray(np.exp(-(((time_s * 1.1 % 1.0) - 0.4) ** 2) / 4e-4) - 0.1)


def test_a_movesense_log_in_counts_has_its_millivolts_its_start_and_its_holes(
    tmp_path: Path, beats_mv: NDArray[np.float64]
) -> None:
    counts = np.round(beats_mv * 1e3 / 0.381469726563).astype(np.int16)  # 0.000381469726563 mV, says the maker
    keep = np.ones(128, dtype=bool)
    keep[40:50] = False
    files.write_movesense(tmp_path / "log.json", counts, 128.0, keep)
    read = read_recording(tmp_path / "log.json")
    assert (read.leads, read.fs, read.start) == (("ECG",), 128.0, START)
    expected = np.where(np.repeat(keep, 16), beats_mv, np.nan)
    np.testing.assert_allclose(read.signal[:, 0], expected, atol=2e-4, equal_nan=True)
    assert read.notes == ("1 holes of 1.2 s in all, by the times of its blocks",)


@pytest.mark.parametrize("form", ["samples", "lines", "meas"])
def test_movesense_logs_come_in_three_layouts(tmp_path: Path, beats_mv: NDArray[np.float64], form: str) -> None:
    packets = [
        {"Timestamp": 1000 + int(1000 * i / 128), "Samples": beats_mv[i : i + 16].round(3).tolist()}
        for i in range(0, 2048, 16)
    ]
    moving = [{"Timestamp": 1000, "ArrayAcc": [{"x": 0.1, "y": 0.2, "z": 9.8}]}]
    if form == "meas":
        counts = [{**one, "Samples": np.round(np.array(one["Samples"]) / 3.81469726563e-4).tolist()} for one in packets]
        text = json.dumps({"Meas": {"IMU9": moving, "ECG": counts}})
    else:
        entries = [{"MeasAcc": moving[0]}, *({"MeasECGmV": one} for one in packets)]
        text = json.dumps({"Samples": entries}) if form == "samples" else "\n".join(map(json.dumps, entries))
    (tmp_path / "log.json").write_text(text)
    read = read_recording(tmp_path / "log.json")
    assert (read.leads, read.fs, read.start, read.notes) == (("ECG",), 128.0, None, ())
    np.testing.assert_allclose(read.signal[:, 0], beats_mv, atol=1e-3)


def test_a_movesense_log_without_ecg_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text('{"Samples": [{"MeasHR": {"average": 60, "rrData": [1000]}}]}')
    with pytest.raises(RecordUnsupported, match=r"a Movesense log without ECG \(MeasHR\)"):
        read_recording(tmp_path / "log.json")


@pytest.mark.parametrize(("head", "fs"), [("Timestamp,Count", 128), ("timestamp,sample", 512)])
def test_what_movesenses_app_exports_is_in_its_counts(
    tmp_path: Path, beats_mv: NDArray[np.float64], head: str, fs: int
) -> None:
    counts = np.round(beats_mv * 1e3 / 0.381469726563).astype(int)
    rows = [f"{41547 + int(1000 * i / fs)},{count}" for i, count in enumerate(counts)]
    (tmp_path / "EcgActivity.csv").write_text("\n".join([head, *rows]) + "\n")
    read = read_recording(tmp_path / "EcgActivity.csv")
    assert (read.leads, read.fs) == (("ECG",), fs)
    np.testing.assert_allclose(read.signal[:, 0], beats_mv, atol=2e-4)
    assert read.notes == ("taken for a Movesense sensor's counts, of 0.381 uV each",)
    raw = read_recording(tmp_path / "EcgActivity.csv", units="uV")  # whoever knows better says so
    np.testing.assert_allclose(raw.signal[:, 0], counts / 1e3, atol=1e-6)


def test_counts_at_another_rate_are_of_no_movesense_sensor(tmp_path: Path) -> None:
    counts = np.random.default_rng(0).integers(-900, 900, 2000)
    rows = [f"{4 * i + i // 3},{count}" for i, count in enumerate(counts)]  # 230.8 Hz
    (tmp_path / "x.csv").write_text("\n".join(["Timestamp,Count", *rows]) + "\n")
    with pytest.raises(RecordUnsupported, match="say with --units"):
        read_recording(tmp_path / "x.csv")


def test_a_withings_watch_is_in_microvolts_and_a_blood_pressure_monitor_in_millivolts(
    tmp_path: Path, beats_mv: NDArray[np.float64]
) -> None:
    watch = ("2021-03-04T22:30:01+01:00", 1, np.round(1000 * beats_mv).tolist())
    monitor = ("2020-01-01T08:00:00+01:00", 3, beats_mv.round(3).tolist())
    files.write_withings(tmp_path / "watch.csv", [monitor, watch, monitor], 300)
    read = read_recording(tmp_path / "watch.csv")
    assert (read.leads, read.fs) == (("ECG",), 300.0)
    assert read.start == datetime(2021, 3, 4, 22, 30, 1, tzinfo=timezone(timedelta(hours=1)))
    np.testing.assert_allclose(read.signal[:, 0], beats_mv, atol=1e-3)
    (said,) = read.notes
    assert said.startswith("it holds 3 recordings, and this is the latest (2021-03-04 22:30)")
    files.write_withings(tmp_path / "arm.csv", [monitor], 500)
    read = read_recording(tmp_path / "arm.csv")
    np.testing.assert_allclose(read.signal[:, 0], beats_mv, atol=1e-3)
    assert (read.fs, read.notes) == (500.0, ())
    text = (tmp_path / "arm.csv").read_text()
    (tmp_path / "holes.csv").write_text(re.sub(r"\[[^,]*,", "[null,", text, count=1))
    read = read_recording(tmp_path / "holes.csv")
    assert len(read.signal) == len(beats_mv)
    assert np.isnan(read.signal[0, 0])
    (tmp_path / "cut.csv").write_text(text.replace("]", "", 1))  # as a spreadsheet cuts a long cell
    with pytest.raises(RecordCorrupt, match="export it anew"):
        read_recording(tmp_path / "cut.csv")
    files.write_withings(tmp_path / "worn.csv", [("2021-03-04", 9, monitor[2])], 500)
    with pytest.raises(RecordUnsupported, match=r"watch .uV. or a blood pressure monitor .mV.*--units"):
        read_recording(tmp_path / "worn.csv")
    files.write_withings(tmp_path / "none.csv", [], 300)
    with pytest.raises(RecordUnsupported, match="holds no recordings"):
        read_recording(tmp_path / "none.csv")


def test_an_answer_of_withings_service_is_read(tmp_path: Path, beats_mv: NDArray[np.float64]) -> None:
    answer = {"signal": np.round(1000 * beats_mv).astype(int).tolist(), "sampling_frequency": 300, "wearposition": 1}
    (tmp_path / "ecg.json").write_text(json.dumps({"status": 0, "body": answer}))
    read = read_recording(tmp_path / "ecg.json")
    assert (read.leads, read.fs, read.start) == (("ECG",), 300.0, None)
    np.testing.assert_allclose(read.signal[:, 0], beats_mv, atol=1e-3)


def test_json_of_another_layout_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"ecg": [1, 2, 3], "rate": 250}')
    with pytest.raises(RecordUnsupported, match=r"not that of Kardia JSON or .*table of columns.*time,II \(mV\)"):
        read_recording(tmp_path / "x.json")


def test_a_vitaldb_file_has_its_own_rate_lead_time_zone_and_notes(
    tmp_path: Path, beats_mv: NDArray[np.float64]
) -> None:
    began = START.timestamp() + 0.635396
    steps = np.round(400 * beats_mv).astype(np.int16)
    keep = [i for i in range(16) if i not in (5, 6)]
    rng = np.random.default_rng(0)  # a monitor's blocks come when they come
    blocks = [(began + i + rng.uniform(0, 0.003), steps[128 * i : 128 * i + 128]) for i in keep]
    blocks[0] = (began, blocks[0][1])
    other = [(began + i, np.full(62, i, dtype=np.float32)) for i in range(16)]
    files.write_vital(
        tmp_path / "or.vital",
        [("CO2", "mmHg", 62.5, 1.0, 1, other), ("ECG_V5", "mV", 128.0, 0.001, 5, blocks),
         ("ECG_II", "mV", 128.0, 0.0025, 5, blocks)],
        [(began + 3.0, "intubation")],
        minutes=-540,
    )  # fmt: skip
    record = open_recording(tmp_path / "or.vital")
    read = read_recording(tmp_path / "or.vital")
    assert (read.leads, read.fs) == (("ECG_II", "ECG_V5"), 128.0)
    expected = np.where(np.isin(np.arange(2048) // 128, keep), steps * 2.5e-3, np.nan)
    np.testing.assert_allclose(read.signal[:, 0], expected, atol=1e-6, equal_nan=True)
    assert read.signal[:, 1] == pytest.approx(expected * 0.4, nan_ok=True)
    assert read.start is not None
    assert read.start.isoformat(timespec="milliseconds") == "2021-03-05T07:30:01.635+09:00"  # Seoul
    assert getattr(record, "facts", {}) == {"device": "Bed 7"}
    assert any("ECG_II: 1 holes of 2.0 s" in note for note in read.notes)
    notes = record.annotations()
    assert notes is not None
    assert (notes.sample.tolist(), notes.aux_note) == ([384], ("intubation",))


@pytest.mark.parametrize(("form", "kind"), [(1, np.float32), (7, np.int32)])
def test_floats_and_wide_steps_of_vitaldb_are_read(
    tmp_path: Path, beats_mv: NDArray[np.float64], form: int, kind: type
) -> None:
    steps: NDArray[np.generic] = (beats_mv if form == 1 else np.round(1e5 * beats_mv)).astype(kind)
    blocks = [(START.timestamp() + i, steps[128 * i : 128 * i + 128]) for i in range(16)]
    files.write_vital(tmp_path / "x.vital", [("II", "mV", 128.0, 1e-5, form, blocks)])
    np.testing.assert_allclose(read_recording(tmp_path / "x.vital").signal[:, 0], beats_mv, atol=1e-5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the library leaves its file open
def test_what_vitaldb_packs_itself_keeps_its_hole(tmp_path: Path, beats_mv: NDArray[np.float64]) -> None:
    import vitaldb

    steps = np.round(400 * beats_mv).astype(np.int16)
    blocks = [(START.timestamp() + i, steps[128 * i : 128 * i + 128]) for i in range(16) if i not in (5, 6)]
    files.write_vital(tmp_path / "x.vital", [("II", "mV", 128.0, 0.0025, 5, blocks)])
    vitaldb.VitalFile(str(tmp_path / "x.vital")).to_vital(str(tmp_path / "packed.vital"))
    one, packed = read_recording(tmp_path / "x.vital"), read_recording(tmp_path / "packed.vital")
    assert np.isnan(one.signal).sum() == 256
    np.testing.assert_array_equal(packed.signal, one.signal)
    assert packed.start == one.start


def test_a_vitaldb_file_that_is_cut_is_told_and_one_that_is_none_is_refused(
    tmp_path: Path, beats_mv: NDArray[np.float64]
) -> None:
    rng = np.random.default_rng(1)
    steps = (np.round(400 * beats_mv) + rng.integers(-9, 9, 2048)).astype(np.int16)
    blocks = [(START.timestamp() + i, steps[128 * i : 128 * i + 128]) for i in range(16)]
    files.write_vital(tmp_path / "x.vital", [("II", "mV", 128.0, 0.0025, 5, blocks)])
    raw = (tmp_path / "x.vital").read_bytes()
    (tmp_path / "cut.vital").write_bytes(raw[: len(raw) * 3 // 4])
    cut = read_recording(tmp_path / "cut.vital")
    np.testing.assert_allclose(cut.signal[:, 0], steps[: len(cut.signal)] * 2.5e-3, atol=1e-6)
    assert 600 < len(cut.signal) < 2048
    assert "it is cut: read to where it ends" in cut.notes
    (tmp_path / "no.vital").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(RecordCorrupt, match="no VitalDB file"):
        read_recording(tmp_path / "no.vital")
