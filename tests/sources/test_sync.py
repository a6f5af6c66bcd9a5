from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import RecordCorrupt, RecordNotFound
from pipeline.settings import Settings
from pipeline.sources import needs_fetching, open_record, refresh, sync_record

if TYPE_CHECKING:
    from tests.sources.conftest import Site

NAMES = [f"tinydb/1.0.0/{i}" for i in (100, 101, 102)]


def change(database: Path, file: str) -> None:
    """Publish a corrected file, with its new hash."""
    path = database / file
    path.write_bytes(path.read_bytes()[:-2] + b"\x01\x02")
    lines = [line for line in (database / "SHA256SUMS.txt").read_text().splitlines() if not line.endswith(f" {file}")]
    lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()} {file}")
    (database / "SHA256SUMS.txt").write_text("\n".join(lines) + "\n")


def states(settings: Settings) -> dict[str, str]:
    return {name.rpartition("/")[2]: sync_record(name, settings).state for name in refresh("tinydb", settings)}


def test_a_second_sync_asks_for_the_lists_alone(site: Site, settings: Settings) -> None:
    assert refresh("tinydb", settings) == NAMES
    assert all(needs_fetching(name, settings) for name in NAMES)
    assert states(settings) == {"100": "new", "101": "new", "102": "new"}
    assert not any(needs_fetching(name, settings) for name in NAMES)
    asked = len(site.requests)
    assert states(settings) == {"100": "unchanged", "101": "unchanged", "102": "unchanged"}
    assert {path.rpartition("/")[2] for path in site.requests[asked:]} <= {"", "SHA256SUMS.txt", "RECORDS"}


@pytest.mark.parametrize("file", ["101.dat", "101.atr", "101.hea"])
def test_a_record_that_the_publisher_corrects_is_fetched_anew(
    site: Site, settings: Settings, tree: Path, file: str
) -> None:
    before = {name: sync_record(name, settings) for name in refresh("tinydb", settings)}
    change(tree / "tinydb" / "1.0.0", file)
    after = {name: sync_record(name, settings) for name in refresh("tinydb", settings)}
    assert [synced.state for synced in after.values()] == ["unchanged", "changed", "unchanged"]
    assert [before[name].checksum == after[name].checksum for name in NAMES] == [True, False, True]


def test_a_file_that_was_damaged_here_is_repaired(site: Site, settings: Settings) -> None:
    whole = sync_record(refresh("tinydb", settings)[0], settings)
    file = settings.cache_dir / "tinydb" / "1.0.0" / "100.dat"
    file.write_bytes(file.read_bytes()[:-10])
    assert needs_fetching(NAMES[0], settings)
    synced = sync_record(NAMES[0], settings)
    assert (synced.state, synced.checksum) == ("changed", whole.checksum)


def test_a_newer_version_is_found_although_the_cache_has_an_older_one(
    site: Site, settings: Settings, tree: Path
) -> None:
    states(settings)
    shutil.copytree(tree / "tinydb" / "1.0.0", tree / "tinydb" / "1.1.0")
    assert refresh("tinydb/10[01]", settings) == ["tinydb/1.1.0/100", "tinydb/1.1.0/101"]
    assert sync_record("tinydb/1.1.0/100", settings).state == "new"


def test_a_folder_is_read_in_place_and_checked(tree: Path, tmp_path: Path) -> None:
    settings = Settings(physionet_url=str(tree), cache_dir=tmp_path / "cache")
    assert refresh("tinydb", settings) == NAMES
    assert not needs_fetching(NAMES[0], settings)
    assert sync_record(NAMES[0], settings).fetched_bytes == 0
    file = tree / "tinydb" / "1.0.0" / "100.dat"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(RecordCorrupt, match=r"100\.dat"):
        sync_record(NAMES[0], settings)
    assert not settings.cache_dir.exists()


def test_what_is_not_there_is_told(site: Site, settings: Settings) -> None:
    with pytest.raises(RecordNotFound, match="nodb"):
        refresh("nodb", settings)
    with pytest.raises(RecordNotFound, match="ghost"):
        sync_record("tinydb/1.0.0/ghost", settings)
    with pytest.raises(ValueError, match="version"):
        sync_record("tinydb/100", settings)


def test_synced_records_are_what_is_scored(site: Site, settings: Settings) -> None:
    states(settings)
    asked = len(site.requests)
    assert open_record("tinydb/100", settings=settings).n_samples == 3000
    assert len(site.requests) == asked
