from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import BeatModel, Chunk, Findings, Monitor, Ward
from pipeline.errors import SnapshotError, StreamError
from pipeline.snapshot import unpack
from pipeline.sources.synthetic import SyntheticRecord, demo_ward, synthesise

SECONDS = 90.0
COLUMNS = (
    "beat", "r_peak", "rr_s", "score", "threshold", "p_value", "is_anomaly", "drift", "quality", "learning", "kind",
    "shape", "rhythm", "window", "expected",
)  # fmt: skip


def patient(name: str, seconds: float = SECONDS, fs: float = 360.0) -> SyntheticRecord:
    return synthesise(demo_ward(seconds)[name], name=name, fs=fs, seconds=seconds, seed=3)


@pytest.fixture(scope="module")
def record() -> SyntheticRecord:
    return patient("synth/artefacts")


@pytest.fixture(scope="module")
def signal(record: SyntheticRecord) -> NDArray[np.float32]:
    return np.concatenate([chunk.signal for chunk in record.chunks()])


@pytest.fixture(scope="module")
def whole(model: BeatModel, record: SyntheticRecord) -> Findings:
    return Findings.concatenate(list(Monitor(model).stream(record, seconds=SECONDS)))


def cut(record: SyntheticRecord, signal: NDArray[np.float32], edges: list[int]) -> list[Chunk]:
    bounds = [0, *sorted(edges), len(signal)]
    return [Chunk(record.name, a, record.fs, record.leads, signal[a:b]) for a, b in pairwise(bounds)]


def assert_same(a: Findings, b: Findings) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert a.alarms == b.alarms
    assert a.updates == b.updates
    assert a.drifts == b.drifts
    assert a.gaps == b.gaps


@given(edges=st.lists(st.integers(0, int(SECONDS * 360)), max_size=15))
@settings(max_examples=15, deadline=None)
def test_chunk_size_changes_no_score(
    model: BeatModel, record: SyntheticRecord, signal: NDArray[np.float32], whole: Findings, edges: list[int]
) -> None:
    monitor = Monitor(model)
    parts = [monitor.process(chunk) for chunk in cut(record, signal, edges)]
    assert_same(Findings.concatenate([*parts, monitor.finish()]), whole)


def test_one_sample_at_a_time_changes_no_score(model: BeatModel) -> None:
    record = patient("synth/ventricular", 60.0, 128.0)
    whole = Findings.concatenate(list(Monitor(model).stream(record)))
    signal = np.concatenate([chunk.signal for chunk in record.chunks()])
    monitor = Monitor(model)
    parts = [monitor.process(chunk) for chunk in cut(record, signal, list(range(1, len(signal))))]
    assert np.isfinite(whole.score).any()
    assert_same(Findings.concatenate([*parts, monitor.finish()]), whole)


@given(at=st.integers(1, int(SECONDS * 360) - 1))
@settings(max_examples=10, deadline=None)
def test_resuming_from_a_snapshot_changes_no_score(
    model: BeatModel, record: SyntheticRecord, signal: NDArray[np.float32], whole: Findings, at: int
) -> None:
    before, after = cut(record, signal, [at])
    first, second = Monitor(model), Monitor(model)
    parts = [first.process(before)]
    snapshot = first.snapshot()
    second.restore(snapshot)
    parts.append(second.process(after))
    assert_same(Findings.concatenate([*parts, second.finish()]), whole)
    assert len(snapshot) <= 64 * 1024


def test_a_ward_gives_every_patient_the_scores_of_a_monitor_of_its_own(model: BeatModel) -> None:
    names = ["synth/bigeminy", "synth/afib", "synth/artefacts"]
    records = [patient(name) for name in names]
    streams = {record.name: list(record.chunks(2.0)) for record in records}
    ward = Ward(model)
    parts: dict[str, list[Findings]] = {name: [] for name in names}
    for chunks in zip(*streams.values(), strict=True):
        findings, refused = ward.process(chunks)
        assert not refused
        for found in findings:
            parts[found.record].append(found)
    for record in records:
        alone = Findings.concatenate(list(Monitor(model).stream(record)))
        assert_same(Findings.concatenate([*parts[record.name], ward.monitor(record.name).finish()]), alone)


def test_a_bad_chunk_of_one_patient_leaves_the_others(model: BeatModel) -> None:
    a, b = (next(patient(name).chunks(10.0)) for name in ("synth/sinus", "synth/afib"))
    ward = Ward(model)
    ward.process([a, b])
    wrong = replace(a, fs=250.0)
    findings, refused = ward.process([wrong, replace(b, start=b.stop)])
    assert [found.record for found in findings] == ["synth/afib"]
    assert refused[0][0] is wrong
    assert "250 Hz" in str(refused[0][1])


def test_every_beat_is_out_half_a_second_after_its_peak(
    model: BeatModel, record: SyntheticRecord, signal: NDArray[np.float32]
) -> None:
    monitor = Monitor(model)
    late = []
    for chunk in cut(record, signal, list(range(36, len(signal), 36))):
        late += [chunk.stop / record.fs - beat.time_s for beat in monitor.process(chunk) if beat.time_s > 3]
    assert len(late) > 50
    assert max(late) <= 0.5 + 0.1  # a chunk of 0.1 s


def test_nothing_looks_ahead(
    model: BeatModel, record: SyntheticRecord, signal: NDArray[np.float32], whole: Findings
) -> None:
    until = 60 * 360
    other = signal.copy()
    other[until:] = np.random.default_rng(1).normal(size=other[until:].shape)
    changed = Findings.concatenate([Monitor(model).process(chunk) for chunk in cut(record, other, [])])
    known = int((whole.r_peak < until - 0.5 * 360).sum())
    np.testing.assert_array_equal(changed.score[:known], whole.score[:known])
    np.testing.assert_array_equal(changed.is_anomaly[:known], whole.is_anomaly[:known])


def test_a_jump_in_the_stream_is_a_gap_that_is_reported(model: BeatModel) -> None:
    record = patient("synth/sinus")
    signal = np.concatenate([chunk.signal for chunk in record.chunks()])
    first, _, last = cut(record, signal, [40 * 360, 50 * 360])
    monitor = Monitor(model)
    found = Findings.concatenate([monitor.process(first), monitor.process(last), monitor.finish()])
    (gap,) = [gap for gap in found.gaps if gap.reason == "missing"]
    assert gap.start_s == pytest.approx(40.3, abs=0.35)
    assert gap.stop_s == pytest.approx(50.0, abs=0.1)
    assert not ((found.time_s > 40.2) & (found.time_s < 49.9)).any()
    assert not any(alarm.kind == "asystole" for alarm in found.alarms)
    assert any(alarm.kind == "no signal" and not alarm.physiological for alarm in found.alarms)


def test_samples_that_come_twice_are_set_aside_and_reported(
    model: BeatModel, record: SyntheticRecord, signal: NDArray[np.float32], whole: Findings
) -> None:
    first, second, third = cut(record, signal, [30 * 360, 60 * 360])
    monitor = Monitor(model)
    twice = replace(second, start=first.stop - 500, signal=signal[first.stop - 500 : second.stop])
    parts = [monitor.process(chunk) for chunk in (first, first, twice, third)]
    found = Findings.concatenate([*parts, monitor.finish()])
    np.testing.assert_array_equal(found.score, whole.score)
    late = [gap for gap in found.gaps if gap.reason == "late"]
    assert [gap.stop_s - gap.start_s for gap in late] == pytest.approx([30.0, 500 / 360])


def test_a_beat_that_cannot_be_scored_is_counted(model: BeatModel, whole: Findings) -> None:
    unscored = np.isnan(whole.score)
    assert unscored[:5].all()
    assert not whole.is_anomaly[unscored].any()
    assert (np.diff(whole.beat) == 1).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fs": 250.0}, "250 Hz"),
        ({"leads": ("V1", "MLII")}, "V1"),
        ({"record": "other"}, "follows"),
        ({"signal": np.zeros((10, 3), np.float32)}, "shape"),
        ({"start": 10**12}, "new record"),
    ],
)
def test_a_chunk_that_does_not_continue_the_stream_is_refused(
    model: BeatModel, record: SyntheticRecord, signal: NDArray[np.float32], change: dict[str, Any], words: str
) -> None:
    first, second = cut(record, signal, [3600])
    monitor = Monitor(model)
    monitor.process(first)
    with pytest.raises(StreamError, match=words):
        monitor.process(replace(second, **change))
    monitor.process(second)  # and the right one is still welcome


@pytest.mark.parametrize("fs", [50.0, 2000.0])
def test_a_rate_out_of_range_is_named(model: BeatModel, fs: float) -> None:
    with pytest.raises(StreamError, match="100 to 1,000"):
        Monitor(model).process(Chunk("x", 0, fs, ("I",), np.zeros((10, 1), np.float32)))


@pytest.mark.parametrize("value", [np.nan, 0.0, np.inf, 1e9])
def test_a_record_of_nothing_has_no_beats_and_a_gap(model: BeatModel, value: float) -> None:
    monitor = Monitor(model)
    dead = np.full((7200, 2), value, dtype=np.float32)
    found = Findings.concatenate([monitor.process(Chunk("dead", 0, 360.0, ("I", "II"), dead)), monitor.finish()])
    assert len(found) == 0
    assert sum(gap.stop_s - gap.start_s for gap in found.gaps) > 15
    assert [alarm.kind for alarm in found.alarms if alarm.kind == "no signal"] == ["no signal"]


@pytest.mark.parametrize("broken", [b"", b"\x00" * 100, b"x" * 1000])
def test_a_damaged_snapshot_is_refused(model: BeatModel, broken: bytes) -> None:
    with pytest.raises(SnapshotError):
        Monitor(model).restore(broken)


def test_a_snapshot_of_another_model_is_refused(model: BeatModel, record: SyntheticRecord) -> None:
    monitor = Monitor(model)
    monitor.process(next(record.chunks(5.0)))
    with pytest.raises(SnapshotError, match="another model"):
        Monitor(replace(model, checksum="0" * 64)).restore(monitor.snapshot())


def test_anomalies_of_a_ventricular_patient_are_its_ectopic_beats(model: BeatModel) -> None:
    record = patient("synth/ventricular", 300.0)
    annotations = record.annotations()
    assert annotations is not None
    sample, symbol = annotations.beats()
    found = Findings.concatenate(list(Monitor(model).stream(record)))
    flagged = found.r_peak[found.is_anomaly]
    late = sample > 60 * record.fs
    ectopic, normal = sample[late & (symbol == "V")], sample[late & (symbol == "N")]
    assert np.mean([np.abs(flagged - peak).min() < 54 for peak in ectopic]) > 0.95
    assert np.mean([np.abs(flagged - peak).min() < 54 for peak in normal]) < 0.02


@pytest.fixture(scope="module")
def fibrillating() -> WithFibrillation:
    """A sinus rhythm that fibrillates from 50 to 75 s, and beats on."""
    return WithFibrillation(patient("synth/sinus"))


class WithFibrillation:
    """A record whose signal is fibrillation for a while: a wave of 4 to 6 Hz that waxes, wanes and wanders."""

    START_S, STOP_S = 50.0, 75.0

    def __init__(self, record: SyntheticRecord) -> None:
        self.name, self.fs, self.leads, self.n_samples = record.name, record.fs, record.leads, record.n_samples
        self._chunks = record.chunks

    def chunks(self, seconds: float = 60.0) -> Iterator[Chunk]:
        rng = np.random.default_rng(5)
        noise = np.convolve(rng.normal(size=self.n_samples), np.hanning(int(self.fs)) / self.fs, mode="same")
        phase = 2 * np.pi * np.cumsum(5.0 + 30.0 * noise) / self.fs
        time = np.arange(self.n_samples) / self.fs
        wave = (0.4 + 0.15 * np.sin(2 * np.pi * 0.3 * time)) * np.sin(phase)
        for chunk in self._chunks(seconds):
            at = np.arange(chunk.start, chunk.stop)
            inside = (time[at] >= self.START_S) & (time[at] < self.STOP_S)
            signal = np.where(inside[:, None], np.stack([wave[at], -0.6 * wave[at]], axis=1), chunk.signal)
            yield replace(chunk, signal=signal.astype(np.float32))


def test_fibrillation_teaches_nothing_once_it_is_found(model: BeatModel, fibrillating: WithFibrillation) -> None:
    monitor = Monitor(model)
    states, alarms = [], []
    for chunk in fibrillating.chunks(1.0):
        alarms += [(alarm.kind, alarm.raised_s) for alarm in monitor.process(chunk).alarms if alarm.priority == "high"]
        if chunk.stop in (60 * chunk.fs, 75 * chunk.fs):
            states.append(unpack(monitor.snapshot())[0])
    (found_s,) = [at for kind, at in alarms if kind == "ventricular fibrillation"]
    assert 50.0 < found_s <= 56.0
    before, after = states
    learnt = [name for name in before if name.startswith("scorer.") and name != "scorer.context.rhythm"]
    learnt += [name for name in before if name.startswith("threshold.")]
    assert len(learnt) > 8
    for name in learnt:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)
    assert before["finder.clock"] != after["finder.clock"]


@pytest.mark.parametrize("seconds", [0.37, 7.3])
def test_chunks_and_snapshots_change_nothing_in_and_around_fibrillation(
    model: BeatModel, fibrillating: WithFibrillation, seconds: float
) -> None:
    whole = Findings.concatenate(list(Monitor(model).stream(fibrillating, seconds=SECONDS)))  # type: ignore[arg-type]
    assert "ventricular fibrillation" in [alarm.kind for alarm in whole.alarms]
    monitor, parts = Monitor(model), []
    for i, chunk in enumerate(fibrillating.chunks(seconds)):
        parts.append(monitor.process(chunk))
        if i % 20 == 3:
            state, monitor = monitor.snapshot(), Monitor(model)
            monitor.restore(state)
    assert_same(Findings.concatenate([*parts, monitor.finish()]), whole)
