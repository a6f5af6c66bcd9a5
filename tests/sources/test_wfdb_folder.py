from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.errors import RecordCorrupt, RecordNotFound, RecordUnsupported, SourceError
from pipeline.record_name import RecordName
from pipeline.sources import list_records, open_record

Make = Callable[..., Path]
Ecg = Callable[..., NDArray[np.float64]]


@pytest.fixture
def folder(tmp_path: Path, tinydb: Path) -> Path:
    """Return a folder with record 100, to spoil."""
    made = tmp_path / "ward 7"
    made.mkdir()
    for extension in ("hea", "dat", "atr"):
        (made / f"100.{extension}").write_bytes((tinydb / f"100.{extension}").read_bytes())
    return made


def header(folder: Path, old: str, new: str) -> None:
    text = (folder / "100.hea").read_text()
    assert old in text
    (folder / "100.hea").write_text(text.replace(old, new))


def test_name_is_the_folders_and_the_records(folder: Path) -> None:
    assert open_record("100", data_dir=folder).name == "ward 7/100"
    assert open_record("100.hea", data_dir=folder).name == "ward 7/100"


def test_names_may_be_given_as_results_carry_them(folder: Path, make_record: Make, make_ecg: Ecg) -> None:
    make_record(folder / "sub", "b", make_ecg(300, 2))
    make_record(folder / "ward 7", "c", make_ecg(300, 2))
    assert open_record("ward 7/100", data_dir=folder).name == "ward 7/100"
    assert open_record("ward 7/sub/b.hea", data_dir=folder).name == "ward 7/sub/b"
    assert list_records("ward 7/1*", "ward 7/sub", "ward 7/100", data_dir=folder) == ["100", "sub/b"]
    with pytest.raises(RecordNotFound, match="did you mean '100'"):
        list_records("ward 7/10", data_dir=folder)
    with pytest.raises(RecordNotFound, match="not a name"):
        open_record("ward 7/../ward 7/100", data_dir=folder)


def test_a_subfolder_of_the_folders_name_comes_before_the_folder(
    tmp_path: Path, make_record: Make, make_ecg: Ecg
) -> None:
    for folder in (tmp_path / "ward", tmp_path / "ward" / "ward"):
        make_record(folder, "a", make_ecg(300, 2))
    make_record(tmp_path / "ward", "b", make_ecg(300, 2))
    assert list_records("ward/a", "ward/b", data_dir=tmp_path / "ward") == ["ward/a", "b"]
    assert open_record("ward/a", data_dir=tmp_path / "ward").name == "ward/ward/a"


def test_folder_without_a_list_has_all_records_but_no_segments(folder: Path, make_record: Make, make_ecg: Ecg) -> None:
    make_record(folder / "sub", "b", make_ecg(300, 2))
    make_record(folder / "sub", "part", make_ecg(300, 2))
    make_record(folder / ".unfinished", "c", make_ecg(300, 2))
    (folder / "sub" / "m.hea").write_text("m/1 2 250 300\npart 300\n")
    assert list_records(data_dir=folder) == ["100", "sub/b", "sub/m"]
    assert list_records("sub", "100", "sub/*", data_dir=folder) == ["sub/b", "sub/m", "100"]
    assert open_record("sub/m", data_dir=folder).name == "ward 7/sub/m"


def test_list_in_a_folder_says_which_records_and_in_which_order(folder: Path) -> None:
    (folder / "RECORDS").write_bytes(b"200\r\n100\r\n\r\n200\r\nmore/\r\n")
    (folder / "more").mkdir()
    (folder / "more" / "RECORDS").write_text("7\n")
    assert list_records(data_dir=folder) == ["200", "100", "more/7"]


@pytest.mark.parametrize("name", ["1000", "10", "sub/100"])
def test_record_that_is_not_there_is_not_found_and_the_nearest_suggested(folder: Path, name: str) -> None:
    with pytest.raises(RecordNotFound, match=f"'{name}'.*did you mean '100'"):
        open_record(name, data_dir=folder)
    with pytest.raises(RecordNotFound, match="did you mean '100'"):
        list_records(name, data_dir=folder)


def test_folder_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(RecordNotFound, match="no such folder"):
        list_records(data_dir=tmp_path / "none")
    with pytest.raises(RecordNotFound, match="'100'"):
        open_record("100", data_dir=tmp_path / "none")


@pytest.mark.parametrize("name", ["../100", "/100", "a/../100", "100\n", "a\\100", "~/100", "100\x00"])
def test_names_do_not_lead_out_of_the_folder(folder: Path, name: str) -> None:
    with pytest.raises(RecordNotFound, match="not a name"):
        open_record(name, data_dir=folder / "sub")
    with pytest.raises(RecordNotFound, match="not a name"):
        list_records(name, data_dir=folder)


def test_cut_signal_file_says_how_much_is_there(folder: Path) -> None:
    (folder / "100.dat").write_bytes((folder / "100.dat").read_bytes()[:-4000])
    with pytest.raises(RecordCorrupt, match=r"'ward 7/100'.*100\.dat is cut: it holds 2000 of 3000 samples"):
        open_record("100", data_dir=folder)


def test_cut_compressed_file_is_corrupt(folder: Path, make_record: Make, make_ecg: Ecg) -> None:
    signal = make_record(folder, "flac", make_ecg(3000, 2), fmt="516").with_suffix(".dat")
    signal.write_bytes(signal.read_bytes()[:4000])
    with pytest.raises(RecordCorrupt, match="'ward 7/flac'"):
        list(open_record("flac", data_dir=folder).chunks())


def test_missing_signal_file_is_not_found(folder: Path) -> None:
    (folder / "100.dat").unlink()
    with pytest.raises(RecordNotFound, match=r"'ward 7/100'.*100\.dat is not in"):
        open_record("100", data_dir=folder)


@given(position=st.integers(0, 11_999), bit=st.integers(0, 7), seconds=st.floats(0.5, 60))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_bit_is_found_at_the_end(
    folder: Path, tinydb: Path, position: int, bit: int, seconds: float
) -> None:
    raw = bytearray((tinydb / "100.dat").read_bytes())
    raw[position] ^= 1 << bit
    (folder / "100.dat").write_bytes(raw)
    lead = ("MLII", "V1")[position // 2 % 2]
    with pytest.raises(RecordCorrupt, match=rf"'ward 7/100'.*samples of {lead} fail the checksum"):
        list(open_record("100", data_dir=folder).chunks(seconds))


@pytest.mark.parametrize(
    ("old", "new", "error", "text"),
    [
        (" 16 ", " 999 ", RecordUnsupported, "unknown signal format, 999"),
        ("250", "49", RecordUnsupported, "49 Hz; records of 50 to 10000 Hz are read"),
        ("250", "20000", RecordUnsupported, "20000 Hz"),
        ("250 3000", "0 3000", RecordCorrupt, "rate of 0 Hz"),
        ("/mV", "/mmHg", RecordUnsupported, "no ECG lead"),
        ("100 2", "100 3", RecordCorrupt, "describes 2 of 3 signals"),
        ("100 2", "100 0", RecordUnsupported, "no signals"),
        ("100 2", "?", RecordCorrupt, "not a WFDB header"),
        ("100 2", "100/2 2", RecordCorrupt, "not a WFDB header|segment"),
    ],
)
def test_header_that_cannot_be_used_is_one_line_that_says_why(
    folder: Path, old: str, new: str, error: type[SourceError], text: str
) -> None:
    header(folder, old, new)
    with pytest.raises(error, match=text) as caught:
        open_record("100", data_dir=folder)
    assert "'ward 7/100'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_header_and_empty_record_are_one_line(folder: Path) -> None:
    header(folder, "250 3000", "250")
    (folder / "100.dat").write_bytes(b"")
    with pytest.raises(RecordUnsupported, match="empty"):
        open_record("100", data_dir=folder)
    (folder / "100.hea").write_bytes(b"")
    with pytest.raises(RecordCorrupt, match="empty"):
        open_record("100", data_dir=folder)


@given(raw=st.binary(max_size=80) | st.text("0123456789 /().xV\nab~", max_size=80).map(str.encode))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_header_or_one_clear_error(folder: Path, raw: bytes) -> None:
    (folder / "100.hea").write_bytes(raw)
    message, fs = "", 0.0
    try:
        fs = open_record("100", data_dir=folder).fs
    except SourceError as error:
        message = str(error)
    assert (100 <= fs <= 1000) == (message == "")
    assert message == "" or ("100" in message and "\n" not in message)


def test_segment_that_disagrees_with_its_master_is_corrupt(folder: Path) -> None:
    (folder / "m.hea").write_text("m/2 2 250 3500\n100 3000\n100 500\n")
    with pytest.raises(RecordCorrupt, match="segment 100"):
        list(open_record("m", data_dir=folder).chunks())


def test_missing_segment_is_not_found(folder: Path) -> None:
    (folder / "m.hea").write_text("m/2 2 250 3500\n100 3000\nlost 500\n")
    with pytest.raises(RecordNotFound, match=r"'ward 7/m'.*lost\.hea"):
        list(open_record("m", data_dir=folder).chunks())


def test_missing_lead_is_refused_with_those_there_are(folder: Path) -> None:
    with pytest.raises(RecordUnsupported, match=r"'ward 7/100'.*'V6'; choose from: MLII, V1"):
        open_record("100", data_dir=folder, leads=["V6"])


@pytest.mark.parametrize("date", ["12:30:00 1985", "1985", "00:00:00 99/99/2020", "25:61:61 01/01/2000"])
def test_a_date_that_is_none_costs_nothing_but_itself(folder: Path, tinydb: Path, date: str) -> None:
    expected = np.concatenate([chunk.signal for chunk in open_record("100", data_dir=tinydb).chunks()])
    header(folder, "250 3000", f"250 3000 {date}")
    record = open_record("100", data_dir=folder)
    np.testing.assert_array_equal(np.concatenate([chunk.signal for chunk in record.chunks()]), expected)
    assert record.start is None


def test_the_start_of_a_record_is_kept(folder: Path) -> None:
    header(folder, "250 3000", "250 3000 12:30:05 02/03/1985")
    assert str(open_record("100", data_dir=folder).start) == "1985-03-02 12:30:05"


def test_a_record_beside_a_list_is_found(folder: Path, make_record: Make, make_ecg: Ecg) -> None:
    make_record(folder, "late", make_ecg(300, 2))
    (folder / "RECORDS").write_text("100\n")
    assert list_records(data_dir=folder) == ["100", "late"]
    assert list_records("late", data_dir=folder) == ["late"]


def test_files_of_other_formats_are_records_of_their_folder(folder: Path, make_record: Make, make_ecg: Ecg) -> None:
    from pipeline.sources.foreign.samples import write_samples

    for file in write_samples(folder):
        if file.suffix not in (".edf", ".csv", ".hea"):
            file.unlink()
    assert list_records(data_dir=folder) == ["100", "wfdb", "edf.edf"]  # a table may be anything
    tables = ["csv.csv", "movesense.csv", "withings.csv"]
    assert list_records("*.csv", "edf.edf", data_dir=folder) == [*tables, "edf.edf"]
    assert open_record("edf.edf", data_dir=folder).name == "ward 7/edf.edf"
    with pytest.raises(RecordNotFound, match=r"did you mean .edf\.edf."):
        open_record("edf.efd", data_dir=folder)


@pytest.mark.parametrize("name", ["my+data", "study (1)", "a & b", "été", "[x]", ".hidden", " odd", "-rf", "x:y"])
def test_records_of_any_folder_have_a_name_that_results_can_have(
    tmp_path: Path, make_record: Make, make_ecg: Ecg, name: str
) -> None:
    folder = tmp_path / name
    make_record(folder, "a-b", make_ecg(300, 2))
    record = open_record("a-b", data_dir=folder)
    assert list_records(data_dir=folder) == ["a-b"]
    assert RecordName.parse(record.name).file_parts[-1] == "a-b"
    assert open_record(record.name, data_dir=folder).name == record.name  # as results call it


def test_annotations_of_another_annotator_are_read_by_its_name(folder: Path) -> None:
    (folder / "100.atr").rename(folder / "100.qrs")
    assert open_record("100", data_dir=folder).annotations() is None
    record = open_record("100", data_dir=folder, annotator="qrs")
    notes = record.annotations()
    assert notes is not None
    assert len(notes.sample)
    assert folder / "100.qrs" in record.files


def test_annotations_past_the_end_or_twice_are_left_out_and_told(folder: Path) -> None:
    wfdb.wrann("100", "atr", np.array([100, 500, 500, 2900, 4000]), ["N"] * 5, write_dir=str(folder))
    notes = open_record("100", data_dir=folder).annotations()
    assert notes is not None
    assert notes.sample.tolist() == [100, 500, 2900]
    assert len(notes.notes) == 2


def test_a_signal_of_format_0_stores_nothing_beside_the_others(folder: Path) -> None:
    header(folder, "100.dat 16", "100.dat 0")  # of the first signal alone
    text = (folder / "100.hea").read_text().replace("100.dat 0", "100.dat 16").replace("100.dat 16", "100.dat 0", 1)
    (folder / "100.hea").write_text(text)
    assert open_record("100", data_dir=folder).leads == ("V1",)
