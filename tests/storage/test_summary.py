from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.errors import OutputError
from pipeline.evaluation.beats import judge
from pipeline.records import Findings
from pipeline.storage import BeatLabels, ResultWriter, note_failure, note_run, package_versions, read_summary
from pipeline.storage.accuracy import Accuracy

FS = 100.0
START = 30_000  # 5:00


def counted(peaks: NDArray[np.int64], flagged: NDArray[np.bool_], annotations: Annotations | None) -> Accuracy:
    labels = BeatLabels(annotations, FS)
    accuracy = Accuracy(annotations, labels, FS)
    accuracy.add(peaks, flagged, labels.push(peaks, last=True))
    return accuracy


def annotated(*beats: tuple[int, str]) -> Annotations:
    sample, symbol = zip(*beats, strict=True)
    return Annotations(np.array(sample), np.array(symbol), ("",) * len(beats), FS)


def test_sensitivity_and_precision_count_s_v_and_f_from_five_minutes_on() -> None:
    reference = annotated(
        (1000, "V"), (START, "N"), (START + 100, "V"), (START + 200, "A"), (START + 300, "F"), (START + 400, "Q")
    )
    peaks = np.array([1000, START, START + 100, START + 200, START + 400, START + 550])
    flagged = np.array([True, True, True, False, True, True])
    accuracy = counted(peaks, flagged, reference)
    assert accuracy.reference_anomalies == 3
    assert accuracy.sensitivity == 1 / 3  # the A was not flagged, the F not found
    assert accuracy.precision == 1 / 3  # an N and a false detection were flagged; Q does not count


def test_ventricular_flutter_is_left_out() -> None:
    reference = annotated((START + 100, "V"), (START + 500, "["), (START + 900, "]"))
    accuracy = counted(np.array([START + 100, START + 700]), np.array([True, True]), reference)
    assert (accuracy.sensitivity, accuracy.precision) == (1.0, 1.0)


def test_where_nobody_annotated_there_is_no_figure() -> None:
    accuracy = counted(np.array([START + 100]), np.array([True]), None)
    assert (accuracy.reference_anomalies, accuracy.sensitivity, accuracy.precision) == (None, None, None)


@given(
    st.lists(st.tuples(st.integers(50, 120), st.sampled_from("NVAFQ")), min_size=5, max_size=60),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_the_figures_equal_those_of_the_evaluation(beats: list[tuple[int, str]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sample = START + np.cumsum([step for step, _ in beats])
    symbol = np.array([symbol for _, symbol in beats])
    peaks = np.sort(sample[rng.random(len(sample)) < 0.9] + 2)
    flagged = rng.random(len(peaks)) < 0.4
    reference = Annotations(sample, symbol, ("",) * len(sample), FS)
    accuracy = counted(peaks, flagged, reference)
    columns = {"score": np.ones(len(peaks)), "is_anomaly": flagged}
    judged = judge("r", reference, peaks, columns, fs=FS, n_samples=START * 2)
    hits = int((judged.anomalous & judged.is_anomaly).sum())
    false = int((judged.normal & judged.is_anomaly).sum())
    total = int(judged.anomalous.sum())
    assert accuracy.sensitivity == (hits / total if total else None)
    assert accuracy.flagged == hits + false
    assert accuracy.precision == (hits / (hits + false) if total and hits + false else None)


def test_a_failure_is_noted_in_one_line_and_a_later_success_clears_it(
    tmp_path: Path, findings: Callable[..., Findings]
) -> None:
    note_failure(tmp_path, "mitdb/208", "mitdb/208: signal file is cut;\nfetch it again")
    assert read_summary(tmp_path).failed == {"mitdb/208": "mitdb/208: signal file is cut; fetch it again"}
    with ResultWriter(tmp_path, "mitdb/208", 360.0) as results:
        results.write(findings())
    summary = read_summary(tmp_path)
    assert summary.failed == {}
    assert summary.frame()["beats"].tolist() == [500]


def test_the_facts_of_a_run_come_back(tmp_path: Path) -> None:
    note_run(tmp_path, command="ecg-anomaly score mitdb", settings={"alpha": 0.01}, versions=package_versions())
    run = read_summary(tmp_path).run
    assert run.command == "ecg-anomaly score mitdb"
    assert run.settings == {"alpha": 0.01}
    assert "numpy" in run.versions


def test_what_a_run_does_not_find_has_failed_until_the_next_run(tmp_path: Path) -> None:
    note_failure(tmp_path, "mitdb/208", "cut")
    note_run(tmp_path, versions={}, not_found={"svdb": "there is no database 'svdb'"})
    assert read_summary(tmp_path).failed == {"mitdb/208": "cut", "svdb": "there is no database 'svdb'"}
    note_run(tmp_path, versions={})
    assert read_summary(tmp_path).failed == {"mitdb/208": "cut"}


def test_a_damaged_summary_is_named(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"records": {"mitdb/208"')
    with pytest.raises(OutputError, match=r"summary\.json is damaged; remove it"):
        read_summary(tmp_path)


def test_an_empty_folder_has_an_empty_summary(tmp_path: Path) -> None:
    assert read_summary(tmp_path).frame().empty
    assert os.listdir(tmp_path) == []  # noqa: PTH208  # reading makes nothing
