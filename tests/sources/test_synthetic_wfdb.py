from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from pipeline.errors import OutputError
from pipeline.sources.synthetic import Episode, Scenario, demo_ward, synthesise, write_wfdb

SCENARIO = Scenario(
    "ventricular beats and faults",
    (
        Episode("pvc", level=10.0),
        Episode("missing", 3.0, 5.0),
        Episode("missing", 8.0, 9.0, lead=1),
        Episode("off", 12.0, 15.0, lead=0),
        Episode("st", 16.0, 20.0, level=0.2),
        Episode("vflutter", 22.0, 25.0),
    ),
)


@pytest.mark.parametrize("fs", [100.0, 256.5, 360.0, 1000.0])
def test_writing_and_reading_changes_no_sample_and_no_annotation(fs: float, tmp_path: Path) -> None:
    record = synthesise(SCENARIO, name="synth/faults", fs=fs, seconds=30.0, seed=4)
    path = write_wfdb(record, tmp_path / "synth")
    assert path == tmp_path / "synth" / "faults"
    read = wfdb.rdrecord(str(path))
    assert (read.fs, read.sig_len, read.units, read.sig_name) == (fs, 30 * fs, ["mV", "mV"], ["MLII", "V1"])
    assert (read.fmt, read.adc_gain, read.baseline) == (["16", "16"], [200.0, 200.0], [0, 0])
    expected = np.concatenate([chunk.signal for chunk in record.chunks()])
    assert np.isnan(expected).any()
    np.testing.assert_array_equal(read.p_signal.astype(np.float32), expected)
    atr, annotations = wfdb.rdann(str(path), "atr"), record.annotations()
    np.testing.assert_array_equal(atr.sample, annotations.sample)
    assert atr.symbol == annotations.symbol.tolist()
    assert [aux.rstrip("\x00") for aux in atr.aux_note] == list(annotations.aux_note)
    quality = {aux.rstrip("\x00"): code for aux, code in zip(atr.aux_note, atr.subtype, strict=True)}
    assert (quality["UU"], quality["cU"], quality["Uc"], quality["cc"]) == (51, 34, 17, 0)


def test_checksums_and_first_values_are_those_of_the_samples(tmp_path: Path) -> None:
    record = synthesise(SCENARIO, name="synth/faults", seconds=130.0)
    read = wfdb.rdrecord(str(write_wfdb(record, tmp_path)), physical=False)
    computed = read.d_signal.astype(np.int64).sum(axis=0)
    assert ((np.array(read.checksum) - computed) % 65536 == 0).all()
    assert read.init_value == read.d_signal[0].tolist()


def test_the_header_says_that_it_is_synthetic_and_how_to_make_it_again(tmp_path: Path) -> None:
    header = wfdb.rdheader(str(write_wfdb(synthesise(SCENARIO, name="synth/faults", seconds=5.0, seed=7), tmp_path)))
    text = "\n".join(header.comments)
    for part in (
        "Synthetic ECG, not from a person",
        SCENARIO.title,
        "synth/faults, seed: 7",
        "missing 8 to 9 s",
        "lead 1",
    ):
        assert part in text


def test_records_lists_each_name_once_and_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    for name in ("sinus", "afib", "sinus"):
        write_wfdb(synthesise(demo_ward()[f"synth/{name}"], name=f"synth/{name}", seconds=5.0), tmp_path)
    assert (tmp_path / "RECORDS").read_text() == "sinus\nafib\n"
    expected = {"RECORDS"} | {f"{name}.{ext}" for name in ("sinus", "afib") for ext in ("hea", "dat", "atr")}
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_a_failure_half_way_leaves_the_files_that_were_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = synthesise(demo_ward()["synth/sinus"], name="synth/sinus", seconds=5.0)
    write_wfdb(whole, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wfdb, "wrann", fail)
    with pytest.raises(OutputError, match=r"record synth/sinus: cannot write to .*: No space left on device"):
        write_wfdb(synthesise(demo_ward()["synth/sinus"], name="synth/sinus", seconds=9.0), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match=r"record synth/sinus: cannot write to .*file"):
        write_wfdb(synthesise(demo_ward()["synth/sinus"], name="synth/sinus", seconds=5.0), tmp_path / "file")


@pytest.mark.parametrize("name", ["synth/", "synth/a b", "synth/a.b", "synth/ä"])
def test_a_name_that_wfdb_cannot_write_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="WFDB takes names of letters"):
        write_wfdb(synthesise(Scenario("plain"), name=name, seconds=5.0), tmp_path)


def test_a_record_without_any_beat_still_has_an_atr(tmp_path: Path) -> None:
    record = synthesise(Scenario("plain"), name="synth/short", fs=360.0, seconds=0.05)
    assert len(record.annotations().sample) == 0
    path = write_wfdb(record, tmp_path)
    assert len(wfdb.rdrecord(str(path)).p_signal) == 18
    assert path.with_suffix(".atr").stat().st_size == 2
