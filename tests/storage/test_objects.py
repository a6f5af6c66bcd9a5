from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from upath import UPath

from pipeline.annotations import Annotations
from pipeline.errors import OutputError, RecordNotFound
from pipeline.records import Alarm, Drift, Findings, Gap
from pipeline.storage import (
    ResultWriter,
    collect,
    is_done,
    note_failure,
    note_run,
    place,
    read_beats,
    read_events,
    read_record_summary,
    read_summary,
    writer,
)
from tests.waiting import PATIENCE_S

Make = Callable[..., Findings]
RECORDS = ("mitdb/208", "mitdb/100", "svdb/deep/800")


@pytest.fixture(params=["memory", "s3"])
def url(request: pytest.FixtureRequest) -> str:
    root = "memory:/" if request.param == "memory" else request.getfixturevalue("s3")
    return f"{root}/{uuid.uuid4().hex}/results"


@pytest.fixture
def write(findings: Make, annotations: Callable[..., Annotations], alarm: Callable[..., Alarm]) -> Callable[..., None]:
    def run(out: str | Path, record: str, *, n: int = 500, key: str = "k", alarms: int = 2) -> None:
        told = tuple(alarm(record, 12.0 + i) for i in range(alarms))
        drift = Drift(record, 4, 3.0, float("nan"), 1 / 3, "level raised")
        found = findings(record, n=n, alarms=told, drifts=(drift,), gaps=(Gap(record, 0.1, 1e6 / 7, "flat"),))
        with ResultWriter(out, record, 360.0, annotations(found), key=key, metadata={"model": "abc"}) as results:
            results.write(found)

    return run


def contents(out: str | Path) -> dict[str, bytes]:
    root = place(out)
    files = [path for path in root.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}  # type: ignore[arg-type]  # same kinds


def test_an_object_store_holds_the_same_bytes_as_a_folder(
    url: str, tmp_path: Path, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROW_GROUP", 100)
    for out in (url, tmp_path):
        note_run(
            out,
            command="ecg-anomaly score",
            settings={"alpha": 0.01},
            versions={"numpy": "2"},
            not_found={"x/9*": "gone"},
        )
        for record in RECORDS:
            write(out, record)
        note_failure(out, "mitdb/999", "no such\nrecord")
    collect(url)
    collect(tmp_path)
    ours, theirs = contents(url), contents(tmp_path)
    assert {name: ours[name] for name in theirs} == theirs
    assert {name.split("/")[0] for name in set(ours) - set(theirs)} == {"entries", "failures", "run.json"}


def test_the_readers_return_the_same_from_an_object_store_as_from_a_folder(
    url: str, tmp_path: Path, write: Callable[..., None]
) -> None:
    for out in (url, tmp_path):
        for record in RECORDS:
            write(out, record)
    assert read_summary(url) == read_summary(tmp_path)
    assert read_record_summary(url, RECORDS[0]) == read_record_summary(tmp_path, RECORDS[0])
    for table in ("alarms", "drifts", "gaps"):
        assert read_events(url, table).equals(read_events(tmp_path, table))
    assert read_beats(url, RECORDS[0]).equals(read_beats(tmp_path, RECORDS[0]))
    assert len(read_events(url, "alarms", "mitdb/100")) == 2


def test_a_second_run_replaces_the_records_results_and_no_others(url: str, write: Callable[..., None]) -> None:
    for record in RECORDS:
        write(url, record)
    write(url, RECORDS[0], n=9, key="new", alarms=1)
    assert read_events(url, "alarms")["record"].value_counts().to_dict() == {
        RECORDS[0]: 1,
        RECORDS[1]: 2,
        RECORDS[2]: 2,
    }
    assert len(read_beats(url, RECORDS[0])) == 9
    assert is_done(url, RECORDS[0], "new")
    assert not is_done(url, RECORDS[0], "k")
    assert is_done(url, RECORDS[1], "k")


@pytest.mark.parametrize("folder", ["annotations", "beats", "entries"])
def test_a_record_with_a_missing_object_is_not_done(url: str, write: Callable[..., None], folder: str) -> None:
    write(url, RECORDS[0])
    assert is_done(url, RECORDS[0], "k")
    (path,) = [path for path in (place(url) / folder).rglob("*") if path.is_file()]
    path.unlink()
    assert not is_done(url, RECORDS[0], "k")


def test_an_error_while_scoring_leaves_what_was_there(url: str, write: Callable[..., None], findings: Make) -> None:
    write(url, RECORDS[0])
    before = contents(url)

    def interrupted() -> None:
        with ResultWriter(url, RECORDS[0], 360.0, key="new") as results:
            results.write(findings(RECORDS[0], n=3))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert contents(url) == before


def test_a_failure_is_listed_until_the_record_is_scored(url: str, write: Callable[..., None]) -> None:
    write(url, RECORDS[0])
    note_failure(url, RECORDS[0], "the server did not answer")
    assert read_summary(url).failed == {RECORDS[0]: "the server did not answer"}
    assert list(read_summary(url).records) == [RECORDS[0]]
    assert read_record_summary(url, RECORDS[0]) is None
    write(url, RECORDS[0])
    assert read_summary(url).failed == {}
    assert read_record_summary(url, RECORDS[0]) is not None


def test_a_place_without_results_is_empty(url: str) -> None:
    assert read_summary(url).records == {}
    assert len(read_events(url, "alarms")) == 0
    assert not is_done(url, RECORDS[0], "k")
    assert read_record_summary(url, RECORDS[0]) is None
    with pytest.raises(RecordNotFound, match=r"score it first"):
        read_beats(url, RECORDS[0])


def test_damaged_objects_are_named(url: str, write: Callable[..., None]) -> None:
    write(url, RECORDS[0])
    (place(url) / "entries/mitdb/208.json").write_text("{")
    with pytest.raises(OutputError, match=r"208\.json is damaged"):
        read_summary(url)
    (place(url) / "beats/mitdb/208.parquet").write_bytes(b"PAR1")
    with pytest.raises(OutputError, match=r"mitdb/208.*damaged.*score again"):
        read_beats(url, RECORDS[0])


SCORES = """
import sys
import numpy as np
from pipeline.records import Alarm, Findings
from pipeline.storage import ResultWriter
out, *records = sys.argv[1:]
for record in records:
    f, i, b = np.ones(3), np.arange(3), np.ones(3, bool)
    w = np.zeros((3, 110, 1), np.float32)
    alarm = Alarm(record, "pause", "high", True, 1.0, 2.0, 0, 1, "no beat for 3.1 s")
    findings = Findings(record, 360.0, ("II",), i, i * 300, f, f, f, f, b, b, f.astype(np.float32), b,
                        i.astype(np.uint8), f, f, i.astype(np.uint8), f.astype(np.float32), b, w, w, alarms=(alarm,))
    with ResultWriter(out, record, 360.0, key="k") as results:
        results.write(findings)
"""


def test_what_another_machine_writes_is_seen_although_s3fs_keeps_what_it_has_listed(s3: str) -> None:
    url = f"{s3}/{uuid.uuid4().hex}"
    here = place(url)
    for record in ("db/a", "db/b"):
        subprocess.run([sys.executable, "-c", SCORES, url, record], env=os.environ, check=True)
        assert is_done(url, record, "k")
        assert len(read_beats(url, record)) == 3
        summary = read_record_summary(url, record)
        assert summary is not None
        assert summary.beats == 3
        assert len([*(here / "beats" / "db").iterdir()]) == len(list(read_summary(url).records))  # it has listed it


def test_machines_that_write_at_once_lose_nothing(s3: str) -> None:
    url = f"{s3}/{uuid.uuid4().hex}"
    groups = [[f"db{g}/r{i}" for i in range(10)] for g in range(3)]
    processes = [subprocess.Popen([sys.executable, "-c", SCORES, url, *group], env=os.environ) for group in groups]
    assert [process.wait(timeout=PATIENCE_S) for process in processes] == [0, 0, 0]
    everyone = sorted(record for group in groups for record in group)
    assert read_events(url, "alarms")["record"].tolist() == everyone
    assert list(read_summary(url).records) == everyone
    assert all(is_done(url, record, "k") for record in everyone)


def test_an_object_store_that_refuses_or_is_away_is_named(
    s3: str, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError, match=r"mitdb/208: .*s3://no-such-bucket/results"):
        write("s3://no-such-bucket/results", RECORDS[0])
    away = UPath(f"{s3}/away", endpoint_url="http://127.0.0.1:1", config_kwargs={"retries": {"max_attempts": 1}})
    with pytest.raises(OutputError, match=r"away.*(connect|endpoint).*address and keys"):
        write(away, RECORDS[0])


@pytest.mark.parametrize(
    ("out", "words"),
    [("foo://bucket/results", "foo"), ("s3:/bucket/results", "lost a slash"), (Path("s3://bucket/x"), "lost a slash")],
)
def test_a_url_that_is_none_is_refused(out: str | Path, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        place(out)


def test_a_local_path_stays_one(tmp_path: Path) -> None:
    for way in (tmp_path, str(tmp_path), UPath(tmp_path), f"file://{tmp_path}", tmp_path.as_uri()):
        found = place(way)
        assert found == tmp_path
        assert not isinstance(found, UPath)
    assert place(f"{tmp_path}/a%20b:c") == tmp_path / "a%20b:c"
    assert place((tmp_path / "a b").as_uri()) == tmp_path / "a b"
