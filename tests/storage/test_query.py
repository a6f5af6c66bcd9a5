from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.errors import OutputError, RecordNotFound
from pipeline.records import Alarm, Drift, Findings, Gap
from pipeline.storage import ResultWriter, place, read_beats, read_events, read_summary
from pipeline.storage.query import COLUMNS, query, query_batches

Make = Callable[..., Findings]


def files(out: str) -> set[str]:
    return {str(path) for path in place(out).rglob("*") if path.is_file()}


def quoted(sql: str, out: str) -> str:
    return sql.format(out=out.replace("'", "''"))


@pytest.fixture
def results(out: str, findings: Make, alarm: Callable[..., Alarm]) -> str:
    """Two records, in a folder with a name full of signs, or in an object store."""
    for record, n in (("mitdb/208", 500), ("svdb/deep/8'0", 7)):
        name = record.replace("'", "")
        drift, gap = Drift(name, 4, 3.0, 0.1, 1.5, "level raised"), Gap(name, 60.0, 72.5, "flat")
        with ResultWriter(out, name, 360.0) as writer:
            writer.write(findings(name, n=n, alarms=(alarm(name),), drifts=(drift,), gaps=(gap,)))
    return out


def test_every_view_holds_what_the_readers_return(results: str) -> None:
    records = ("mitdb/208", "svdb/deep/80")
    beats = pd.concat([read_beats(results, record).astype({"record": str}) for record in records], ignore_index=True)
    found = query("select * from beats order by record, beat", results)
    assert found["record"].tolist() == beats["record"].tolist()
    pd.testing.assert_frame_equal(found[["r_peak", "score", "quality"]], beats[["r_peak", "score", "quality"]])
    assert found["kind"].tolist() == beats["kind"].tolist()
    for table in ("alarms", "drifts", "gaps"):
        rows = query(f"from {table} order by record", results)
        pd.testing.assert_frame_equal(rows, read_events(results, table), check_dtype=False)
    summary = query("from summary order by record", results)
    assert summary["beats"].tolist() == [500, 7]
    assert summary["gap_s"].tolist() == [12.5, 12.5]
    assert list(summary) == list(read_summary(results).frame())


def test_the_views_have_the_columns_that_errors_tell_of(results: str) -> None:
    for view, columns in COLUMNS.items():
        assert query(f"describe {view}", results)["column_name"].tolist() == list(columns)


def test_views_join(results: str) -> None:
    joined = query(
        "select b.record, count(*) as n from beats b join alarms a on a.record = b.record"
        " where b.beat between a.first_beat and a.last_beat group by all order by all",
        results,
    )
    assert joined.to_dict("records") == [{"record": "mitdb/208", "n": 3}, {"record": "svdb/deep/80", "n": 3}]


@pytest.mark.parametrize(
    "sql",
    [
        "copy beats to '{out}/beats/x.parquet'",
        "drop view beats",
        "create table mine as from beats",
        "insert into alarms select * from alarms",
        "attach '{out}/x.db'",
        "set enable_external_access = true",
        "install httpfs",
        "explain analyze copy (select 1) to '{out}/beats/x'",
        "select 1; copy beats to '{out}/beats/x.parquet'",
        "",
        "  ;",
    ],
)
def test_a_query_that_is_no_select_is_refused_and_changes_nothing(results: str, sql: str) -> None:
    before = files(results)
    with pytest.raises(ValueError, match="one SELECT"):
        query(quoted(sql, results), results)
    assert files(results) == before


@pytest.mark.parametrize(
    "source", ["'/etc/passwd'", "read_csv('/etc/passwd')", "read_text('{out}/summary.json')", "glob('/etc/*')"]
)
def test_a_query_reaches_nothing_but_the_views(results: str, source: str) -> None:
    with pytest.raises(ValueError, match=r"does not exist|Permission"):
        query("from " + quoted(source, results), results)


def test_a_query_never_sees_the_programs_variables(results: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.storage.query.secret", pd.DataFrame({"a": [1]}), raising=False)
    with pytest.raises(ValueError, match="secret does not exist"):
        query("select * from secret", results)


@pytest.mark.parametrize("sql", ["select nope from beats", "from nobody", "select scor from beats"])
def test_a_wrong_name_is_answered_with_the_views_and_columns(results: str, sql: str) -> None:
    with pytest.raises(ValueError, match=r"(?s)beats: record, beat, r_peak, .*alarms: .*drifts: .*gaps: .*summary: "):
        query(sql, results)


@pytest.mark.parametrize(
    "sql", ["selct 1", "select cast('a' as int)", "from beats where x = 'a.parquet", "from beats limit x"]
)
def test_wrong_sql_is_a_value_error_that_says_where(results: str, sql: str) -> None:
    with pytest.raises(ValueError, match=r"Error"):
        query(sql, results)


def test_an_answer_comes_piece_by_piece(results: str) -> None:
    with query_batches("select a.* from beats a, beats b", results) as batches:
        sizes = [batch.num_rows for batch in batches]
    assert sum(sizes) == 507**2
    assert max(sizes) <= 10_000


def test_a_folder_without_results_says_so(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "not there"):
        with pytest.raises(RecordNotFound, match="no results; score a record"):
            query("from beats", folder)
    assert list(tmp_path.iterdir()) == []


def test_a_cut_table_is_named(tmp_path: Path, findings: Make) -> None:
    with ResultWriter(tmp_path, "mitdb/208", 360.0) as writer:
        writer.write(findings())
    path = tmp_path / "beats/mitdb/208.parquet"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(OutputError, match=r"(?s)damaged.*208\.parquet"):
        query("select sum(score) from beats", tmp_path)
    path.unlink()
    with pytest.raises(OutputError, match="damaged or gone"):
        query("select sum(score) from beats", tmp_path)


def test_a_table_whose_columns_are_damaged_is_named(tmp_path: Path, findings: Make) -> None:
    with ResultWriter(tmp_path, "mitdb/208", 360.0) as writer:
        writer.write(findings())
    path = tmp_path / "beats/mitdb/208.parquet"
    whole = pq.read_table(path)
    pq.write_table(whole.rename_columns({"score": "scorf"}), path)
    with pytest.raises(OutputError, match="damaged"):
        query("select sum(score) from beats", tmp_path)
    pq.write_table(whole, path)
    with pytest.raises(ValueError, match="scorf"):
        query("select sum(scorf) from beats", tmp_path)
