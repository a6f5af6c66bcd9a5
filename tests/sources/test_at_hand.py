from __future__ import annotations

from pathlib import Path

from pipeline.settings import Settings
from pipeline.sources import records_at_hand


def test_synthetic_patients_stand_in_where_no_record_can_be_had(tmp_path: Path) -> None:
    nowhere = Settings(physionet_url=str(tmp_path / "none"), cache_dir=tmp_path / "cache")
    records = records_at_hand(["mitdb/100", "mitdb/101"], ["synth/sinus"], seconds=60.0, settings=nowhere)
    assert [record.name for record in records] == ["synth/sinus"]
    assert records[0].n_samples == 60 * 360


def test_real_records_come_where_they_can_be_had(mirror: Settings) -> None:
    records = records_at_hand(["mitdb/100", "mitdb/119"], ["synth/sinus"], settings=mirror)
    assert [record.name for record in records] == ["mitdb/100", "mitdb/119"]
