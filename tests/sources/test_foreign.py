from __future__ import annotations

from pathlib import Path

import edfio
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from pipeline.errors import OutputError, RecordCorrupt, RecordNotFound, RecordUnsupported
from pipeline.sources import list_records, open_record
from pipeline.sources.foreign import read_recording, write_recording

FS = 250.0


@pytest.fixture(scope="module")
def signal() -> NDArray[np.float64]:
    """Ten seconds of two leads in mV."""
    time_s = np.arange(round(10 * FS)) / FS
    return np.round(np.column_stack([np.sin(2 * np.pi * time_s), 0.4 * np.cos(5 * time_s)]), 3)


def written(folder: Path, name: str) -> NDArray[np.float32]:
    return np.concatenate([chunk.signal for chunk in open_record(name, data_dir=folder).chunks()])


@pytest.mark.parametrize(("separator", "ending"), [(",", "csv"), (";", "csv"), ("\t", "tsv"), (" ", "txt")])
def test_columns_of_text_become_a_record(
    tmp_path: Path, signal: NDArray[np.float64], separator: str, ending: str
) -> None:
    path = tmp_path / f"export.{ending}"
    table = pd.DataFrame({"time": np.round(np.arange(len(signal)) / FS, 4), "MLII": signal[:, 0], "V1": signal[:, 1]})
    table.to_csv(path, sep=separator, index=False)
    recording = read_recording(path)
    assert (recording.fs, recording.leads) == (FS, ("MLII", "V1"))
    write_recording(recording, tmp_path / "ward", "bed1")
    np.testing.assert_allclose(written(tmp_path / "ward", "bed1"), signal, atol=0.0006)
    assert list_records(data_dir=tmp_path / "ward") == ["bed1"]


def test_units_rate_and_leads_are_told_where_the_file_does_not_say(tmp_path: Path, signal: NDArray[np.float64]) -> None:
    path = tmp_path / "export.csv"
    pd.DataFrame({"Resp": signal[:, 1], "ecg ii": 1000 * signal[:, 0], "x": 0.0}).to_csv(path, index=False)
    with pytest.raises(RecordUnsupported, match="--fs"):
        read_recording(path)
    recording = read_recording(path, fs=FS, units="uV", leads=["II"])
    assert recording.leads == ("ecg ii",)
    np.testing.assert_allclose(recording.signal[:, 0], signal[:, 0])
    assert read_recording(path, fs=FS).leads == ("ecg ii",)  # what breathes is no lead, nor is what says nothing


def test_a_rate_that_the_times_contradict_is_refused(tmp_path: Path, signal: NDArray[np.float64]) -> None:
    path = tmp_path / "export.csv"
    for digits, agreed in ((4, 360.0), (3, 359.9)):  # times are rounded
        table = pd.DataFrame({"time": np.round(np.arange(len(signal)) / 360, digits), "II": signal[:, 0]})
        table.to_csv(path, index=False)
        with pytest.raises(RecordUnsupported, match=r"column time says 360 Hz, --fs says 250 Hz: *leave out one"):
            read_recording(path, fs=250.0)
        assert read_recording(path, fs=agreed).fs == agreed
    rng = np.random.default_rng(0)
    table["time"] = np.cumsum(rng.exponential(0.003, len(table)))  # times that tell no rate
    table.to_csv(path, index=False)
    with pytest.raises(RecordUnsupported, match=r"not evenly spaced.*give --fs"):
        read_recording(path)
    told = read_recording(path, fs=250.0)
    assert told.fs == 250.0
    assert any("count as evenly spaced" in note for note in told.notes)


def test_a_missing_value_stays_missing(tmp_path: Path, signal: NDArray[np.float64]) -> None:
    path = tmp_path / "export.csv"
    table = pd.DataFrame({"II": signal[:, 0]})
    table.loc[100:199, "II"] = np.nan
    table.to_csv(path, index=False)
    write_recording(read_recording(path, fs=FS), tmp_path / "ward", "bed1")
    assert np.flatnonzero(np.isnan(written(tmp_path / "ward", "bed1")[:, 0])).tolist() == list(range(100, 200))


def test_edf_becomes_a_record(tmp_path: Path, signal: NDArray[np.float64]) -> None:
    def lead(label: str, values: NDArray[np.float64], unit: str) -> edfio.EdfSignal:
        return edfio.EdfSignal(values, FS, label=label, physical_dimension=unit)

    path = tmp_path / "night.edf"
    breath = edfio.EdfSignal(signal[::10, 0], FS / 10, label="Resp chest", physical_dimension="mV")
    edfio.Edf([breath, lead("ECG II", 1000 * signal[:, 0], "uV"), lead("ECG V1", signal[:, 1], "mV")]).write(path)
    recording = read_recording(path)
    assert (recording.fs, recording.leads) == (FS, ("ECG II", "ECG V1"))
    write_recording(recording, tmp_path / "ward", "night")
    np.testing.assert_allclose(written(tmp_path / "ward", "night"), signal, atol=0.002)
    with pytest.raises(RecordUnsupported, match="no lead 'V9'"):
        read_recording(path, leads=["V9"])
    mixed = read_recording(path, leads=["ECG II", "Resp chest"])
    assert mixed.leads == ("ECG II",)
    assert mixed.notes == ("left out, as their rate is another one: Resp chest (25 Hz)",)


def test_a_wfdb_record_comes_back_as_it_was(tmp_path: Path, signal: NDArray[np.float64]) -> None:
    path = tmp_path / "export.csv"
    pd.DataFrame({"II": signal[:, 0]}).to_csv(path, index=False)
    write_recording(read_recording(path, fs=FS), tmp_path / "a", "one")
    write_recording(read_recording(tmp_path / "a" / "one.hea"), tmp_path / "b", "two")
    np.testing.assert_array_equal(written(tmp_path / "a", "one"), written(tmp_path / "b", "two"))


def test_large_values_still_fit(tmp_path: Path, signal: NDArray[np.float64]) -> None:
    path = tmp_path / "export.csv"
    pd.DataFrame({"II": 300.0 * signal[:, 0]}).to_csv(path, index=False)
    write_recording(read_recording(path, fs=FS), tmp_path / "ward", "bed1")
    np.testing.assert_allclose(written(tmp_path / "ward", "bed1")[:, 0], 300.0 * signal[:, 0], atol=0.02)


@pytest.mark.parametrize(
    ("name", "content", "error", "said"),
    [
        ("a.csv", b"", RecordCorrupt, "table of columns"),
        ("a.csv", b"0.1,0.2\n0.3,0.4\n", RecordUnsupported, "no head"),
        ("a.csv", b"time,II\n0,0.2\n0.004,x\n", RecordCorrupt, "line 3: 'x'"),
        ("a.csv", b"time,II\n0,0.2\n0.004,0.1\n0.1,0.1\n", RecordUnsupported, "evenly"),
        ("a.csv", b"time,II\n0,0.2\nnoon,0.1\n", RecordUnsupported, "--fs"),
        ("a.csv", b"time,II\n0,0.2\n1,0.1\n2,0.1\n", RecordUnsupported, "counts by 1 .*--fs"),
        ("a.csv", b"time,II\n", RecordUnsupported, "no samples"),
        ("a.csv", b"time\n0\n0.004\n", RecordUnsupported, "no ECG lead"),
        ("a.csv", b"\xff\xfe\x00", RecordCorrupt, "table of columns"),
        ("a.edf", b"", RecordCorrupt, "EDF"),
        ("a.edf", b"0       not an EDF file" * 40, RecordCorrupt, "EDF"),
        ("a.bdf", b"garbage" * 100, RecordCorrupt, "EDF"),
        ("a.mp3", b"", RecordUnsupported, "read from"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, error: type[Exception], said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=said):
        read_recording(tmp_path / name)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordNotFound, match="none"):
        read_recording(tmp_path / "none.csv")


@pytest.mark.parametrize("ending", ["edf", "bdf"])
def test_a_cut_edf_is_corrupt(tmp_path: Path, signal: NDArray[np.float64], ending: str) -> None:
    path = tmp_path / f"night.{ending}"
    if ending == "edf":
        edfio.Edf([edfio.EdfSignal(signal[:, 0], FS, label="II", physical_dimension="mV")]).write(path)
    else:
        edfio.Bdf([edfio.BdfSignal(signal[:, 0], FS, label="II", physical_dimension="mV")]).write(path)
    whole = path.read_bytes()
    assert len(read_recording(path).signal) == len(signal)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordCorrupt, match=r"is cut: it holds \d of 10 data records"):
        read_recording(path)
    path.write_bytes(whole[:300])
    with pytest.raises(RecordCorrupt, match="EDF"):
        read_recording(path)


def test_names_never_leave_the_folder(tmp_path: Path, signal: NDArray[np.float64]) -> None:
    path = tmp_path / "export.csv"
    pd.DataFrame({"II": signal[:, 0]}).to_csv(path, index=False)
    recording = read_recording(path, fs=FS)
    for name in ("../x", "a/b", "", "ä"):
        with pytest.raises(ValueError, match="WFDB takes names"):
            write_recording(recording, tmp_path / "ward", name)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_recording(recording, tmp_path / "file", "bed1")
