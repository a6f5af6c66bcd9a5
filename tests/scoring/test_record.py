from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pipeline.annotations import Annotations
from pipeline.detection.model import BeatModel
from pipeline.errors import RecordCorrupt, RecordUnsupported
from pipeline.monitor import Monitor
from pipeline.records import KINDS, Chunk, Findings, last_states
from pipeline.report import report_path
from pipeline.scoring import is_scored, result_key, score_record
from pipeline.settings import Settings
from pipeline.sources.synthetic import SyntheticRecord, demo_ward, synthesise
from pipeline.storage import note_failure, read_beats, read_events, read_summary

NUMBERS = ("beat", "r_peak", "time_s", "rr_s", "score", "threshold", "p_value", "is_anomaly", "drift", "quality",
           "learning", "shape", "rhythm")  # fmt: skip


@dataclass
class Watched:
    """A record that knows which of its chunks are still held, and that can break off."""

    inner: SyntheticRecord
    breaks_at: int | None = None
    is_missing: bool = False
    most_held: int = 0
    _held: list[weakref.ref[object]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def fs(self) -> float:
        return self.inner.fs

    @property
    def leads(self) -> tuple[str, ...]:
        return self.inner.leads

    @property
    def n_samples(self) -> int:
        return self.inner.n_samples

    def annotations(self) -> Annotations | None:
        return None

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        for number, chunk in enumerate(self.inner.chunks(seconds)):
            if number == self.breaks_at:
                raise RecordCorrupt(f"record {self.name!r} breaks off")
            signal = np.full_like(chunk.signal, np.nan) if self.is_missing else chunk.signal.copy()
            self._held.append(weakref.ref(signal))
            self.most_held = max(self.most_held, sum(held() is not None for held in self._held))
            yield Chunk(chunk.record, chunk.start, chunk.fs, chunk.leads, signal)
            del signal, chunk


def test_the_results_are_what_the_monitor_streams(
    record: SyntheticRecord, model: BeatModel, settings: Settings, tmp_path: Path
) -> None:
    streamed = Findings.concatenate(list(Monitor(model).stream(record)))
    summary = score_record(record, model, tmp_path, settings=settings).summary
    beats = read_beats(tmp_path, record.name)
    for name in NUMBERS:
        np.testing.assert_array_equal(beats[name].to_numpy(), getattr(streamed, name), err_msg=name)
    assert beats["kind"].tolist() == [KINDS[code] for code in streamed.kind]
    assert (summary.beats, summary.anomalies) == (len(streamed), int(np.count_nonzero(streamed.is_anomaly)))
    assert (
        len(read_events(tmp_path, "alarms"))
        == len(last_states([*streamed.alarms, *streamed.updates]))
        == summary.alarms
    )
    assert len(read_events(tmp_path, "drifts")) == len(streamed.drifts) == summary.drifts
    assert len(read_events(tmp_path, "gaps")) == len(streamed.gaps) == summary.gaps
    assert summary.gaps


@pytest.mark.parametrize("chunk_s", [7.3, 1000.0])
def test_the_length_of_a_chunk_changes_no_result(
    record: SyntheticRecord, model: BeatModel, settings: Settings, tmp_path: Path, chunk_s: float
) -> None:
    for folder, seconds in (("a", 60.0), ("b", chunk_s)):
        score_record(record, model, tmp_path / folder, settings=settings, chunk_s=seconds)
    a, b = (read_beats(tmp_path / folder, record.name) for folder in ("a", "b"))
    assert a.equals(b)
    assert (
        report_path(tmp_path / "a", record.name).read_bytes() == report_path(tmp_path / "b", record.name).read_bytes()
    )


def test_a_few_chunks_are_held_however_long_the_record_is(model: BeatModel, settings: Settings, tmp_path: Path) -> None:
    record = Watched(synthesise(demo_ward(600.0)["synth/sinus"], name="synth/sinus", fs=128.0, seconds=600.0, seed=1))
    shares: list[float] = []
    score_record(record, model, tmp_path, settings=settings, chunk_s=10.0, progress=shares.append)
    assert record.most_held <= 3
    assert len(shares) == 60
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_same_contents_are_scored_once(
    record: SyntheticRecord, model: BeatModel, settings: Settings, tmp_path: Path
) -> None:
    def is_new(checksum: str | None = "1", settings: Settings = settings, *, force: bool = False) -> bool:
        return score_record(record, model, tmp_path, settings=settings, checksum=checksum, force=force).is_new

    other = settings.model_copy(update={"threshold": settings.threshold.model_copy(update={"alpha": 0.02})})
    assert is_new()
    assert not is_new()
    assert is_new(force=True)
    assert is_new("2")
    assert is_new("2", other)
    assert is_new(None)  # nobody knows whether it is the same


def test_results_without_their_report_are_not_whole_where_one_is_asked_for(
    record: SyntheticRecord, model: BeatModel, settings: Settings, tmp_path: Path
) -> None:
    key = result_key("1", model.checksum, record.leads, settings)
    assert not is_scored(tmp_path, record.name, key)
    score_record(record, model, tmp_path, settings=settings, checksum="1", report=False)
    assert is_scored(tmp_path, record.name, key, report=False)
    assert not is_scored(tmp_path, record.name, key)
    assert score_record(record, model, tmp_path, settings=settings, checksum="1").is_new
    assert is_scored(tmp_path, record.name, key)
    assert not is_scored(tmp_path, record.name, key[::-1])


def test_a_record_that_failed_since_is_scored_again_and_leaves_the_list_of_failures(
    record: SyntheticRecord, model: BeatModel, settings: Settings, tmp_path: Path
) -> None:
    score_record(record, model, tmp_path, settings=settings, checksum="1")
    note_failure(tmp_path, record.name, "no lead aVR")
    assert score_record(record, model, tmp_path, settings=settings, checksum="1").is_new
    assert read_summary(tmp_path).failed == {}


def test_a_record_that_breaks_off_leaves_the_results_there_were(
    record: SyntheticRecord, model: BeatModel, settings: Settings, tmp_path: Path
) -> None:
    score_record(record, model, tmp_path, settings=settings)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(RecordCorrupt, match="breaks off"):
        score_record(Watched(record, breaks_at=2), model, tmp_path, settings=settings, chunk_s=30.0)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_record_without_one_sample_is_refused(
    record: SyntheticRecord, model: BeatModel, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(RecordUnsupported, match=r"synth/artefacts.*every sample.*missing"):
        score_record(Watched(record, is_missing=True), model, tmp_path, settings=settings)
    assert not list(tmp_path.rglob("*.parquet"))
    assert not report_path(tmp_path, record.name).exists()


def test_the_summary_says_what_the_results_depend_on_and_how_fast_they_came(
    record: SyntheticRecord, model: BeatModel, settings: Settings, tmp_path: Path
) -> None:
    ticks = iter([10.0, 12.0])
    score_record(record, model, tmp_path, settings=settings, checksum="abc", clock=lambda: next(ticks))
    entry = read_summary(tmp_path).records[record.name]
    assert entry.times_real_time == pytest.approx(45.0)
    assert entry.metadata["model"] == model.checksum
    assert entry.metadata["checksum"] == "abc"
    assert entry.metadata["leads"] == "MLII,V1"
    assert "torch" in entry.metadata
