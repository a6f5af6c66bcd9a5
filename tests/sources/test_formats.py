"""Each format that is read: lead, time, millivolt and start of a file that its library did not write."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from pipeline.errors import PipelineError, RecordUnsupported
from pipeline.sources.foreign import Format, formats, open_recording, read_recording
from pipeline.sources.foreign import samples as files
from pipeline.sources.foreign.mat_file import _hdf5
from pipeline.sources.foreign.registry import format_of

FS = 250
START = files.START


@pytest.fixture(scope="module")
def steps() -> NDArray[np.int16]:
    """Ten seconds of three leads, in steps."""
    time_s = np.arange(10 * FS) / FS
    waves = [
        np.sin(2 * np.pi * 1.2 * time_s),
        0.4 * np.cos(2 * np.pi * 2.3 * time_s),
        np.sin(2 * np.pi * 0.7 * time_s) ** 3,
    ]
    return np.round(400 * np.column_stack(waves)).astype(np.int16)


def check(path: Path, leads: tuple[str, ...], signal: NDArray[np.floating], start: datetime | None = START) -> None:
    read = read_recording(path)
    assert (read.leads, read.fs) == (leads, FS)
    np.testing.assert_allclose(read.signal, signal, atol=1e-6, equal_nan=True)
    told = None if read.start is None else read.start.replace(tzinfo=None)
    assert told == start


def test_ishne(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    steps = steps.copy()
    steps[100:200, 1] = -32768  # a lead fault
    files.write_ishne(tmp_path / "h.ecg", steps, [11, 6, 15], FS, 2500)
    expected = np.where(steps == -32768, np.nan, steps * 2.5e-3)
    check(tmp_path / "h.ecg", ("II", "V5", "V1"), expected[:, [1, 2, 0]])
    assert getattr(open_recording(tmp_path / "h.ecg"), "facts", {}) == {"device": "Box 7"}
    raw = (tmp_path / "h.ecg").read_bytes()
    (tmp_path / "cut.ecg").write_bytes(raw[: len(raw) // 2])
    cut = read_recording(tmp_path / "cut.ecg")
    np.testing.assert_allclose(cut.signal, expected[: len(cut.signal), [1, 2, 0]], atol=1e-6, equal_nan=True)
    assert cut.notes == (f"its header declares 2500 samples a lead, and it holds {len(cut.signal)}: is it cut?",)


def test_hl7_aecg(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    files.write_aecg(tmp_path / "a.xml", steps, ["V1", "II", "AVF"], FS, 2.5)
    check(tmp_path / "a.xml", ("II", "V1", "aVF"), steps[:, [1, 0, 2]] * 2.5e-3)


def test_ge_muse(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    files.write_muse(tmp_path / "m.xml", steps, ["V1", "V5", "V2"], FS, 4.88)
    check(tmp_path / "m.xml", ("V5", "V1", "V2"), steps[:, [1, 0, 2]] * 4.88e-3)


def test_ge_muse_has_its_rate_by_a_power_of_ten_and_no_mean_beat(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    files.write_muse(tmp_path / "median.xml", steps[:200] + 99, ["V1", "V5", "V2"], 500, 4.88)
    median = (tmp_path / "median.xml").read_text("latin-1")
    wave = median[median.index("<Waveform>") : median.index("</RestingECG>")].replace("Rhythm", "Median")
    files.write_muse(tmp_path / "m.xml", steps, ["V1", "V5", "V2"], FS, 4.88, exponent=1, before=wave)
    check(tmp_path / "m.xml", ("V5", "V1", "V2"), steps[:, [1, 0, 2]] * 4.88e-3)


def test_kardia(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    files.write_kardia(tmp_path / "k.json", steps, ["leadI", "leadII", "AVF"], FS, 500)
    check(tmp_path / "k.json", ("II", "I", "aVF"), steps[:, [1, 0, 2]] * 5e-4)


def test_scp_ecg(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    files.write_scp(tmp_path / "s.scp", steps, [3, 2, 7], FS, 2500)  # V1, II, V5
    check(tmp_path / "s.scp", ("II", "V5", "V1"), steps[:, [1, 2, 0]] * 2.5e-3)
    files.write_scp(tmp_path / "packed.scp", steps, [3, 2, 7], FS, 2500, is_packed=True)
    assert (tmp_path / "packed.scp").stat().st_size < 0.5 * (tmp_path / "s.scp").stat().st_size
    check(tmp_path / "packed.scp", ("II", "V5", "V1"), steps[:, [1, 2, 0]] * 2.5e-3)


def test_philips_sierra(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    files.write_sierra(tmp_path / "p.xml", steps, ["V1", "II", "aVF"], FS, 5.0)
    check(tmp_path / "p.xml", ("II", "V1", "aVF"), steps[:, [1, 0, 2]] * 5e-3)
    files.write_sierra(tmp_path / "packed.xml", steps, ["V1", "II", "V2"], FS, 5.0, is_packed=True)
    assert (tmp_path / "packed.xml").stat().st_size < 0.8 * (tmp_path / "p.xml").stat().st_size
    check(tmp_path / "packed.xml", ("II", "V1", "V2"), steps[:, [1, 0, 2]] * 5e-3)


def test_dicom(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    steps = steps.copy()
    steps[100:200, 1] = -9999
    files.write_dicom(tmp_path / "d.dcm", steps, ["V1", "II", "aVF"], FS, 2.5, baseline_uv=40.0, padding=-9999)
    expected = np.where(steps == -9999, np.nan, steps * 2.5e-3 + 0.04)
    check(tmp_path / "d.dcm", ("Lead II", "Lead V1", "Lead aVF"), expected[:, [1, 0, 2]])


def test_dicom_keeps_fractions_of_a_second_zone_and_skew(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    moments = {
        "20210304223001.25-0530": "2021-03-04T22:30:01.250000-05:30",
        "20210304223001.5": "2021-03-04T22:30:01.500000",
    }
    for moment, told in moments.items():
        files.write_dicom(tmp_path / "d.dcm", steps, ["II", "V1", "V5"], FS, 2.5, skew=[0, 5, -3], moment=moment)
        read = read_recording(tmp_path / "d.dcm")
        assert read.start is not None
        assert read.start.isoformat() == told
    expected = np.full(steps.shape, np.nan)
    expected[:, 0], expected[5:, 1], expected[:-3, 2] = steps[:, 0], steps[:-5, 1], steps[3:, 2]
    named = {name: read.signal[:, i] for i, name in enumerate(read.leads)}
    for i, name in enumerate(("Lead II", "Lead V1", "Lead V5")):
        np.testing.assert_allclose(named[name], expected[:, i] * 2.5e-3, atol=1e-6, equal_nan=True)


def test_dicom_that_its_publisher_wrote() -> None:
    from pydicom.data import get_testdata_file

    path = get_testdata_file("waveform_ecg.dcm")
    assert isinstance(path, str)
    read = read_recording(Path(path))
    assert (read.fs, len(read.leads), len(read.signal)) == (1000.0, 12, 10_000)  # the rhythm, not the mean beat
    assert read.leads[:3] == ("Lead II", "Lead V5", "Lead V1")
    assert read.signal[0, 0] == pytest.approx(0.1125)
    assert read.start == datetime(2013, 1, 25, 10, 59, 19)


def test_biopac(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    files.write_acq(tmp_path / "b.acq", steps, ["RSP100C", "ECG100C", "EDA"], FS, 2.5e-3)
    check(tmp_path / "b.acq", ("ECG100C",), steps[:, 1:2] * 2.5e-3, None)


def test_xdf(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    keep = np.ones(len(steps), dtype=bool)
    keep[500:750] = False
    files.write_xdf(
        tmp_path / "x.xdf", steps[:, :2].astype(np.float32), ["Resp", "ECG II"], ["", "microvolts"], FS, keep
    )
    expected = np.where(keep, steps[:, 1] * 1e-3, np.nan)
    check(tmp_path / "x.xdf", ("ECG II",), expected[:, None])


def test_numpy(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    signal = steps * 2.5e-3
    np.save(tmp_path / "a.npy", signal.T)
    with pytest.raises(RecordUnsupported, match="--fs"):
        read_recording(tmp_path / "a.npy")
    np.testing.assert_allclose(read_recording(tmp_path / "a.npy", fs=FS).signal, signal, atol=1e-6)
    np.savez(tmp_path / "b.npz", ecg=signal, fs=FS, leads=np.array(["V1", "II", "aVF"]))
    check(tmp_path / "b.npz", ("II", "V1", "aVF"), signal[:, [1, 0, 2]], None)
    np.savez(tmp_path / "c.npz", time=np.arange(len(signal)) / FS, II=1000 * signal[:, 0], units=np.array(["uV"]))
    check(tmp_path / "c.npz", ("II",), signal[:, :1], None)
    np.save(tmp_path / "d.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(PipelineError):  # nothing is unpickled
        read_recording(tmp_path / "d.npy", fs=FS)


def test_parquet_and_feather(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    signal = steps * 2.5e-3
    index = pd.date_range(START, periods=len(signal), freq=pd.Timedelta(seconds=1 / FS))
    frame = pd.DataFrame({"II": signal[:, 0], "V1 (uV)": 1000 * signal[:, 1]}, index=index).drop(index=index[500:600])
    frame.to_parquet(tmp_path / "p.parquet")
    expected = signal[:, :2].copy()
    expected[500:600] = np.nan
    check(tmp_path / "p.parquet", ("II", "V1"), expected)
    frame.reset_index(names="time").to_feather(tmp_path / "f.feather")
    check(tmp_path / "f.feather", ("II", "V1"), expected)
    table = pa.table({"II": signal[:, 0]}).replace_schema_metadata({"fs": str(FS)})
    pq.write_table(table, tmp_path / "m.parquet")
    check(tmp_path / "m.parquet", ("II",), signal[:, :1], None)


def test_matlab(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    from scipy.io import savemat

    signal = steps * 2.5e-3
    savemat(tmp_path / "a.mat", {"ecg": signal, "fs": float(FS), "leads": np.array(["V1", "II", "aVF"], dtype=object)})
    check(tmp_path / "a.mat", ("II", "V1", "aVF"), signal[:, [1, 0, 2]], None)
    savemat(tmp_path / "b.mat", {"val": steps.T})
    with pytest.raises(RecordUnsupported, match=r"b\.hea.*--units"):
        read_recording(tmp_path / "b.mat", fs=FS)
    np.testing.assert_allclose(read_recording(tmp_path / "b.mat", fs=FS, units="uV").signal, steps * 1e-3, atol=1e-6)
    (tmp_path / "b.hea").write_text("b 1 250\n")
    with pytest.raises(RecordUnsupported, match=r"name b\.hea instead"):
        read_recording(tmp_path / "b.mat", fs=FS)


def test_matlab_7_3(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    h5py = pytest.importorskip("h5py")
    signal = steps[:, :2] * 1e-3
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:  # as `save -v7.3` lays it out
        refs = file.create_group("#refs#")
        cells = []
        for i, name in enumerate(("V1", "II")):
            letters = refs.create_dataset(
                chr(97 + i), data=np.array([[ord(letter)] for letter in name], dtype=np.uint16)
            )
            letters.attrs["MATLAB_class"] = np.bytes_("char")
            cells.append(letters.ref)
        study = file.create_group("study")
        study.attrs["MATLAB_class"] = np.bytes_("struct")
        names = study.create_dataset("leads", data=np.array([cells], dtype=h5py.ref_dtype), dtype=h5py.ref_dtype)
        names.attrs["MATLAB_class"] = np.bytes_("cell")
        study.create_dataset("ecg", data=signal.T).attrs["MATLAB_class"] = np.bytes_("double")
        study.create_dataset("fs", data=np.array([[FS]])).attrs["MATLAB_class"] = np.bytes_("double")
    raw = (tmp_path / "a.mat").read_bytes()
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + raw[128:])
    check(tmp_path / "a.mat", ("II", "V1"), signal[:, ::-1], None)


def test_matlab_7_3_reads_its_own_file_alone(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.arange(1000.0)
    (tmp_path / "raw.bin").write_bytes(b"secret" * 1000)
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["ecg"] = (steps[:, :2] * 1e-3).T
        file["fs"] = np.array([[FS]])
        file["linked"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/secret")
        file.create_dataset("outside", (3000,), dtype=np.uint8, external=[(str(tmp_path / "raw.bin"), 0, 3000)])
        file["units"] = np.zeros(2, dtype=np.uint64)  # '' is stored as its size
        file["units"].attrs["MATLAB_class"], file["units"].attrs["MATLAB_empty"] = np.bytes_("char"), 1
    found = _hdf5(tmp_path / "a.mat")
    assert sorted(found) == ["ecg", "fs"]
    with h5py.File(tmp_path / "b.mat", "w") as file:
        for i in range(50):
            file[f"loop{i}"] = file["/"]
    with pytest.raises(RecordUnsupported, match="variables"):
        _hdf5(tmp_path / "b.mat")


def test_a_format_is_known_by_what_it_holds(tmp_path: Path, steps: NDArray[np.int16]) -> None:
    files.write_ishne(tmp_path / "i.ecg", steps, [11, 6, 15], FS, 2500)
    files.write_scp(tmp_path / "s.ecg", steps, [3, 2, 7], FS, 2500)
    files.write_muse(tmp_path / "m.xml", steps, ["V1", "V5", "V2"], FS, 4.88)
    found = {
        name: format_of(tmp_path / name, (tmp_path / name).read_bytes()[:4096]).name
        for name in ("i.ecg", "s.ecg", "m.xml")
    }
    assert found == {"i.ecg": "ISHNE Holter", "s.ecg": "SCP-ECG", "m.xml": "GE MUSE XML"}
    (tmp_path / "x.xml").write_text("<note/>")
    with pytest.raises(RecordUnsupported, match="beginning is not that of HL7 aECG or GE MUSE XML"):
        read_recording(tmp_path / "x.xml")


def test_a_library_that_is_missing_is_named_with_the_command(
    tmp_path: Path, steps: NDArray[np.int16], monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_dicom(tmp_path / "d.dcm", steps, ["V1", "II", "aVF"], FS, 2.5)
    monkeypatch.setattr("pipeline.sources.foreign.registry.find_spec", lambda _: None)
    with pytest.raises(
        RecordUnsupported, match=r"pydicom, which is not installed: pip install 'ecg-anomaly\[formats\]'"
    ):
        read_recording(tmp_path / "d.dcm")


def test_packages_add_formats_by_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "somewhere"
    package.mkdir()
    (package / "added_format.py").write_text(
        "import numpy as np\n"
        "from pipeline.sources.foreign import Format\n"
        "from pipeline.sources.foreign.base import ArrayFile, Signal\n"
        "def open_it(path, options):\n"
        "    return ArrayFile([Signal('II', 'mV', 250.0)], [np.fromfile(path, '<f4').astype(float)])\n"
        "FORMAT = Format('floats', ('.flt',), 'added_format', 'open_it')\n"
    )
    info = package / "added-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ecg_anomaly.formats]\nfloats = added_format:FORMAT\n")
    monkeypatch.syspath_prepend(package)
    formats.cache_clear()
    try:
        assert "floats" in [known.name for known in formats()]
        np.sin(np.arange(2500) / 9).astype("<f4").tofile(tmp_path / "x.flt")
        np.testing.assert_allclose(
            read_recording(tmp_path / "x.flt").signal[:, 0], np.sin(np.arange(2500) / 9), atol=1e-6
        )
    finally:
        formats.cache_clear()
        sys.modules.pop("added_format", None)


def test_every_format_of_the_project_can_be_opened() -> None:
    from importlib import import_module

    known: tuple[Format, ...] = formats()
    for one in known:
        function: Callable[..., object] = getattr(import_module(one.module), one.function)
        assert callable(function)
        assert one.is_installed, one.name
