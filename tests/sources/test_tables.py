"""Tables as people have them: each is read to the right millivolt at the right time, or refused with what to pass."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from pipeline.errors import RecordUnsupported
from pipeline.sources.foreign import Recording, read_recording, write_recording
from pipeline.sources.foreign.grid import place_rows
from pipeline.sources.synthetic import demo_ward, synthesise

FS = 250.0


@pytest.fixture(scope="module")
def ecg() -> NDArray[np.float64]:
    """Forty seconds of a patient's two leads in mV, rounded to a microvolt."""
    patient = synthesise(demo_ward(60.0)["synth/sinus"], name="synth/sinus", seconds=40.0, seed=1, fs=FS)
    signal: NDArray[np.float64] = np.concatenate([chunk.signal for chunk in patient.chunks()]).astype(np.float64)
    return np.asarray(np.round(signal, 3), dtype=np.float64)


@pytest.fixture(scope="module")
def time_s(ecg: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.arange(len(ecg)) / FS


def save(path: Path, lines: Sequence[str], encoding: str = "utf-8") -> Path:
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def rows(*columns: NDArray[np.float64], sep: str = ",", decimal: str = ".", digits: int = 3) -> list[str]:
    return [sep.join(f"{value:.{digits}f}".replace(".", decimal) for value in row) for row in np.column_stack(columns)]


def check(recording: Recording, signal: NDArray[np.float64], fs: float = FS, atol: float = 1e-3) -> None:
    assert recording.fs == fs
    np.testing.assert_allclose(recording.signal, signal.reshape(len(signal), -1), atol=atol, equal_nan=True)


def test_a_row_number_a_clock_a_marker_and_a_trailing_comma_are_no_leads(
    tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64]
) -> None:
    n = len(ecg)
    table = pd.DataFrame({"Unnamed": np.arange(n), "device": 1.7e9 + np.arange(n) * 3906, "a": ecg[:, 0]})
    table["button"], table["packet"] = (np.arange(n) % 900 == 0) * 1, np.arange(n) % 73
    table["b"] = ecg[:, 1]
    text = table.to_csv(index=True)  # pandas puts the row's number first
    (tmp_path / "x.csv").write_text(text.replace("\n", ",\n"))
    read = read_recording(tmp_path / "x.csv", fs=FS)
    assert read.leads == ("a", "b")
    check(read, ecg)
    (left_out,) = [note for note in read.notes if note.startswith("left out")]
    assert [word in left_out for word in ("Unnamed (counts)", "device (counts)", "button (is a marker)")] == [True] * 3
    assert "packet" in left_out
    assert any("no name says that a and b is an ECG" in note for note in read.notes)


@pytest.mark.parametrize("head", ["ECG (uV)", "ecg [µV]", "ECG_uV", "ii (microvolt)"])
def test_a_unit_in_a_columns_head_counts(
    tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64], head: str
) -> None:
    save(tmp_path / "x.csv", [f"time,{head}", *rows(time_s, 1000 * ecg[:, 0])])
    check(read_recording(tmp_path / "x.csv"), ecg[:, 0])


def test_a_second_line_of_units_is_read(tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64]) -> None:
    clock = [f"'{int(t // 60)}:{t % 60:06.3f}'" for t in time_s]
    lines = [f"{t},{v:.3f}" for t, v in zip(clock, ecg[:, 0], strict=True)]
    save(tmp_path / "rdsamp.csv", ["'Elapsed time','MLII'", "'hh:mm:ss.mmm','mV'", *lines])
    read = read_recording(tmp_path / "rdsamp.csv")
    assert read.leads == ("MLII",)
    check(read, ecg[:, 0])
    save(tmp_path / "u.csv", ["time;ECG", "s;uV", *rows(time_s, 1000 * ecg[:, 0], sep=";")])
    check(read_recording(tmp_path / "u.csv"), ecg[:, 0])


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig", "utf-16-le"])
def test_tables_of_everyday_life_are_read(
    tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64], encoding: str
) -> None:
    lines = ["sep=;", "# Gerät Nr. 7", "Zeit;EKG (µV)", *rows(1000 * time_s, 1000 * ecg[:, 0], sep=";", decimal=",")]
    check(read_recording(save(tmp_path / "x.csv", lines, encoding)), ecg[:, 0])


@pytest.mark.parametrize(("name", "scale"), [("time", 1e3), ("time", 1e6), ("timestamp [ns]", 1e9), ("t_ms", 1e3)])
def test_times_count_in_their_own_unit(
    tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64], name: str, scale: float
) -> None:
    path = save(tmp_path / "x.csv", [f"{name},II", *rows(time_s * scale, ecg[:, 0])])
    check(read_recording(path), ecg[:, 0])


def test_a_time_that_counts_rows_is_refused_with_what_to_pass(tmp_path: Path, ecg: NDArray[np.float64]) -> None:
    path = save(tmp_path / "x.csv", ["time,II", *rows(np.arange(len(ecg), dtype=np.float64), ecg[:, 0])])
    with pytest.raises(RecordUnsupported, match=r"counts by 1 .* give --fs"):
        read_recording(path)
    check(read_recording(path, fs=FS), ecg[:, 0])


def test_a_column_of_numbers_alone_needs_only_its_rate(tmp_path: Path, ecg: NDArray[np.float64]) -> None:
    path = save(tmp_path / "x.txt", rows(ecg[:, 0]))
    with pytest.raises(RecordUnsupported, match="--fs"):
        read_recording(path)
    check(read_recording(path, fs=FS), ecg[:, 0])


def test_a_hole_is_a_hole_also_when_the_rate_is_given(
    tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64]
) -> None:
    keep = np.ones(len(ecg), dtype=bool)
    keep[2000:2750] = keep[5000] = False
    path = save(tmp_path / "x.csv", ["time,II,V1", *rows(time_s[keep], ecg[keep, 0], ecg[keep, 1])])
    expected = np.where(keep[:, None], ecg, np.nan)
    for fs in (None, FS):
        read = read_recording(path, fs=fs)
        check(read, expected)
        assert read.notes == ("2 holes of 3.0 s in all, by the times of the rows",)


def test_rows_that_come_twice_or_late_are_put_right_and_counted(
    tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64]
) -> None:
    order = np.r_[0:1000, 900:1000, 1100:1200, 1000:1100, 1200 : len(ecg)]
    path = save(tmp_path / "x.csv", ["time,II", *rows(time_s[order], ecg[order, 0])])
    read = read_recording(path)
    check(read, ecg[:, 0])
    assert [note for note in read.notes if "twice" in note] == ["100 rows came twice: left out"]
    assert any("came late" in note for note in read.notes)


def test_a_clock_that_is_set_back_or_passes_midnight_loses_nothing(
    tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64]
) -> None:
    back = np.where(time_s > 20, time_s - 12, time_s)
    read = read_recording(save(tmp_path / "x.csv", ["time,II", *rows(back, ecg[:, 0])]))
    check(read, ecg[:, 0])
    assert "the clock was set back 1 times" in read.notes
    late = (time_s + 86380.0) % 86400.0
    clock = [f"{int(t // 3600):02d}:{int(t // 60 % 60):02d}:{t % 60:06.3f}" for t in late]
    lines = ["clock,II", *(f"{t},{v:.3f}" for t, v in zip(clock, ecg[:, 0], strict=True))]
    check(read_recording(save(tmp_path / "y.csv", lines)), ecg[:, 0])


@pytest.mark.parametrize("fs", [128.0, 250.0, 256.0, 360.0, 500.0, 512.0, 1000.0])
@pytest.mark.parametrize("digits", [3, 6])
def test_rounded_times_place_every_row(fs: float, digits: int) -> None:
    keep = np.ones(20_000, dtype=bool)
    keep[5000:5100] = keep[9000] = keep[12_000:15_000] = False
    there = np.flatnonzero(keep)
    grid = place_rows(np.round(there / fs, digits))
    assert grid.fs == fs
    np.testing.assert_array_equal(grid.position, there)


def test_times_with_jitter_and_times_of_whole_packets_are_no_holes() -> None:
    time_s = np.arange(20_000) / FS
    jitter = place_rows(time_s + np.random.default_rng(0).uniform(0, 1 / FS, len(time_s)))
    assert (jitter.fs, jitter.holes, jitter.length) == (FS, 0, 20_000)
    coarse = place_rows(np.floor(time_s))
    assert (coarse.fs, coarse.holes, coarse.length) == (FS, 0, 20_000)


@pytest.mark.parametrize("value", ["1e6", "inf", "-inf", "-1e300"])
def test_one_impossible_value_costs_itself_and_is_counted(
    tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64], value: str
) -> None:
    lines = ["time,II", *rows(time_s, ecg[:, 0])]
    lines[1001] = f"4.000,{value}"
    read = read_recording(save(tmp_path / "x.csv", lines))
    expected = ecg[:, 0].copy()
    expected[1000] = np.nan
    check(read, expected)
    assert any("II: 1 impossible values" in note for note in read.notes)
    written = write_recording(read, tmp_path / "ward", "x")
    again = read_recording(written.with_suffix(".hea"))
    check(again, expected, atol=1.1e-3)  # steps of 1 uV, not of the impossible value


def test_a_second_of_a_sentinel_is_missing(
    tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64]
) -> None:
    steps = np.round(1000 * ecg[:, 0])
    steps[3000:3250] = -32768
    read = read_recording(save(tmp_path / "x.csv", ["time,ECG (uV)", *rows(time_s, steps, digits=3)]))
    expected = ecg[:, 0].copy()
    expected[3000:3250] = np.nan
    check(read, expected)
    assert any("250 values stand for none" in note for note in read.notes)


def test_a_night_in_which_the_clocks_change_is_whole_and_keeps_its_zone(
    tmp_path: Path, ecg: NDArray[np.float64]
) -> None:
    for begin, is_summer in (("2026-10-25T02:59:40+02:00", False), ("2026-03-29T01:59:40+01:00", True)):
        moments = pd.date_range(begin, periods=len(ecg), freq="4ms").tz_convert("Europe/Berlin")
        zoned = [moment.isoformat(timespec="milliseconds") for moment in moments]
        for name, clock in (("zoned", zoned), ("local", [text[:-6] for text in zoned])):
            lines = [f"{text},{value:.3f}" for text, value in zip(clock, ecg[:, 0], strict=True)]
            read = read_recording(save(tmp_path / f"{name}.csv", ["time,II", *lines]))
            check(read, ecg[:, 0])
            assert read.start is not None
            assert read.start.isoformat() == (begin if name == "zoned" else begin[:-6])
            told = ("its clock went forward by an hour, as clocks do in spring: no hole",) if is_summer else ()
            told = told or ("the clock was set back 1 times",)
            assert read.notes == (() if name == "zoned" else told)
        pd.DataFrame({"II": ecg[:, 0]}, index=moments).to_parquet(tmp_path / "x.parquet")
        read = read_recording(tmp_path / "x.parquet")
        check(read, ecg[:, 0])
        assert read.start is not None
        assert read.start.isoformat() == begin


def test_an_hour_without_signal_is_a_hole_on_any_other_day(tmp_path: Path, ecg: NDArray[np.float64]) -> None:
    moments = pd.date_range("2026-03-30T01:59:40", periods=len(ecg), freq="4ms")
    moments = moments + pd.to_timedelta(np.where(moments.hour >= 2, 3600, 0), unit="s")
    lines = [f"{m.isoformat(timespec='milliseconds')},{v:.3f}" for m, v in zip(moments, ecg[:, 0], strict=True)]
    read = read_recording(save(tmp_path / "x.csv", ["time,II", *lines]))
    assert read.notes == ("1 holes of 3600.0 s in all, by the times of the rows",)


def test_what_a_watch_exports_is_read(tmp_path: Path, ecg: NDArray[np.float64]) -> None:
    microvolts = [f"{1000 * v:.3f}" for v in ecg[:, 0]]
    head = ["Name,A Person", 'Date of Birth,"Jan 1, 1970"', "Recorded Date,2023-05-06 07:08:09 +0200"]
    head += ["Classification,Sinus Rhythm", "Software Version,1.90", 'Device,"Watch6,2"', "Sample Rate,250 hertz"]
    path = save(tmp_path / "ecg_2023-05-06.csv", [*head, "", "Lead,Lead I", "Unit,µV", "", *microvolts])
    read = read_recording(path)
    assert read.leads == ("Lead I",)
    check(read, ecg[:, 0])
    assert read.start is not None
    assert read.start.replace(tzinfo=None) == datetime(2023, 5, 6, 7, 8, 9)


def test_what_a_belt_exports_is_read(tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64]) -> None:
    lines = ["Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]"]
    for t, v in zip(time_s, ecg[:, 0], strict=True):
        packet = t - t % (73 / FS)
        phone = pd.Timestamp("2022-11-03T10:11:12") + pd.Timedelta(seconds=round(packet, 3))
        lines.append(
            f"{phone.isoformat(timespec='milliseconds')};{599618 * 10**12 + round(t * 1e9)};"
            f"{1000 * t:.6f};{1000 * v:.0f}"
        )
    read = read_recording(save(tmp_path / "Polar_H10_ECG.txt", lines))
    assert read.leads == ("ecg",)
    check(read, ecg[:, 0])
    assert read.start == datetime(2022, 11, 3, 10, 11, 12)


def test_a_table_that_is_compressed_is_read(
    tmp_path: Path, ecg: NDArray[np.float64], time_s: NDArray[np.float64]
) -> None:
    with gzip.open(tmp_path / "x.csv.gz", "wt") as file:
        file.write("\n".join(["time,II", *rows(time_s, ecg[:, 0])]))
    check(read_recording(tmp_path / "x.csv.gz"), ecg[:, 0])
