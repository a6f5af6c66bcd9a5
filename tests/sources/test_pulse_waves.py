from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from pipeline.sources import open_record

FS = 125


def write(folder: Path, names: list[str], units: list[str], *, damage: str = "") -> None:
    rng = np.random.default_rng(2)
    signal = np.cumsum(rng.normal(size=(20 * FS, len(names))), axis=0) / 50
    for column, unit in enumerate(units):
        signal[:, column] += 80.0 if unit == "mmHg" else 0.0
    wfdb.wrsamp("r", FS, units, names, p_signal=signal, fmt=["16"] * len(names), write_dir=str(folder))
    header = folder / "r.hea"
    lines = header.read_text().splitlines()
    if damage:  # another sum than that of the samples
        lines = [
            " ".join([*line.split()[:6], "12345", *line.split()[7:]]) if line.endswith(damage) else line
            for line in lines
        ]
        header.write_text("\n".join(lines) + "\n")


def test_pulse_waves_stand_beside_the_leads_in_their_own_units(tmp_path: Path) -> None:
    write(tmp_path, ["PLETH", "II", "RESP", "ABP", "V"], ["NU", "mV", "NU", "mmHg", "mV"])
    record = open_record("r", data_dir=tmp_path)
    parts = list(record.chunks(7.0))
    assert {(part.leads, part.waves) for part in parts} == {(("II", "V"), ("ABP", "PLETH"))}
    assert all(part.signal.flags.c_contiguous and part.signal.dtype == np.float32 for part in parts)
    stored = wfdb.rdrecord(str(tmp_path / "r"))
    whole = np.concatenate([part.wave for part in parts if part.wave is not None])
    np.testing.assert_allclose(whole, stored.p_signal[:, [3, 0]], rtol=1e-6)
    leads = np.concatenate([part.signal for part in parts])
    np.testing.assert_allclose(leads, stored.p_signal[:, [1, 4]], rtol=1e-5, atol=1e-6)


def test_a_record_without_waves_carries_none(tmp_path: Path) -> None:
    write(tmp_path, ["II", "RESP"], ["mV", "NU"])
    assert {(part.waves, part.wave is None) for part in open_record("r", data_dir=tmp_path).chunks()} == {((), True)}


@pytest.mark.parametrize(("damage", "is_read"), [("ABP", True), ("II", False)])
def test_a_damaged_wave_is_no_reason_to_lose_the_leads(tmp_path: Path, damage: str, is_read: bool) -> None:
    write(tmp_path, ["II", "ABP"], ["mV", "mmHg"], damage=damage)
    parts = open_record("r", data_dir=tmp_path).chunks()
    if is_read:
        assert sum(len(part.signal) for part in parts) == 20 * FS
    else:
        with pytest.raises(Exception, match="checksum"):
            list(parts)


def test_a_compressed_wave_of_its_own_file_is_left_out(tmp_path: Path) -> None:
    """Where it is damaged nothing of it can be read, and the leads are what counts."""
    wave = np.cumsum(np.random.default_rng(2).normal(size=(20 * FS, 2)), axis=0) / 50
    wfdb.wrsamp("r", FS, ["mV"], ["II"], p_signal=wave[:, :1], fmt=["16"], write_dir=str(tmp_path))
    wfdb.wrsamp("p", FS, ["mmHg"], ["ABP"], p_signal=wave[:, 1:], fmt=["516"], write_dir=str(tmp_path))
    lead, other = ((tmp_path / f"{name}.hea").read_text().splitlines() for name in ("r", "p"))
    (tmp_path / "r.hea").write_text("\n".join([lead[0].replace(" 1 ", " 2 ", 1), lead[1], other[1], ""]))
    file = tmp_path / "p.dat"
    file.write_bytes(file.read_bytes()[:300] + bytes(len(file.read_bytes()) - 300))
    parts = list(open_record("r", data_dir=tmp_path).chunks())
    assert sum(len(part.signal) for part in parts) == 20 * FS
    assert {part.waves for part in parts} == {()}
