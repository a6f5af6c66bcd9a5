"""EDF and BDF as devices write them: holes, units, limits, rates, and long recordings in little memory."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import edfio
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import RecordUnsupported
from pipeline.sources import open_record
from pipeline.sources.foreign import open_recording, read_recording
from pipeline.sources.synthetic import demo_ward, synthesise

FS = 250.0


@pytest.fixture(scope="module")
def ecg() -> NDArray[np.float64]:
    """Sixty seconds of a patient's two leads in mV."""
    patient = synthesise(demo_ward(60.0)["synth/sinus"], name="synth/sinus", seconds=60.0, seed=1, fs=FS)
    return np.concatenate([chunk.signal for chunk in patient.chunks()]).astype(np.float64)


def signal(values: NDArray[np.float64], label: str = "ECG II", unit: str = "mV", fs: float = FS) -> edfio.EdfSignal:
    return edfio.EdfSignal(
        values, fs, label=label, physical_dimension=unit, physical_range=(-40000, 40000) if unit == "uV" else (-40, 40)
    )


def write(path: Path, signals: Sequence[edfio.EdfSignal], **more: object) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        edfio.Edf(signals, **more).write(path)  # type: ignore[arg-type]
    return path


def patch(path: Path, at: int, text: str, width: int = 8) -> None:
    """Overwrite a field of a header."""
    raw = bytearray(path.read_bytes())
    raw[at : at + width] = text.encode("latin-1").ljust(width)
    path.write_bytes(bytes(raw))


def test_data_records_that_are_not_contiguous_have_holes_of_their_length(
    tmp_path: Path, ecg: NDArray[np.float64]
) -> None:
    onsets = [t for t in range(60) if not 20 <= t < 31]  # 11 s are not there
    kept = np.concatenate([ecg[round(t * FS) : round((t + 1) * FS), 0] for t in onsets])
    note = edfio.EdfAnnotation(25.0, None, "button")
    path = write(tmp_path / "d.edf", [signal(kept)], annotations=[note], data_record_duration=1)
    raw = bytearray(path.read_bytes())
    header = 256 * 3
    size = (len(raw) - header) // len(onsets)
    for record, onset in enumerate(onsets):  # edfio writes EDF+C: each record's time is put right
        at = header + record * size + round(FS) * 2
        end = raw.index(b"\x14", at)
        rest = bytes(raw[end : header + (record + 1) * size])
        told = f"+{onset}".encode() + rest
        raw[at : header + (record + 1) * size] = told[: header + (record + 1) * size - at].ljust(
            header + (record + 1) * size - at, b"\x00"
        )
    for kind in (b"EDF+D", b"EDF+C"):  # some say that they are continuous and are not
        raw[192:197] = kind
        path.write_bytes(bytes(raw))
        read = read_recording(path)
        expected = np.full(round(60 * FS), np.nan)
        for onset in onsets:
            expected[round(onset * FS) : round((onset + 1) * FS)] = ecg[round(onset * FS) : round((onset + 1) * FS), 0]
        np.testing.assert_allclose(read.signal[:, 0], expected, atol=1e-3)
        (told_hole,) = read.notes
        assert told_hole.startswith("1 holes of 11.0 s in all between its data records")
        assert ("although its header calls it continuous" in told_hole) == (kind == b"EDF+C")
    notes = open_recording(path).annotations()
    assert notes is not None
    assert (notes.sample / notes.fs).tolist() == [25.0]
    assert notes.aux_note == ("button",)


@pytest.mark.parametrize("unit", ["uV", "µV", "uVolt", "uVolts", "mVolt", "V"])
def test_units_are_read_as_they_are_written(tmp_path: Path, ecg: NDArray[np.float64], unit: str) -> None:
    scale = 1e3 if unit[0] in "uµ" else 1e-3 if unit == "V" else 1.0
    lead = edfio.EdfSignal(
        ecg[:, 0] * scale, FS, label="ECG", physical_dimension="xx", physical_range=(-10 * scale, 10 * scale)
    )
    path = write(tmp_path / "u.edf", [lead])
    patch(path, 256 + 16 + 80, unit)
    read = read_recording(path)
    np.testing.assert_allclose(read.signal[:, 0], ecg[:, 0], atol=1e-3)


def test_a_decimal_comma_in_the_limits_is_read(tmp_path: Path, ecg: NDArray[np.float64]) -> None:
    lead = edfio.EdfSignal(ecg[:, 0], FS, label="ECG", physical_dimension="mV", physical_range=(-6.5, 6.5))
    path = write(tmp_path / "c.edf", [lead])
    patch(path, 256 + 16 + 80 + 8, "-6,5")
    patch(path, 256 + 16 + 80 + 16, "6,5")
    np.testing.assert_allclose(read_recording(path).signal[:, 0], ecg[:, 0], atol=1e-3)


def test_a_signal_without_limits_is_refused_until_its_unit_is_said(tmp_path: Path, ecg: NDArray[np.float64]) -> None:
    lead = edfio.EdfSignal(ecg[:, 0], FS, label="ECG", physical_dimension="mV", physical_range=(-32.768, 32.767))
    path = write(tmp_path / "z.edf", [lead])
    for at in (8, 16):
        patch(path, 256 + 16 + 80 + at, "0")
    with pytest.raises(RecordUnsupported, match=r"gives no limits.*--units"):
        read_recording(path)
    patch(path, 256 + 16 + 80, "")
    np.testing.assert_allclose(read_recording(path, units="uV").signal[:, 0], ecg[:, 0], atol=2e-3)


def test_a_study_of_many_signals_gives_its_electrocardiogram(tmp_path: Path, ecg: NDArray[np.float64]) -> None:
    rng = np.random.default_rng(0)
    other = ["F3-M2", "F4-M1", "C3-M2", "E1-M2", "Chin1-Chin2", "ABD"]
    signals = [signal(50 * rng.standard_normal(len(ecg)), name, "uV") for name in other]
    signals.append(signal(np.zeros(60), "Position", "", fs=1.0))
    signals.append(signal(1000 * ecg[:, 0], "ECG", "uV"))
    path = write(tmp_path / "study.edf", signals)
    record = open_record("study.edf", data_dir=tmp_path)
    assert (record.leads, record.notes) == (("ECG",), ())
    np.testing.assert_allclose(read_recording(path).signal[:, 0], ecg[:, 0], atol=2e-3)
    unnamed = [signal(50 * rng.standard_normal(len(ecg)), "chan 1", "uV"), signal(1000 * ecg[:, 0], "chan 2", "uV")]
    write(tmp_path / "un.edf", [*unnamed, signals[0]])
    record = open_record("un.edf", data_dir=tmp_path)
    assert record.leads == ("chan 2",)  # of two whose names say nothing, the one that beats
    assert "no name says that chan 2 is an ECG" in record.notes[0]


@pytest.mark.parametrize("fs", [50.0, 64.0, 2000.0, 5000.0, 10_000.0])
def test_other_rates_are_brought_inside_at_the_door(tmp_path: Path, fs: float) -> None:
    time_s = np.arange(round(20 * fs)) / fs
    wave = np.sin(2 * np.pi * 7 * time_s) + 0.3 * np.cos(2 * np.pi * 1.3 * time_s)
    path = write(tmp_path / "r.edf", [signal(wave, "II", fs=fs)])
    record = open_recording(path)
    assert 100 <= record.fs <= 1000
    read = np.concatenate([chunk.signal[:, 0] for chunk in record.chunks(0.37)])
    assert len(read) == record.n_samples == round(20 * record.fs)
    at = np.arange(len(read)) / record.fs
    inside = (at > 1) & (at < 19)
    expected = np.sin(2 * np.pi * 7 * at) + 0.3 * np.cos(2 * np.pi * 1.3 * at)
    np.testing.assert_allclose(read[inside], expected[inside], atol=0.01)
    assert record.notes == (f"resampled from {fs:g} to {record.fs:g} Hz",)
    with pytest.raises(RecordUnsupported, match="50 to 10000 Hz"):
        open_recording(write(tmp_path / "s.edf", [signal(wave, "II", fs=40.0)]))


def test_start_and_device_are_kept(tmp_path: Path, ecg: NDArray[np.float64]) -> None:
    recording = edfio.Recording(startdate=datetime(2021, 3, 4).date(), equipment_code="Box_7")
    path = write(
        tmp_path / "s.edf", [signal(ecg[:, 0])], recording=recording, starttime=datetime(2021, 3, 4, 22, 30, 1).time()
    )
    record = open_recording(path)
    assert record.start == datetime(2021, 3, 4, 22, 30, 1)
    assert getattr(record, "facts", {}) == {"device": "Box 7"}


def test_bdf_is_read_to_its_last_bit(tmp_path: Path, ecg: NDArray[np.float64]) -> None:
    lead = edfio.BdfSignal(
        1000 * ecg[:, 0], FS, label="EXG1", physical_dimension="uV", physical_range=(-262144, 262144)
    )
    edfio.Bdf([lead]).write(tmp_path / "x.bdf")
    np.testing.assert_allclose(read_recording(tmp_path / "x.bdf").signal[:, 0], ecg[:, 0], atol=5e-5)


@pytest.mark.slow
def test_memory_does_not_grow_with_a_recording(tmp_path: Path) -> None:
    hours, fs = 4, 500  # 700 MB as numbers of 64 bits

    def lead(name: str) -> edfio.EdfSignal:
        return edfio.EdfSignal(np.zeros(fs), fs, label=name, physical_dimension="mV", physical_range=(-10, 10))

    names = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
    path = write(tmp_path / "day.edf", [lead(name) for name in names])
    patch(path, 236, str(hours * 3600))
    with path.open("r+b") as file:
        file.truncate(256 * 13 + hours * 3600 * 12 * fs * 2)
    code = (
        "from pathlib import Path\n"
        "from pipeline.sources.foreign import open_recording, write_recording\n"
        f"record = open_recording(Path({str(path)!r})); assert record.n_samples == {hours * 3600 * fs}\n"
        f"write_recording(record, Path({str(tmp_path / 'ward')!r}), 'day')\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300 * 1024
