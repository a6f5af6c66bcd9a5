from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.bench.repeated import LEADS, RepeatedRecord, block_of_signal, write_repeated
from pipeline.bench.workload import choose
from pipeline.errors import RecordNotFound
from pipeline.settings import Settings
from pipeline.sources import WfdbRecord


@pytest.mark.parametrize("seconds", [7.3, 60.0, 3600.0])
def test_a_block_follows_itself_however_it_is_read(seconds: float) -> None:
    block = block_of_signal(seconds=60.0, fs=128.0)
    record = RepeatedRecord.of(block, name="bench/x", fs=128.0, hours=0.05)
    chunks = list(record.chunks(seconds))
    signal = np.concatenate([chunk.signal for chunk in chunks])
    assert [chunk.start for chunk in chunks[1:]] == [chunk.stop for chunk in chunks[:-1]]
    assert signal.dtype == np.float32
    assert np.array_equal(signal, np.tile(block, (3, 1)).astype(np.float32) / 200)


def test_the_file_holds_the_same_signal_with_right_sums(tmp_path: Path) -> None:
    block = block_of_signal(seconds=60.0, leads=12)
    path = write_repeated(block, tmp_path, "long", fs=360.0, hours=0.04)
    record = WfdbRecord(path, "bench/long", leads=LEADS, max_leads=len(LEADS))  # its reader checks the sums at the end
    memory = RepeatedRecord.of(block, name="bench/long", fs=360.0, hours=0.04)
    for stored, made in zip(record.chunks(20.0), memory.chunks(20.0), strict=True):
        assert np.array_equal(stored.signal, made.signal)
    assert record.leads == LEADS


def test_leads_beyond_two_differ_from_each_other() -> None:
    block = block_of_signal(seconds=60.0, leads=12)
    assert len({block[:, i].tobytes() for i in range(12)}) == 12


def test_synthetic_records_stand_in_where_nothing_is_in_reach(tmp_path: Path) -> None:
    settings = Settings(physionet_url=str(tmp_path / "nowhere"))
    work = choose((), tmp_path / "made", settings=settings, first=2, minutes=1.0)
    assert len(work.names) == 2
    assert "synthetic" in work.what
    assert work.open(work.names[0]).n_samples == 60 * 360


def test_named_records_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    with pytest.raises(RecordNotFound):
        choose(("mitdb/100",), tmp_path / "made", settings=Settings(physionet_url=str(tmp_path / "mirror")))
    assert not (tmp_path / "made").exists()
