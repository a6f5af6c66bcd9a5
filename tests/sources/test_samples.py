from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from pipeline.errors import RecordCorrupt
from pipeline.sources.foreign import apart, formats, open_recording
from pipeline.sources.foreign.samples import write_acq, write_samples


def test_every_sample_is_read_and_is_of_each_format(tmp_path: Path) -> None:
    files = write_samples(tmp_path)
    for file in files:
        fs = 250.0 if file.suffix in (".npy", ".mat") else None
        record = open_recording(file, fs=fs)
        signal = np.concatenate([chunk.signal for chunk in record.chunks()])
        assert (record.fs, len(signal)) == (250.0, 3000), file.name
        assert 0.2 < np.nanmax(np.abs(signal)) < 3.0, file.name
    endings = {file.suffix for file in files}
    assert [known.name for known in formats() if known.package or known.module.startswith("pipeline.")] == [
        known.name for known in formats() if endings & set(known.endings)
    ]


def test_what_biopacs_library_does_not_come_back_from_is_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.acq"
    write_acq(file, np.zeros((500, 2), dtype=np.int16), ["ECG", "RSP"], 250.0, 0.001)
    slow = tmp_path / "bioread"
    slow.mkdir()
    (slow / "__init__.py").write_text("def read(name):\n    while True:\n        pass\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(apart, "CPU_S", 1)
    with pytest.raises(RecordCorrupt, match=r"a\.acq: it is damaged \(its reader came to no end"):
        open_recording(file)
    (slow / "__init__.py").write_text("def read(name):\n    import os\n    os.abort()\n")
    with pytest.raises(RecordCorrupt, match="its reader broke down, signal 6"):
        open_recording(file)
    (slow / "__init__.py").write_text("def read(name):\n    return bytearray(2**40)\n")
    with pytest.raises(RecordCorrupt, match="MemoryError"):
        open_recording(file)


def test_a_matlab_file_over_which_its_library_breaks_down_is_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    savemat(tmp_path / "a.mat", {"ecg": np.zeros((500, 2)), "fs": 250.0})
    (tmp_path / "scipy" / "io").mkdir(parents=True)
    (tmp_path / "scipy" / "__init__.py").write_text("")
    (tmp_path / "scipy" / "io" / "__init__.py").write_text(
        "class matlab:\n    def whosmat(name): import os; os.abort()\nloadmat = None\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RecordCorrupt, match=r"a\.mat: it is damaged \(its reader broke down, signal 6"):
        open_recording(tmp_path / "a.mat")
