from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.evaluation.time_base import odd_time_base

FS = 360.0


@pytest.fixture(scope="module")
def peaks() -> NDArray[np.int64]:
    """Ten minutes of beats of a heart that is not a metronome, in samples."""
    rng = np.random.default_rng(0)
    return np.round(np.cumsum(0.8 + 0.12 * rng.standard_normal(750)) * FS).astype(np.int64)


def test_annotations_that_fit_are_not_questioned(peaks: NDArray[np.int64]) -> None:
    rng = np.random.default_rng(1)
    kept = peaks[rng.random(len(peaks)) > 0.1]
    marks = kept + rng.integers(-12, 12, size=len(kept))
    assert odd_time_base(marks, peaks, fs=FS, annotation_fs=FS) is None
    assert odd_time_base(np.round(peaks * 250 / FS), peaks, fs=FS, annotation_fs=250.0) is None


def test_annotations_in_another_time_base_are_told_which(peaks: NDArray[np.int64]) -> None:
    told = odd_time_base(np.round(peaks * 250 / FS), peaks, fs=FS, annotation_fs=FS)
    assert told is not None
    assert "if they count at 250 Hz, not 360" in told


@pytest.mark.parametrize(("shift_s", "said"), [(7.3, "7.30 s late"), (-2.6, "2.60 s early")])
def test_annotations_that_are_late_or_early_are_told_by_how_much(
    peaks: NDArray[np.int64], shift_s: float, said: str
) -> None:
    marks = peaks + round(shift_s * FS)
    told = odd_time_base(marks[marks >= 0], peaks, fs=FS, annotation_fs=FS)
    assert told is not None
    assert said in told


def test_annotations_of_another_record_are_told(peaks: NDArray[np.int64]) -> None:
    rng = np.random.default_rng(7)
    others = np.round(np.cumsum(0.95 + 0.15 * rng.standard_normal(600)) * FS).astype(np.int64)
    told = odd_time_base(others, peaks, fs=FS, annotation_fs=FS)
    assert told is not None
    assert "another record's" in told


def test_what_lies_past_the_end_or_comes_twice_is_left_out_and_told() -> None:
    sample = np.array([10, 500, 500, 900, 900, 1000, 2000])
    symbols = np.array(["N", "V", "V", "N", "+", "N", "N"])
    notes = ("", "", "", "", "(AFIB", "", "")
    kept = Annotations(sample, symbols, notes, 100.0).belonging(1000)
    assert kept.sample.tolist() == [10, 500, 900, 900]
    assert kept.symbol.tolist() == ["N", "V", "N", "+"]
    assert kept.aux_note == ("", "", "", "(AFIB")
    assert kept.notes == (
        "2 annotations lie past the record's end (0.3 of 0.2 min): left out",
        "1 beats are annotated twice at one place: left out",
    )
    assert Annotations(sample[:2], symbols[:2], ("", ""), 100.0).belonging(1000).notes == ()


def test_flutter_that_is_not_closed_lasts_to_the_records_end() -> None:
    open_ended = Annotations(np.array([10, 500]), np.array(["N", "["]), ("", ""), 100.0)
    assert open_ended.belonging(4000).flutter() == [(500, 3999)]
