"""What comes from outside is bounded: length, depth, size and time, whatever it declares."""

from __future__ import annotations

import gzip
import io
import itertools
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.errors import PipelineError, RecordCorrupt, RecordUnsupported, SourceUnavailable
from pipeline.records import Chunk
from pipeline.settings import FetchSettings, Settings
from pipeline.sources import fetch, list_records, open_record
from pipeline.sources.download import Client, without_password
from tests.sources.conftest import ecg, write_record

if TYPE_CHECKING:
    from tests.sources.conftest import Site

FILE = "tinydb/1.0.0/100.dat"


def slowly(handler: Any, body: bytes) -> None:
    """Send a byte at a time, never silent for long and never done."""
    handler.send_ok(len(body), b"")
    while not handler.site.ended.wait(0.02):
        try:
            handler.wfile.write(b"x")
        except OSError:
            return


def head_slowly(handler: Any, body: bytes) -> None:
    """Send a head that goes on and on, never silent for long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for i in itertools.count():
        if handler.site.ended.wait(0.02):
            return
        try:
            handler.wfile.write(b"x" if i % 40 else b": y\r\n")
        except OSError:
            return


def endlessly(handler: Any, body: bytes) -> None:
    """Send pieces without saying how many."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    try:
        while not handler.site.ended.is_set():
            handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
    except OSError:
        return


def in_pieces(handler: Any, body: bytes) -> None:
    """Send the file in chunks, as any server may."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for start in range(0, len(body), 1000):
        piece = body[start : start + 1000]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")


def zipped(handler: Any, body: bytes) -> None:
    """Send a thousand times what is sent, compressed."""
    packed = gzip.compress(bytes(10_000_000))
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(packed)))
    handler.end_headers()
    handler.wfile.write(packed)


def test_an_answer_of_a_byte_now_and_then_is_given_up(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.sources.download._HASTE_S", 0.2)
    site.planned[FILE] = [slowly] * 3
    with pytest.raises(SourceUnavailable, match="bytes a second"):
        fetch("tinydb/100", settings)
    assert site.count(FILE) == 3


def test_an_answer_in_pieces_of_unknown_number_is_taken_whole(site: Site, settings: Settings, tree: Path) -> None:
    site.planned[FILE] = [in_pieces]
    got = fetch("tinydb/100", settings)
    assert (got.path.with_suffix(".dat")).read_bytes() == (tree / FILE).read_bytes()


def test_an_endless_answer_fills_no_disk(site: Site, settings: Settings) -> None:
    site.planned[FILE] = [endlessly]
    small = settings.model_copy(update={"fetch": settings.fetch.model_copy(update={"most_bytes": 300_000})})
    with pytest.raises(SourceUnavailable, match="more than 300,000 bytes"):
        fetch("tinydb/100", small)
    assert not list(settings.cache_dir.rglob("*.dat"))
    assert sum(file.stat().st_size for file in settings.cache_dir.rglob("*")) < 100_000


def test_a_list_that_never_ends_fills_no_memory(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.sources.download._LIST_BYTES", 200_000)
    site.planned["x"] = [endlessly]
    with Client(settings.fetch) as client, pytest.raises(SourceUnavailable, match="more than 200,000 bytes"):
        client.get(f"{site.url}x", io.BytesIO(), about="a list")


def test_an_answer_that_is_compressed_is_refused_unread(site: Site, settings: Settings) -> None:
    site.planned[FILE] = [zipped]
    with pytest.raises(SourceUnavailable, match="sent as gzip"):
        fetch("tinydb/100", settings)
    assert not list(settings.cache_dir.rglob("*.dat"))


def test_a_list_of_records_that_names_its_own_folder_ends(
    tmp_path: Path, site: Site, settings: Settings, tree: Path
) -> None:
    (tree / "tinydb/1.0.0/SHA256SUMS.txt").unlink()
    folder = tmp_path / "loop"
    inner = folder
    for _ in range(12):
        inner.mkdir()
        (inner / "RECORDS").write_text("a/\n")
        inner /= "a"
    with pytest.raises(RecordCorrupt, match="lists itself"):
        list_records(data_dir=folder)

    def itself(handler: Any, body: bytes) -> None:
        handler.send_ok(3, b"a/\n")

    for depth in range(40):
        site.planned["tinydb/1.0.0/" + "a/" * depth + "RECORDS"] = [itself]
    with pytest.raises(RecordCorrupt, match="lists itself"):
        list_records("tinydb", settings=settings)
    assert len(site.requests) < 30


def test_lists_that_name_many_lists_each_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.catalog.MOST_LISTS", 20)
    for first in "abcdef":
        for second in "abcdef":
            (tmp_path / first / second).mkdir(parents=True)
        (tmp_path / first / "RECORDS").write_text("a/\nb/\nc/\nd/\ne/\nf/\n")
    (tmp_path / "RECORDS").write_text("a/\nb/\nc/\nd/\ne/\nf/\n")
    with pytest.raises(RecordCorrupt, match="more than 20 lists"):
        list_records(data_dir=tmp_path)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("long/2 1 250 10000000750\nseg 750\n~ 10000000000\n", "days"),
        ("long/2 1 250 1000000000750\nseg 750\n~ 1000000000000\n", "days"),
        ("long 1 250 10000000000000\nseg.dat 16\n", "days|cut"),
        ("long 1 250 -5\nseg.dat 16\n", "."),
        ("long 1 1e999 750\nseg.dat 16\n", "."),
        ("long 2 250 750\nseg.dat 16\nseg.dat 212\n", "more than one format"),
        ("long 2 250 750\nseg.dat 0\nseg.dat 16\n", "."),
        (f"long 1 250 750\nseg.dat 16 200({'9' * 400})/mV 16 0\n", "signal baseline beyond"),
        (f"long 1 250 750\nseg.dat 16 200(-{'9' * 12})/mV 16 0\n", "a baseline of -1e"),
    ],
)
def test_a_header_that_declares_what_no_recording_is_ends_at_once(tmp_path: Path, header: str, words: str) -> None:
    write_record(tmp_path, "seg", ecg(750, 1), fs=250)
    (tmp_path / "long.hea").write_text(header)
    chunks: list[Chunk] = []

    def read() -> None:
        for chunk in open_record("long", data_dir=tmp_path).chunks():
            chunks.append(chunk)
            assert sum(len(chunk.signal) for chunk in chunks) < 10_000

    if words == ".":  # read or refused, and at once
        with suppress(RecordUnsupported, RecordCorrupt):
            read()
    else:
        with pytest.raises((RecordUnsupported, RecordCorrupt), match=words):
            read()


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 400])
@pytest.mark.parametrize(
    "line",
    ["16 200({})/mV 16 0 0 0 0", "16 200 {} 0 0 0 0", "16 200 16 {} 0 0 0", "16 200 16 0 {} 0 0", "16 200 16 0 0 {} 0",
     "16 200 16 0 0 0 {}", "16x{}", "16:{}", "16+{}", "16 {}", "8 200 16 0 {} 0 0"],
)  # fmt: skip
def test_a_number_of_400_digits_in_a_header_is_refused_in_one_line(tmp_path: Path, line: str, number: str) -> None:
    write_record(tmp_path, "seg", ecg(750, 1), fs=250)
    (tmp_path / "long.hea").write_text(f"long 1 250 750\nseg.dat {line.format(number)} II\n")
    said = ""
    try:
        for _ in open_record("long", data_dir=tmp_path).chunks():
            pass
    except (RecordUnsupported, RecordCorrupt) as error:
        said = str(error)
    assert len(said.splitlines()) == 1 or "-" in number  # which wfdb takes for the end of the number before


def test_a_segment_whose_header_has_no_length_ends_where_its_master_says(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_record(tmp_path, name, ecg(750, 1), fs=250)
        lines = (tmp_path / f"{name}.hea").read_text().splitlines()
        lines[0] = " ".join(lines[0].split()[:3])
        (tmp_path / f"{name}.hea").write_text("\n".join(lines) + "\n")
    (tmp_path / "whole.hea").write_text("whole/2 1 250 1500\none 750\ntwo 750\n")
    chunks = []
    for chunk in open_record("whole", data_dir=tmp_path).chunks(1.0):
        chunks.append(chunk)
        assert len(chunks) <= 6
    assert sum(len(chunk.signal) for chunk in chunks) == 1500
    assert all(len(chunk.signal) for chunk in chunks)


def test_a_header_of_many_megabytes_is_none(tmp_path: Path) -> None:
    with (tmp_path / "big.hea").open("wb") as file:
        file.truncate(17 * 2**20)
    with pytest.raises(RecordCorrupt, match="16,777,216"):
        open_record("big", data_dir=tmp_path)


def test_a_head_that_does_not_end_is_given_up(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.answer_head.HEAD_S", 0.5)
    patient = FetchSettings(timeout_s=60.0, retries=1, backoff_s=0.01, requests_per_s=1000)  # never silent for so long
    settings = Settings(physionet_url=site.url, cache_dir=tmp_path / "cache", fetch=patient)
    site.planned["tinydb/1.0.0/100.hea"] = [head_slowly, head_slowly]
    with pytest.raises(SourceUnavailable, match=r"no whole answer from .* in 2 tries"):
        fetch("tinydb/1.0.0/100", settings)
    site.planned["tinydb/1.0.0/100.hea"] = [head_slowly]
    fetch("tinydb/1.0.0/100", settings)  # the second try has it


def test_a_password_in_the_address_of_the_mirror_is_shown_nowhere(site: Site, tmp_path: Path) -> None:
    assert without_password("http://u:secret@host:80/x?token=secret#y") == "http://host:80/x"
    quick = FetchSettings(timeout_s=0.3, retries=0, backoff_s=0.01, requests_per_s=1000)
    told: list[str] = []
    for where in (site.url.replace("//", "//user:secret@"), "http://user:secret@127.0.0.1:1/", "ftp://user:secret@x/"):
        settings = Settings(physionet_url=where, cache_dir=tmp_path / "cache", fetch=quick)
        for name in ("tinydb/999", "nodb/1"):
            with pytest.raises(PipelineError) as caught:
                fetch(name, settings)
            told.append(str(caught.value))
    site.planned["tinydb/1.0.0/101.hea"] = [site.status(500)]
    settings = Settings(physionet_url=site.url.replace("//", "//user:secret@"), cache_dir=tmp_path / "c", fetch=quick)
    with pytest.raises(PipelineError) as caught:
        fetch("tinydb/101", settings)
    assert "secret" not in "".join([*told, str(caught.value)])
    assert isinstance(caught.value, SourceUnavailable)


@pytest.mark.parametrize("line", [b"## time resolution: nan", b"## time resk", b"## time resolution: 250\0## x"])
def test_definitions_that_are_none_end_at_once(tmp_path: Path, line: bytes) -> None:
    """wfdb 4.3.1 reads such a file for ever."""
    write_record(tmp_path, "100", ecg(750, 1), fs=250)
    notes = [part for part in line.split(b"\0") if part]
    words = b"".join(bytes([0, 22 << 2, len(n), 63 << 2]) + n + b"\0" * (len(n) % 2) for n in notes)
    (tmp_path / "100.atr").write_bytes(words + bytes([100, 1 << 2]) + bytes(2))
    with pytest.raises(RecordCorrupt, match="definition that is none"):
        open_record("100", data_dir=tmp_path).annotations()
