"""Five thousand records in one folder, and their results in another: found, filed and read like five."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from pipeline.records import Alarm, Findings
from pipeline.sources import list_records, open_record
from pipeline.storage import ResultWriter, read_events, read_summary
from pipeline.storage.events import EVENT_SCHEMAS, write_events
from pipeline.storage.query import query
from pipeline.storage.summary import write_summary

Make = Callable[..., Findings]

MANY = 5000


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_five_thousand_records_in_a_folder_are_found_and_read(tmp_path: Path) -> None:
    data = bytes(4 * 500)
    for i in range(MANY):
        (tmp_path / f"r{i:04}.dat").write_bytes(data)
        (tmp_path / f"r{i:04}.hea").write_text(
            f"r{i:04} 2 250 500\nr{i:04}.dat 16 200 16 0 0 0 0 II\nr{i:04}.dat 16 200 16 0 0 0 0 V1\n"
        )
    before = handles()
    names = list_records(data_dir=tmp_path)
    assert len(names) == len(set(names)) == MANY
    for name in (names[0], names[-1]):
        record = open_record(name, data_dir=tmp_path)
        assert sum(len(chunk.signal) for chunk in record.chunks()) == 500
    assert handles() <= before


def test_a_record_is_filed_beside_five_thousand_and_none_of_them_is_lost(tmp_path: Path, findings: Make) -> None:
    def alarm(record: str) -> Alarm:
        return Alarm(record, "pause", "high", True, 1.0, 2.0, 0, 1, "no beat for 3.1 s")

    def file(record: str) -> None:
        with ResultWriter(tmp_path, record, 360.0, key="k") as results:
            results.write(replace(findings(record, n=5), alarms=(alarm(record),), drifts=(), gaps=()))

    file("db/first")
    summary, events = read_summary(tmp_path), read_events(tmp_path, "alarms")
    one = summary.records["db/first"]
    names = [f"db/r{i:04}" for i in range(MANY)]
    records = {name: one.model_copy(update={"record": name}) for name in names}
    write_summary(tmp_path, summary.model_copy(update={"records": records}))
    rows = events.iloc[[0] * MANY].assign(record=names)
    table = pa.Table.from_pandas(rows, schema=EVENT_SCHEMAS["alarms"], preserve_index=False)
    write_events(tmp_path, "alarms", table)
    before = handles()
    file("db/last")
    assert list(read_summary(tmp_path).records) == ["db/last", *names]
    assert read_events(tmp_path, "alarms")["record"].tolist() == ["db/last", *names]
    assert query("select count(*) as n from summary", tmp_path)["n"].tolist() == [MANY + 1]
    assert handles() <= before
