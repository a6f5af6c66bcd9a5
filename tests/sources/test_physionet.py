from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import OutputError, PipelineError, RecordCorrupt, RecordNotFound, SourceUnavailable
from pipeline.settings import Settings
from pipeline.sources import fetch, list_records, open_record, record_checksum
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from tests.sources.conftest import Answer, Site

HEA, DAT, ATR, SUMS = (f"tinydb/1.0.0/{file}" for file in ("100.hea", "100.dat", "100.atr", "SHA256SUMS.txt"))


def on_disk(settings: Settings) -> list[str]:
    """Return all files of the cache, temporary ones included."""
    cache = settings.cache_dir
    return sorted(file.relative_to(cache).as_posix() for file in cache.rglob("*") if file.is_file())


def test_fetched_files_are_the_servers_and_their_header_lands_last(site: Site, settings: Settings, tree: Path) -> None:
    record = fetch("tinydb/100", settings)
    assert [file.suffix for file in record.files] == [".dat", ".atr", ".hea"]
    assert all(file.read_bytes() == (tree / "tinydb/1.0.0" / file.name).read_bytes() for file in record.files)
    assert record.fetched_bytes == sum(file.stat().st_size for file in record.files)
    assert (record.name, record.version, record.cached_bytes) == ("tinydb/100", "1.0.0", 0)
    assert on_disk(settings) == sorted([HEA, DAT, ATR, SUMS])


@pytest.mark.parametrize("name", ["tinydb/100", "tinydb/1.0.0/100"])
def test_second_fetch_sends_no_request(site: Site, settings: Settings, name: str) -> None:
    first = fetch(name, settings)
    asked = len(site.requests)
    second = fetch(name, settings)
    assert len(site.requests) == asked
    assert second.fetched_bytes == 0
    assert second.cached_bytes == first.fetched_bytes
    assert record_checksum(second) == record_checksum(first)


def test_record_without_annotations_is_complete_and_not_asked_for_again(site: Site, settings: Settings) -> None:
    assert open_record("tinydb/102", settings=settings).annotations() is None
    asked = len(site.requests)
    assert site.count("tinydb/1.0.0/102.atr") == 1
    assert open_record("tinydb/102", settings=settings).annotations() is None
    assert len(site.requests) == asked


def test_whole_database_costs_one_list_and_one_sum_file(site: Site, settings: Settings) -> None:
    for name in list_records("tinydb", settings=settings):
        fetch(name, settings)
    assert site.count("tinydb/") == site.count("tinydb/1.0.0/RECORDS") == site.count(SUMS) == 1
    asked = len(site.requests)
    assert list_records("tinydb", settings=settings) == ["tinydb/100", "tinydb/101", "tinydb/102"]
    assert len(site.requests) == asked


@pytest.mark.parametrize(
    "plan",
    [
        ["status 429"],
        ["status 500", "status 503"],
        ["stall"],
        ["short"],
        ["flipped"],
        ["short", "flipped"],
    ],
    ids=" then ".join,
)
def test_what_passes_is_tried_again_and_leaves_the_right_file(
    site: Site, settings: Settings, tree: Path, plan: Sequence[str]
) -> None:
    site.planned[DAT] += _answers(site, plan)
    record = fetch("tinydb/100", settings)
    assert site.count(DAT) == len(plan) + 1
    assert record.path.with_suffix(".dat").read_bytes() == (tree / DAT).read_bytes()
    assert on_disk(settings) == sorted([HEA, DAT, ATR, SUMS])


@pytest.mark.parametrize(
    ("plan", "error", "text"),
    [
        (["status 500"] * 3, SourceUnavailable, "answers 500"),
        (["status 429"] * 3, SourceUnavailable, "answers 429"),
        (["stall"] * 3, SourceUnavailable, "stalled|silent"),
        (["short"] * 3, SourceUnavailable, "cut short"),
        (["flipped"] * 3, RecordCorrupt, "SHA-256"),
    ],
    ids=["500", "429", "stall", "short", "flipped"],
)
def test_what_does_not_pass_is_one_line_that_names_the_record_and_leaves_no_part(
    site: Site, settings: Settings, plan: Sequence[str], error: type[PipelineError], text: str
) -> None:
    site.planned[DAT] += _answers(site, plan)
    with pytest.raises(error, match=text) as caught:
        fetch("tinydb/100", settings)
    assert "'tinydb/100'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert site.count(DAT) == 3
    assert on_disk(settings) == [SUMS]


def test_missing_file_is_asked_for_once(site: Site, settings: Settings, tree: Path) -> None:
    (tree / DAT).unlink()
    with pytest.raises(RecordNotFound, match=r"'tinydb/100'.*100\.dat.*does not exist"):
        fetch("tinydb/100", settings)
    assert site.count(DAT) == 1
    assert on_disk(settings) == [SUMS]


def test_fetch_goes_on_where_an_earlier_one_stopped(site: Site, settings: Settings) -> None:
    site.planned[ATR] += [site.status(500)] * 3
    with pytest.raises(SourceUnavailable):
        fetch("tinydb/100", settings)
    assert on_disk(settings) == sorted([SUMS, DAT])
    record = fetch("tinydb/100", settings)
    assert site.count(DAT) == 1
    assert record.cached_bytes == (settings.cache_dir / DAT).stat().st_size


def test_ctrl_c_leaves_whole_files_or_none(site: Site, settings: Settings) -> None:
    def interrupt(file: str, done: int, total: int) -> None:
        if file == "100.dat":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("tinydb/100", settings, progress=interrupt)
    assert on_disk(settings) == [SUMS]
    assert fetch("tinydb/100", settings).fetched_bytes > 0


def test_server_is_waited_for_as_long_as_it_asks(site: Site, settings: Settings) -> None:
    site.planned[DAT] += [site.status(429, Retry_After="1")]
    began = time.monotonic()
    fetch("tinydb/100", settings)
    assert time.monotonic() - began >= 1.0
    assert site.count(DAT) == 2


def test_server_that_asks_for_an_hour_is_not_waited_for(site: Site, settings: Settings) -> None:
    site.planned[DAT] += [site.status(503, Retry_After="3600")]
    with pytest.raises(SourceUnavailable, match="asks to wait 3600 s"):
        fetch("tinydb/100", settings)
    assert site.count(DAT) == 1


def test_requests_keep_the_polite_rate(site: Site, settings: Settings) -> None:
    slow = settings.model_copy(update={"fetch": settings.fetch.model_copy(update={"requests_per_s": 20.0})})
    began = time.monotonic()
    fetch("tinydb/1.0.0/100", slow)
    assert len(site.requests) == 4
    assert time.monotonic() - began >= 3 / 20


def test_no_server_is_one_line(settings: Settings) -> None:
    nobody = settings.model_copy(update={"physionet_url": "http://127.0.0.1:9/"})
    with pytest.raises(SourceUnavailable, match=r"'tinydb/100'.*no connection.*ECG_PHYSIONET_URL"):
        fetch("tinydb/100", nobody)


def test_file_that_is_not_listed_is_accepted(site: Site, settings: Settings, tree: Path) -> None:
    (tree / SUMS).write_text("")
    assert open_record("tinydb/100", settings=settings).n_samples == 3000
    (tree / SUMS).unlink()
    assert open_record("tinydb/101", settings=settings).n_samples == 3000


def test_bare_name_takes_the_newest_version_and_stays_with_it(site: Site, settings: Settings, tree: Path) -> None:
    (tree / "tinydb/1.0.0").rename(tree / "tinydb/1.9.0")
    assert fetch("tinydb/100", settings).version == "1.9.0"
    (tree / "tinydb/1.10.0").mkdir()
    for file in (tree / "tinydb/1.9.0").iterdir():
        (tree / "tinydb/1.10.0" / file.name).write_bytes(file.read_bytes())
    assert fetch("tinydb/101", settings).version == "1.9.0"
    elsewhere = settings.model_copy(update={"cache_dir": settings.cache_dir / "new"})
    assert fetch("tinydb/101", elsewhere).version == "1.10.0"
    assert fetch("tinydb/1.10.0/101", settings).version == "1.10.0"


def test_version_comes_from_the_projects_page_where_the_tree_has_no_listing(
    site: Site, settings: Settings, tree: Path
) -> None:
    page = tree.parent / "content" / "tinydb"
    page.mkdir(parents=True)
    (page / "index.html").write_text('<a href="/files/tinydb/1.0.0/">Files</a> <a href="/about/2.0.0/">about</a>')
    (tree / "files").mkdir()
    (tree / "tinydb").rename(tree / "files/tinydb")
    (tree / "content").symlink_to(tree.parent / "content")
    site.planned["files/tinydb/"] += [site.status(404)]
    live = settings.model_copy(update={"physionet_url": f"{site.url}files/"})
    assert fetch("tinydb/100", live).version == "1.0.0"


def test_version_that_does_not_exist_does_not_become_the_newest(site: Site, settings: Settings) -> None:
    with pytest.raises(RecordNotFound, match=r"9\.9\.9"):
        fetch("tinydb/9.9.9/100", settings)
    assert fetch("tinydb/100", settings).version == "1.0.0"


def test_unknown_database_and_record_are_suggested(site: Site, settings: Settings) -> None:
    with pytest.raises(RecordNotFound, match="did you mean 'mitdb'"):
        fetch("mitbd/100", settings)
    list_records("tinydb", settings=settings)
    with pytest.raises(RecordNotFound, match="did you mean '100'"):
        fetch("tinydb/1000", settings)


def test_two_processes_that_fetch_one_record_leave_it_whole(site: Site, settings: Settings) -> None:
    program = "from pipeline.sources import *; print(record_checksum(fetch('tinydb/100')))"
    environment = {**os.environ, "ECG_PHYSIONET_URL": site.url, "ECG_CACHE_DIR": str(settings.cache_dir)}
    both = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=PATIENCE_S)[0].strip() for process in both]
    assert said == [record_checksum(fetch("tinydb/100", settings))] * 2
    assert on_disk(settings) == sorted([HEA, DAT, ATR, SUMS])


def test_threads_that_fetch_one_record_leave_it_whole(site: Site, settings: Settings) -> None:
    threads = [threading.Thread(target=fetch, args=("tinydb/100", settings)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert on_disk(settings) == sorted([HEA, DAT, ATR, SUMS])
    assert sum(len(chunk.signal) for chunk in open_record("tinydb/100", settings=settings).chunks()) == 3000


def test_progress_ends_at_the_size_of_each_file(site: Site, settings: Settings) -> None:
    told: dict[str, tuple[int, int]] = {}
    record = fetch("tinydb/100", settings, progress=lambda file, done, total: told.update({file: (done, total)}))
    sizes = {file.name: file.stat().st_size for file in record.files}
    assert {name: told[name] for name in sizes} == {name: (size, size) for name, size in sizes.items()}


def test_multi_segment_record_brings_its_segments(
    site: Site, settings: Settings, tree: Path, make_record: Callable[..., Path], make_ecg: Callable[..., object]
) -> None:
    database = tree / "tinydb/1.0.0"
    make_record(database, "part_1", make_ecg(500, 1))
    make_record(database, "part_2", make_ecg(300, 1, seed=1))
    (database / "whole.hea").write_text("whole/3 1 250 900\npart_1 500\n~ 100\npart_2 300\n")
    record = fetch("tinydb/whole", settings)
    assert {file.name for file in record.files} == {
        *("whole.hea", "part_1.hea", "part_1.dat", "part_2.hea", "part_2.dat")
    }
    asked = len(site.requests)
    assert sum(len(c.signal) for c in open_record("tinydb/whole", settings=settings).chunks(1.0)) == 900
    assert len(site.requests) == asked


def test_header_that_leads_out_of_its_folder_is_refused(site: Site, settings: Settings, tree: Path) -> None:
    (tree / SUMS).unlink()
    (tree / HEA).write_text("100 1 250 10\n../../../secret.dat 16 200 12 0 0 0 0 MLII\n")
    with pytest.raises(RecordCorrupt, match="secret"):
        fetch("tinydb/100", settings)
    assert on_disk(settings) == []


@pytest.mark.parametrize(
    "name", ["../x/1", "/etc/passwd", "tinydb/../../x", "tinydb/.hidden", "a b/1", "", "tinydb//1"]
)
def test_odd_names_never_become_a_path_or_an_address(site: Site, settings: Settings, name: str) -> None:
    with pytest.raises(RecordNotFound, match="not a name"):
        fetch(name, settings)
    with pytest.raises(RecordNotFound, match="not a name"):
        list_records(name, settings=settings)
    assert site.requests == []


def test_folder_mirror_is_read_in_place(settings: Settings, tree: Path) -> None:
    for url in (str(tree), tree.as_uri(), str(tree.parent)):
        mirror = settings.model_copy(update={"physionet_url": url})
        record = fetch("tinydb/100", mirror)
        assert record.path == tree / "tinydb/1.0.0/100"
        assert record.fetched_bytes == 0
        assert list_records("tinydb/10[01]", "tinydb/100", settings=mirror) == ["tinydb/100", "tinydb/101"]
    assert on_disk(settings) == []


@pytest.mark.parametrize("url", ["ftp://example.org/", "/no/such/folder"])
def test_mirror_that_cannot_be_is_one_line(settings: Settings, url: str) -> None:
    with pytest.raises(SourceUnavailable, match=r"'tinydb/100'.*ECG_PHYSIONET_URL"):
        fetch("tinydb/100", settings.model_copy(update={"physionet_url": url}))


def test_cache_that_cannot_be_written_is_one_line(site: Site, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"'tinydb/100'.*ECG_CACHE_DIR"):
        fetch("tinydb/100", settings.model_copy(update={"cache_dir": tmp_path / "file"}))


def test_damage_in_the_cache_is_found_by_the_headers_checksum(site: Site, settings: Settings) -> None:
    signal = fetch("tinydb/100", settings).path.with_suffix(".dat")
    raw = bytearray(signal.read_bytes())
    raw[1000] ^= 1
    signal.write_bytes(raw)
    with pytest.raises(RecordCorrupt, match=r"MLII.*fail the checksum"):
        list(open_record("tinydb/100", settings=settings).chunks())


def test_wrong_checksum_that_was_published_so_is_accepted(site: Site, settings: Settings, tree: Path) -> None:
    header = tree / HEA
    lines = header.read_text().splitlines()
    lines[1] = " ".join([*lines[1].split()[:6], "1", *lines[1].split()[7:]])
    header.write_text("\n".join(lines) + "\n")
    (tree / SUMS).write_text(
        "".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()} {f.name}\n" for f in (header, tree / DAT))
    )
    assert sum(len(c.signal) for c in open_record("tinydb/100", settings=settings).chunks()) == 3000


def test_record_checksum_follows_the_contents(settings: Settings, tree: Path) -> None:
    mirror = settings.model_copy(update={"physionet_url": str(tree)})
    before = record_checksum(fetch("tinydb/100", mirror))
    assert before == record_checksum(open_record("tinydb/100", settings=mirror))
    assert before != record_checksum(fetch("tinydb/101", mirror))
    (tree / ATR).unlink()
    assert before != record_checksum(fetch("tinydb/100", mirror))


def test_mitdb_over_http_is_the_folders(mitdb: Settings, mitdb_site: Settings) -> None:
    over_http = fetch("mitdb/208", mitdb_site)
    in_place = fetch("mitdb/208", mitdb)
    assert over_http.path != in_place.path
    assert record_checksum(over_http) == record_checksum(in_place)
    assert fetch("mitdb/208", mitdb_site).fetched_bytes == 0
    assert len(list_records("mitdb", settings=mitdb_site)) == 48


def _answers(site: Site, plan: Sequence[str]) -> list[Answer]:
    named: dict[str, Answer] = {"stall": site.stall, "short": site.short, "flipped": site.flipped}
    return [named[step] if step in named else site.status(int(step.split()[1])) for step in plan]
