from __future__ import annotations

import fcntl
import gc
import resource
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.records import Findings
from pipeline.storage import ResultWriter, is_done, note_failure, read_beats, read_events, read_summary, writer
from pipeline.storage.beats import beat_columns
from pipeline.storage.files import staging_folder
from tests.waiting import PATIENCE_S

Make = Callable[..., Findings]
Start = Callable[..., "subprocess.Popen[str]"]

# A writer of its own process: three beats and an alarm for each record; "hang" stops in the middle.
WRITER = """
import sys, time
import numpy as np
from pipeline.records import Alarm, Findings
from pipeline.storage import ResultWriter
out, hang, *records = sys.argv[1:]
for record in records:
    n = 3
    f, i, b = np.ones(n), np.arange(n), np.ones(n, bool)
    w = np.zeros((n, 110, 1), np.float32)
    alarm = Alarm(record, "pause", "high", True, 1.0, 2.0, 0, 1, "no beat for 3.1 s")
    findings = Findings(record, 360.0, ("II",), i, i * 300, f, f, f, f, b, b, f.astype(np.float32), b,
                        i.astype(np.uint8), f, f, i.astype(np.uint8), f.astype(np.float32), b, w, w, alarms=(alarm,))
    with ResultWriter(out, record, 360.0, key="k") as results:
        results.write(findings)
        if hang == "hang":
            print("writing", flush=True)
            time.sleep(60)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER, *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_writer_that_is_stopped_leaves_nothing_visible_and_the_next_one_cleans_up(
    tmp_path: Path, start: Start, findings: Make, how: signal.Signals
) -> None:
    process = start(str(tmp_path), "hang", "mitdb/208")
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.send_signal(how)
    process.wait(timeout=PATIENCE_S)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
    assert not is_done(tmp_path, "mitdb/208", "k")
    with ResultWriter(tmp_path, "mitdb/208", 360.0, key="k") as results:
        results.write(findings())
    assert is_done(tmp_path, "mitdb/208", "k")
    assert not (tmp_path / ".partial").exists()


def test_a_writer_does_not_sweep_away_what_another_is_writing(tmp_path: Path, start: Start, findings: Make) -> None:
    process = start(str(tmp_path), "hang", "mitdb/100")
    assert process.stdout is not None
    process.stdout.readline()
    with ResultWriter(tmp_path, "mitdb/208", 360.0) as results:
        results.write(findings())
    assert len(list((tmp_path / ".partial").iterdir())) == 1


def test_processes_that_write_at_once_lose_no_alarm(tmp_path: Path, start: Start) -> None:
    groups = [[f"db{g}/r{i}" for i in range(12)] for g in range(2)]
    processes = [start(str(tmp_path), "run", *group) for group in groups]
    assert [process.wait(timeout=PATIENCE_S) for process in processes] == [0, 0]
    everyone = sorted(record for group in groups for record in group)
    assert read_events(tmp_path, "alarms")["record"].tolist() == everyone
    assert list(read_summary(tmp_path).records) == everyone
    assert all(len(read_beats(tmp_path, record)) == 3 for record in everyone)


@pytest.mark.parametrize("out", ["/proc/results", "/dev/null", "/dev/null/results"])
def test_a_folder_that_cannot_be_written_is_named_before_anything_is_scored(out: str) -> None:
    with (
        pytest.raises(OutputError, match=rf"mitdb/208: results cannot be written to {out}.*--out"),
        ResultWriter(out, "mitdb/208", 360.0),
    ):
        pytest.fail("entered")
    with pytest.raises(OutputError, match=out):
        note_failure(out, "mitdb/208", "no such record")


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, findings: Make) -> None:
    with ResultWriter(tmp_path, "mitdb/208", 360.0, key="old") as results:
        results.write(findings(n=10))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # the kernel refuses to let a file grow further
    try:
        with (
            pytest.raises(OutputError, match="mitdb/208: results cannot be written"),
            ResultWriter(tmp_path, "mitdb/208", 360.0, key="new") as results,
        ):
            results.write(findings(n=9000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert is_done(tmp_path, "mitdb/208", "old")
    assert len(read_beats(tmp_path, "mitdb/208")) == 10
    assert not (tmp_path / ".partial").exists()


@pytest.mark.parametrize(
    "record",
    [
        *("", "..", "../x", "mitdb/../../x", "/etc/passwd", "mitdb/", "mitdb//208", ".hidden", "a\\b", "a\0b"),
        *("a\nb", "x" * 200, "a/" * 20 + "b", "~root", "a/ b", "a/.b", "a\u2028b"),
    ],
)
def test_a_hostile_name_never_becomes_a_path(tmp_path: Path, record: str) -> None:
    with pytest.raises(OutputError, match="cannot be filed under this name"):
        ResultWriter(tmp_path, record, 360.0)
    with pytest.raises(OutputError, match="cannot be filed under this name"):
        read_beats(tmp_path, record)
    assert not is_done(tmp_path, record, "k")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "record",
    [
        *("208", "mitdb/1.0.0/208", "Hôpital Nord/été_7", "ward/bed-1", "a.b/c.d"),
        *("my+data/x", "study (1)/night.edf", "a+b/100", "données & co/[1], ok", "心电/1"),
    ],
)
def test_an_honest_name_is_kept_as_it_is(tmp_path: Path, findings: Make, record: str) -> None:
    with ResultWriter(tmp_path, record, 360.0, key="k") as results:
        results.write(findings(record, n=5))
    assert (tmp_path / f"beats/{record}.parquet").is_file()
    assert read_beats(tmp_path, record)["record"].tolist() == [record] * 5


@pytest.mark.parametrize(
    ("record", "file"),
    [
        ("ward/-rf", "ward/%2Drf"),
        ("<script>", "%3Cscript%3E"),
        ("nul:/a", "nul%3A/a"),
        ("a/50 %", "a/50 %25"),
        ("x./y", "x%2E/y"),
    ],
)
def test_what_a_file_system_may_refuse_is_written_another_way(
    tmp_path: Path, findings: Make, record: str, file: str
) -> None:
    with ResultWriter(tmp_path, record, 360.0, key="k") as results:
        results.write(findings(record, n=5))
    assert (tmp_path / f"beats/{file}.parquet").is_file()
    assert read_beats(tmp_path, record)["record"].tolist() == [record] * 5


def test_writing_takes_constant_memory(tmp_path: Path, findings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "ROW_GROUP", 500)
    batch = replace(findings(n=500), alarms=(), drifts=(), gaps=())  # events are few, and are kept to the end
    span = int(batch.r_peak[-1]) + 300

    def peak(repeats: int) -> int:
        gc.collect()
        tracemalloc.start()
        with ResultWriter(tmp_path, "mitdb/208", 360.0) as results:
            for i in range(repeats):
                results.write(replace(batch, r_peak=batch.r_peak + i * span))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(2)  # what is imported and cached at first use
    kept = sum(column.nbytes for column in beat_columns(batch).values())
    assert peak(30) - peak(6) < 0.25 * (30 - 6) * kept


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_stop_while_a_draft_begins_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """A signal may come at any line: here at each lock that is taken, the last one when the draft is given up."""
    calls = 0
    flock = fcntl.flock

    def stop_at(file: object, how: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise SystemExit(143)
        flock(file, how)  # type: ignore[arg-type]  # a file, as the caller gives it

    monkeypatch.setattr(fcntl, "flock", stop_at)
    with pytest.raises(SystemExit), staging_folder(tmp_path) as folder:
        (folder / "draft").write_text("half")
    assert not [path for path in tmp_path.rglob("*") if path.name == "draft"]
    assert not list((tmp_path / ".partial").glob("*"))


@pytest.mark.parametrize("link", ["beats", "beats/mitdb", "annotations", ".partial", ".lock", "alarms.parquet"])
def test_a_link_in_the_output_folder_is_not_followed_out_of_it(tmp_path: Path, findings: Make, link: str) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    (outside / "theirs").mkdir(parents=True)
    (outside / "theirs" / "file").write_text("kept")
    (out / link).parent.mkdir(parents=True)
    is_file = "." in link[1:] or link == ".lock"
    (out / link).symlink_to(outside / "new" if is_file else outside)

    def write() -> None:
        with ResultWriter(out, "mitdb/208", 360.0) as results:
            results.write(findings(n=5))

    if link == "alarms.parquet":  # it is replaced by a file of its own
        write()
        assert not (out / link).is_symlink()
    else:
        with pytest.raises(OutputError, match=r"results cannot be written to .*(link|symbolic)"):
            write()
    assert [path.relative_to(outside).as_posix() for path in sorted(outside.rglob("*"))] == ["theirs", "theirs/file"]


def test_an_output_folder_that_is_a_link_itself_is_taken(tmp_path: Path, findings: Make) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    with ResultWriter(tmp_path / "out", "mitdb/208", 360.0) as results:
        results.write(findings(n=5))
    assert (tmp_path / "disk" / "beats" / "mitdb" / "208.parquet").is_file()
