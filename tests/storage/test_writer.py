from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import wfdb

from pipeline.annotations import AAMI_OF, Annotations
from pipeline.errors import OutputError, RecordNotFound
from pipeline.records import KINDS, Alarm, Drift, Findings, Gap
from pipeline.storage import ResultWriter, is_done, read_beats, read_events, read_summary, writer

FS = 360.0
Make = Callable[..., Findings]
Annotate = Callable[..., Annotations]


def part(findings: Findings, start: int, stop: int) -> Findings:
    """Some of the beats; the events come with the first ones."""
    arrays = [f.name for f in fields(findings) if isinstance(getattr(findings, f.name), np.ndarray)]
    cut = replace(findings, **{name: getattr(findings, name)[start:stop] for name in arrays})
    return cut if start == 0 else replace(cut, alarms=(), drifts=(), gaps=())


def write(
    out: Path, findings: Findings, annotations: Annotations | None = None, *, size: int = 10**9, key: str = "k"
) -> None:
    with ResultWriter(out, findings.record, FS, annotations, key=key, metadata={"model": "abc"}) as results:
        for start in range(0, max(len(findings), 1), size):
            results.write(part(findings, start, start + size))


def visible(out: Path) -> list[str]:
    return sorted(
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file() and path.name != ".lock"
    )


def test_a_record_leaves_its_beats_annotations_events_and_summary(tmp_path: Path, findings: Make) -> None:
    write(tmp_path, findings())
    assert visible(tmp_path) == [
        "alarms.parquet",
        "annotations/mitdb/208.ano",
        "beats/mitdb/208.parquet",
        "drifts.parquet",
        "gaps.parquet",
        "summary.json",
    ]
    assert not (tmp_path / ".partial").exists()


def test_the_table_holds_what_was_found(tmp_path: Path, findings: Make, annotations: Annotate) -> None:
    found = findings()
    reference = annotations(found, every=2)
    write(tmp_path, found, reference)
    frame = read_beats(tmp_path, "mitdb/208")
    for name in ("beat", "r_peak", "time_s", "rr_s", "score", "threshold", "p_value", "is_anomaly", "drift", "quality"):
        np.testing.assert_array_equal(frame[name].to_numpy(), getattr(found, name), err_msg=name)
    assert frame["kind"].tolist() == [KINDS[kind] for kind in found.kind]
    assert set(frame["record"]) == {"mitdb/208"}
    assert frame["symbol"][::2].tolist() == reference.symbol.tolist()
    assert frame["aami"][::2].tolist() == [AAMI_OF[symbol] for symbol in reference.symbol]
    assert frame["symbol"][1::2].isna().all()
    assert frame["aami"][1::2].isna().all()


def test_the_table_is_compressed_and_says_what_it_depends_on(tmp_path: Path, findings: Make) -> None:
    write(tmp_path, findings())
    file = pq.ParquetFile(tmp_path / "beats/mitdb/208.parquet")
    assert file.schema_arrow.names == [
        *("record", "beat", "r_peak", "time_s", "rr_s", "score", "threshold", "p_value", "is_anomaly", "drift"),
        *("quality", "learning", "kind", "shape", "rhythm", "state", "state_probability", "symbol", "aami"),
    ]
    assert file.metadata.row_group(0).column(5).compression == "ZSTD"
    assert file.metadata.metadata[b"model"] == b"abc"


def test_a_beat_that_cannot_be_scored_has_a_null_score(tmp_path: Path, findings: Make) -> None:
    found = findings()
    write(tmp_path, found)
    scores = pq.read_table(tmp_path / "beats/mitdb/208.parquet")["score"]
    assert scores.null_count == np.isnan(found.score).sum() > 0


@pytest.mark.parametrize("size", [1, 7, 64, 499])
def test_results_do_not_depend_on_how_the_record_was_chunked(
    tmp_path: Path, findings: Make, annotations: Annotate, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(writer, "ROW_GROUP", 50)
    found = findings()
    reference = annotations(found, every=3)
    write(tmp_path / "whole", found, reference)
    write(tmp_path / "pieces", found, reference, size=size)
    for name in visible(tmp_path / "whole"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "pieces" / name).read_bytes(), name
    assert pq.ParquetFile(tmp_path / "pieces/beats/mitdb/208.parquet").num_row_groups == 10


def test_wfdb_reads_the_annotations(tmp_path: Path, findings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "ROW_GROUP", 64)  # several pieces
    peaks = np.concatenate([np.arange(0, 30_000, 300), [400_000, 70_000_000]])  # a beat at 0, long pauses
    found = findings(r_peak=peaks)
    write(tmp_path, found)
    read = wfdb.rdann(str(tmp_path / "annotations/mitdb/208"), "ano")
    assert read.fs == FS
    assert (read.sample[0], read.symbol[0], read.aux_note[0]) == (0, "+", "(N")  # the rhythm stands before its beat
    assert read.sample[1:].tolist() == peaks.tolist()
    symbols = np.where(np.isnan(found.score), "Q", np.array(["N", "V", "S", "Q"])[found.kind])
    assert read.symbol[1:] == symbols.tolist()
    for flagged, note, score in zip(found.is_anomaly, read.aux_note[1:], found.score, strict=True):
        assert note.endswith(" anomaly") == flagged
        if flagged:
            assert float(note.split()[0].removeprefix("score=")) == pytest.approx(score, rel=1e-3)


def test_a_record_without_beats_is_a_result_too(tmp_path: Path, findings: Make) -> None:
    write(tmp_path, findings(n=0))
    assert len(read_beats(tmp_path, "mitdb/208")) == 0
    read = wfdb.rdann(str(tmp_path / "annotations/mitdb/208"), "ano")
    assert (read.symbol, read.aux_note) == (['"'], ["no beats found"])
    assert is_done(tmp_path, "mitdb/208", "k")


def test_an_error_while_scoring_leaves_what_was_there(tmp_path: Path, findings: Make) -> None:
    old = findings(seed=1)
    write(tmp_path, old)
    before = {name: (tmp_path / name).read_bytes() for name in visible(tmp_path)}

    def interrupted() -> None:
        with ResultWriter(tmp_path, "mitdb/208", FS, key="new") as results:
            results.write(findings(seed=2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert {name: (tmp_path / name).read_bytes() for name in visible(tmp_path)} == before
    assert not (tmp_path / ".partial").exists()


def test_a_second_run_replaces_the_records_rows_and_no_others(
    tmp_path: Path, findings: Make, alarm: Callable[..., Alarm]
) -> None:
    for record in ("mitdb/208", "mitdb/100"):
        write(tmp_path, findings(record, alarms=(alarm(record), alarm(record, 30.0))))
    assert len(read_events(tmp_path, "alarms")) == 4
    write(tmp_path, findings("mitdb/208", n=7, alarms=(alarm("mitdb/208", 99.0),)))
    assert read_events(tmp_path, "alarms")["raised_s"].tolist() == [12.0, 30.0, 99.0]
    assert read_events(tmp_path, "alarms", "mitdb/208")["message"].tolist() == ["3 anomalies in a row"]
    assert len(read_beats(tmp_path, "mitdb/208")) == 7
    assert len(read_beats(tmp_path, "mitdb/100")) == 500


def test_drifts_and_gaps_come_back_as_they_were(tmp_path: Path, findings: Make) -> None:
    drift = Drift("mitdb/208", 40, 33.0, 0.1, 1.5, "level raised")
    gap = Gap("mitdb/208", 60.0, 72.5, "flat")
    write(tmp_path, findings(drifts=(drift,), gaps=(gap,)))
    assert read_events(tmp_path, "drifts").to_dict("records") == [asdict(drift)]
    assert read_events(tmp_path, "gaps").to_dict("records") == [asdict(gap)]
    assert read_summary(tmp_path).records["mitdb/208"].gap_s == 12.5


def test_a_record_is_done_for_its_own_key_alone(tmp_path: Path, findings: Make) -> None:
    assert not is_done(tmp_path, "mitdb/208", "k")
    write(tmp_path, findings())
    assert is_done(tmp_path, "mitdb/208", "k")
    assert not is_done(tmp_path, "mitdb/208", "another model")
    assert not is_done(tmp_path, "mitdb/100", "k")


@pytest.mark.parametrize(
    "name", ["alarms.parquet", "annotations/mitdb/208.ano", "beats/mitdb/208.parquet", "summary.json"]
)
def test_a_record_with_a_missing_file_is_not_done(tmp_path: Path, findings: Make, name: str) -> None:
    write(tmp_path, findings())
    (tmp_path / name).unlink()
    assert not is_done(tmp_path, "mitdb/208", "k")


def test_a_cut_table_is_not_done_and_reading_it_says_so(tmp_path: Path, findings: Make) -> None:
    write(tmp_path, findings())
    path = tmp_path / "beats/mitdb/208.parquet"
    path.write_bytes(path.read_bytes()[:-200])
    assert not is_done(tmp_path, "mitdb/208", "k")
    with pytest.raises(OutputError, match=r"mitdb/208.*damaged.*score again"):
        read_beats(tmp_path, "mitdb/208")


def test_reading_a_record_that_was_never_scored_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordNotFound, match=r"mitdb/999.*score it first"):
        read_beats(tmp_path, "mitdb/999")
    assert read_events(tmp_path, "alarms").columns.tolist()[0] == "record"


def test_findings_of_another_record_or_out_of_order_are_refused(tmp_path: Path, findings: Make) -> None:
    found = findings()
    with ResultWriter(tmp_path, "mitdb/208", FS) as results:
        results.write(found)
        with pytest.raises(ValueError, match="mitdb/100"):
            results.write(findings("mitdb/100"))
        with pytest.raises(ValueError, match="do not follow"):
            results.write(found)
    assert len(read_beats(tmp_path, "mitdb/208")) == len(found)


def test_a_clock_tells_how_many_times_real_time(tmp_path: Path, findings: Make) -> None:
    ticks = iter([10.0, 14.0])
    with ResultWriter(tmp_path, "mitdb/208", FS, duration_s=600.0, clock=lambda: next(ticks)) as results:
        results.write(findings())
    assert results.summary is not None
    assert results.summary.times_real_time == 150.0
    assert results.summary.minutes == 10.0


def test_many_records_read_back_as_one_frame_of_a_query(tmp_path: Path, findings: Make) -> None:
    for record in ("mitdb/100", "svdb/800"):
        write(tmp_path, findings(record, n=20))
    frame = pd.concat([read_beats(tmp_path, record) for record in ("mitdb/100", "svdb/800")])
    assert frame.groupby("record", observed=True).size().to_dict() == {"mitdb/100": 20, "svdb/800": 20}


@pytest.mark.parametrize("size", [7, 10**9])
def test_pacing_spikes_are_marks_between_the_beats(tmp_path: Path, findings: Make, size: int) -> None:
    found = findings()
    spikes = np.sort(np.concatenate([found.r_peak[3::5] - 40, found.r_peak[-1:] + 50]))
    with ResultWriter(tmp_path, found.record, FS) as results:
        for start in range(0, len(found), size):
            here = part(replace(found, spikes=np.empty(0, dtype=np.int64)), start, start + size)
            until = here.r_peak[-1] if start + size < len(found) else np.inf
            known = spikes[(spikes > (found.r_peak[start - 1] if start else -1)) & (spikes <= until)]
            results.write(replace(here, spikes=known))
    marks = wfdb.rdann(str(tmp_path / "annotations/mitdb/208"), "ano")
    is_spike = np.array(marks.symbol) == "^"
    np.testing.assert_array_equal(marks.sample[is_spike], spikes)
    is_beat = ~is_spike & (np.array(marks.symbol) != "+")
    np.testing.assert_array_equal(marks.sample[is_beat], found.r_peak)
    assert len(read_beats(tmp_path, "mitdb/208")) == len(found)
