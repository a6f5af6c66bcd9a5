from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import BeatModel
from pipeline.errors import OutputError, RecordNotFound
from pipeline.explain.witness import Witness
from pipeline.report import RecordReport, ReportCollector, load_report, report_path, save_report
from pipeline.report.figures import beat_svg
from pipeline.sources.synthetic import demo_ward, synthesise

Make = Callable[..., Any]


@pytest.mark.parametrize("seconds", [0.2, 1.7, 33.0, 1000.0])
def test_the_report_does_not_depend_on_how_the_record_was_chunked(recording: Make, seconds: float) -> None:
    made = recording()
    assert made.report(seconds) == made.report(10.0)


def test_it_counts_what_was_found(recording: Make) -> None:
    report = recording().report()
    assert (report.beats, report.anomalies, report.n_alarms, report.n_drifts, report.n_gaps) == (180, 18, 1, 1, 1)
    assert report.duration_s == 180.0
    assert report.learning_until_s == 59.5
    # An anomaly that looks normal is shown as one of another kind.
    assert report.kinds == {"ventricular": 5, "other": 9, "supraventricular": 4}
    assert len(report.points) == 18


def test_the_overview_bounds_the_first_lead(recording: Make) -> None:
    made = recording()
    overview = made.report().overview
    first = made.signal[:, 0].reshape(-1, 25)  # 0.1 s at 250 Hz
    np.testing.assert_allclose(overview.low, first.min(axis=1), atol=0.006)
    np.testing.assert_allclose(overview.high, first.max(axis=1), atol=0.006)


def test_events_are_the_highest_scores_of_each_kind_and_the_alarm(recording: Make) -> None:
    made = recording()
    events = made.report().events
    kinds = [event.beat.kind for event in events if event.beat]
    assert kinds == sorted(kinds, key=["ventricular", "supraventricular", "other"].index)
    found = made.findings
    highest = found.score[(found.kind == 1) & found.is_anomaly].max()
    assert events[0].beat.score == pytest.approx(highest, rel=1e-3)
    assert [event.title for event in events if event.beat is None] == ["high alarm: no beat for 3.2 s"]


def test_a_strip_is_the_signal_around_its_event_with_the_beats_in_it(recording: Make) -> None:
    made = recording()
    for event in made.report().events:
        strip = event.strip
        first = round(strip.start_s * 250)
        inside = slice(max(first, 0), first + 1500)
        np.testing.assert_allclose(strip.signal[0][max(-first, 0) :], made.signal[inside, 0], atol=0.0006)
        at = made.findings.time_s
        is_inside = (at >= strip.start_s) & (at < strip.start_s + 6)
        assert [time_s for time_s, _, _ in strip.beats] == pytest.approx(at[is_inside], abs=0.001)
        assert len(strip.reference) == pytest.approx(is_inside.sum(), abs=1)


def test_a_drawn_beat_carries_the_symbol_of_its_annotation(recording: Make) -> None:
    made = recording()
    assert {event.beat.symbol for event in made.report().events if event.beat} == {"V"}
    plain = made.report(annotated=False)
    assert {event.beat.symbol for event in plain.events if event.beat} == {None}
    assert not plain.annotated


def test_missing_samples_are_shown_as_missing(recording: Make) -> None:
    made = recording()
    made.signal[25_000:26_000] = np.nan  # 100 s to 104 s
    overview = made.report().overview
    assert overview.high[1000:1040] == [None] * 40
    assert overview.high[999] is not None
    assert overview.high[1040] is not None


def test_chunks_that_come_twice_change_nothing(recording: Make) -> None:
    made = recording(duration_s=30)
    collector = ReportCollector("mitdb/208", 250.0, ("MLII", "V1"), made.annotations)
    for chunk, part in made.stream(10.0):
        collector.add(chunk)
        collector.add(chunk)
        collector.add_findings(part)
    assert collector.finish() == made.report()


def test_a_long_record_makes_no_larger_report(recording: Make) -> None:
    made = recording(duration_s=60)
    sizes = []
    for hours in (2, 8):
        collector = ReportCollector("mitdb/208", 250.0, ("MLII", "V1"))
        for i in range(hours * 60):
            for chunk, part in made.stream(60.0):
                shift = i * 60 * 250
                alarm = replace(part.alarms[0], raised_s=i * 60 + 43.2, onset_s=i * 60 + 40.0)
                collector.add(replace(chunk, start=chunk.start + shift))
                collector.add_findings(
                    replace(part, r_peak=part.r_peak + shift, beat=part.beat + i * 60, alarms=(alarm,))
                )
        report = collector.finish()
        assert report.n_alarms == hours * 60
        sizes.append(len(report.model_dump_json()))
    assert max(sizes) < 1_500_000
    assert sizes[1] < 2 * sizes[0]


def test_a_record_without_beats_or_signal_has_a_report() -> None:
    report = ReportCollector("mitdb/208", 250.0, ("MLII",)).finish()
    assert (report.beats, report.duration_s, report.events) == (0, 0.0, [])


def test_chunks_and_findings_of_another_record_are_refused(recording: Make) -> None:
    collector = ReportCollector("mitdb/100", 250.0, ("MLII", "V1"))
    chunk, part = next(recording().stream(10.0))
    with pytest.raises(ValueError, match="mitdb/208"):
        collector.add(chunk)
    with pytest.raises(ValueError, match="mitdb/208"):
        collector.add_findings(part)


def test_a_report_comes_back_from_disk_and_from_another_process(tmp_path: Path, recording: Make) -> None:
    report = recording().report()
    path = save_report(tmp_path, report)
    assert path == report_path(tmp_path, "mitdb/208") == tmp_path / "report/mitdb/208.json.gz"
    assert load_report(path) == report
    restored: RecordReport = pickle.loads(pickle.dumps(report))  # noqa: S301  # our own bytes
    assert restored == report


def test_a_missing_or_damaged_report_is_named(tmp_path: Path, recording: Make) -> None:
    path = save_report(tmp_path, recording().report())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OutputError, match=r"208\.json\.gz is damaged; remove it and score"):
        load_report(path)
    path.unlink()
    with pytest.raises(RecordNotFound, match=r"208\.json\.gz does not exist"):
        load_report(path)


def test_an_anomaly_carries_why_it_scored_so() -> None:
    record = synthesise(demo_ward(120.0)["synth/ventricular"], name="synth/ventricular", seconds=120.0, seed=3)
    witness = Witness(BeatModel.pretrained())
    collector = ReportCollector(record.name, record.fs, record.leads)
    for chunk in record.chunks(20.0):
        collector.add(chunk)
        collector.add_findings(witness.process(chunk), why=witness.explain)
    beats = [event.beat for event in collector.finish().events if event.beat is not None]
    assert beats
    for beat in beats:
        assert beat.why is not None
        assert beat.why.words.startswith("Score")
        shares = (beat.why.shape_share, beat.why.rhythm_share, beat.why.p_wave_share)
        assert sum(share or 0 for share in shares) == pytest.approx(1.0, abs=2e-3)
        assert len(beat.why.nearest) == 2
        assert beat_svg(
            list(zip(*beat.window, strict=True)), list(zip(*beat.expected, strict=True)), record.leads,
            nearest=list(zip(*beat.why.nearest, strict=True)),
        ).startswith("<svg")  # fmt: skip
