from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.annotations import Annotations
from pipeline.evaluation.rpeaks import judge_r_peaks, r_peak_figures

Make = Callable[..., Annotations]


def test_beats_found_missed_and_extra_by_hand(make_annotations: Make) -> None:
    annotations = make_annotations([100, 31_000, 31_100, 31_200, 31_300], "VNV/V")
    result = judge_r_peaks("r", annotations, [31_004, 31_050, 31_196, 31_300], fs=100.0)
    assert (result.found, result.missed, result.extra) == (3, 1, 1)
    assert (result.v_missed, result.v_total) == (1, 2)  # the one before 5:00 is not counted
    assert (result.se, result.ppv, result.error_ms) == (0.75, 0.75, 40.0)


def test_flutter_is_left_out(make_annotations: Make) -> None:
    annotations = make_annotations([31_000, 32_000, 32_500, 33_000, 34_000], "N[V]N")
    result = judge_r_peaks("r", annotations, [31_000, 32_100, 32_900, 34_000], fs=100.0)
    assert (result.se, result.ppv, result.v_total) == (1.0, 1.0, 0)


def test_gross_figures_weigh_beats_and_average_ones_weigh_records(make_annotations: Make) -> None:
    long = make_annotations(range(30_000, 39_000, 100), "N" * 90)
    short = make_annotations(range(30_000, 31_000, 100), "N" * 10)
    records = [
        judge_r_peaks("long", long, range(30_000, 39_000, 100), fs=100.0),
        judge_r_peaks("short", short, range(30_000, 30_500, 100), fs=100.0),
    ]
    figures = r_peak_figures(records)
    assert figures.se == 0.95
    assert figures.se_average == 0.75
    assert figures.ppv == 1.0
    assert [r.record for r in figures.records] == ["long", "short"]


def test_no_records_have_no_figures() -> None:
    with pytest.raises(ValueError, match="at least one record"):
        r_peak_figures([])
