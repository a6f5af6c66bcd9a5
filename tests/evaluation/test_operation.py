from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from sklearn.metrics import f1_score

from pipeline.annotations import Annotations
from pipeline.evaluation.beats import JudgedBeats, judge
from pipeline.evaluation.calibration import calibration
from pipeline.evaluation.ec57 import ectopics
from pipeline.evaluation.operation import operation

Make = Callable[..., JudgedBeats]


def flagged(make_beats: Make, record: str, symbols: str, flags: str) -> JudgedBeats:
    return make_beats(record, symbols, [0.0] * len(symbols), flags=[f == "x" for f in flags])


def test_ten_beats_by_hand(make_beats: Make) -> None:
    figures = operation([flagged(make_beats, "a", "NNNNNVVAFQ", "x....x.x.x")])
    assert (figures.se_v, figures.se_s, figures.se_f) == (0.5, 1.0, 0.0)
    assert figures.fpr == 0.2
    assert figures.precision == pytest.approx(2 / 3)  # Q is out of the count
    # TP 2, FP 1, FN 2, TN 4.
    assert figures.macro_f1 == pytest.approx((4 / 7 + 8 / 11) / 2)
    assert figures.fa_per_hour == pytest.approx(1 / (10 / 3600))


def test_macro_f1_is_that_of_scikit_learn(make_beats: Make) -> None:
    symbols, flags = "NLRNVVEAaJSnFNNejB", "x.....xxx..x.x...x"
    truth = [s in "VErFAaJSn" for s in symbols]
    expected = f1_score(truth, [f == "x" for f in flags], average="macro")
    assert operation([flagged(make_beats, "a", symbols, flags)]).macro_f1 == pytest.approx(expected)


def test_rates_of_records_are_summed_up(make_beats: Make) -> None:
    records = [flagged(make_beats, f"r{k}", "N" * 10, "x" * k + "." * (10 - k)) for k in (0, 1, 2, 3, 10)]
    figures = operation(records)
    assert (figures.fpr_median, figures.fpr_max) == (0.2, 1.0)
    assert figures.fpr_p90 == pytest.approx(0.72)
    assert operation(records[::-1]) == figures


def test_a_missed_anomaly_is_missed_and_a_flagged_false_detection_a_false_alarm(
    make_annotations: Callable[..., Annotations],
) -> None:
    annotations = make_annotations([31_000, 31_100, 31_200], "NVV")
    beats = judge(
        "r",
        annotations,
        [31_000, 31_050, 31_160, 31_200],
        {"score": [0.0] * 4, "is_anomaly": [False, True, False, True]},
        fs=100.0,
        n_samples=66_000,
    )
    figures = operation([beats])
    assert figures.se_v == 0.5
    assert figures.records[0].false_alarms == 1
    assert figures.records[0].normal == 3  # one beat, two false detections
    assert figures.fa_per_hour == pytest.approx(10.0)
    # TP 1, FP 1, FN 1, TN 2.
    assert figures.macro_f1 == pytest.approx((2 / 4 + 4 / 6) / 2)


def test_what_is_absent_has_no_figure(make_beats: Make) -> None:
    figures = operation([flagged(make_beats, "a", "NNN", "...")])
    assert math.isnan(figures.se_v)
    assert figures.fpr == 0.0
    with pytest.raises(ValueError, match="at least one record"):
        operation([])


def test_a_perfect_p_value_realises_what_it_declares(make_beats: Make) -> None:
    uniform = [(k + 1) / 1000 for k in range(1000)]
    beats = make_beats("a", "N" * 1000, [0.0] * 1000, p_values=uniform)
    for at in calibration([beats]):
        assert at.realised == at.declared
        assert at.ratio == 1.0
        assert at.share_within_2x == 1.0


def test_calibration_pools_beats_and_names_the_worst_record(make_beats: Make) -> None:
    silent = make_beats("silent", "N" * 300, [0.0] * 300, p_values=[0.5] * 300)
    loud = make_beats("loud", "N" * 90 + "V" * 10, [0.0] * 100, p_values=[0.005] * 9 + [0.5] * 81 + [0.0] * 10)
    (at,) = calibration([silent, loud], rates=[0.05])
    assert at.realised == pytest.approx(9 / 390)
    assert (at.worst, at.worst_record) == (0.1, "loud")
    assert at.share_within_2x == 0.5  # 10 % at a declared 5 % is just within


def test_beats_without_p_values_cannot_be_calibrated(make_beats: Make) -> None:
    with pytest.raises(ValueError, match="p-values"):
        calibration([make_beats("a", "NNN", [0.0] * 3)])
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibration([make_beats("a", "N", [0.0], p_values=[0.1])], rates=[5.0])


def test_ectopics_are_counted_as_bxb_counts_them(make_beats: Make) -> None:
    symbols = "NNNNAAAVVVVFFQQ"
    kinds = [int(kind) for kind in "012321011021212"]
    figures = ectopics([make_beats("a", symbols, [0.0] * len(symbols), kinds=kinds)])
    assert figures.veb_se == 2 / 4
    assert figures.veb_ppv == 2 / 4  # one N and one S against it; F and Q called ventricular are no error
    assert figures.sveb_se == 1 / 3
    assert figures.sveb_ppv == 1 / 4  # one N, one V and one F against it; Q is no error
    assert figures.counts.sum() == len(symbols)


def test_missed_ectopics_count_and_false_detections_weigh_on_the_predictivity(
    make_annotations: Callable[..., Annotations],
) -> None:
    annotations = make_annotations([31_000, 31_100], "VV")
    columns = {"score": [0.0, 0.0], "kind": [1, 1]}
    figures = ectopics([judge("r", annotations, [31_000, 31_050], columns, fs=100.0, n_samples=33_000)])
    assert (figures.veb_se, figures.veb_ppv) == (0.5, 0.5)
    assert math.isnan(figures.sveb_se)


def test_a_promise_is_kept_where_at_most_twice_the_rate_came_true(make_beats: Make) -> None:
    kept = make_beats("kept", "N" * 300, [0.0] * 300, p_values=[0.01] * 20 + [0.5] * 280)
    broken = make_beats("broken", "N" * 300, [0.0] * 300, p_values=[0.01] * 45 + [0.5] * 255)
    doubtful = make_beats("doubtful", "V" * 100 + "N" * 300, [0.0] * 400, p_values=[0.0] * 100 + [0.5] * 300)
    moved = replace(kept, record="moved", moved=True)
    (at,) = calibration([kept, broken, doubtful, moved], rates=[0.05])
    assert (at.promised, at.kept) == (0.5, 0.5)
    (at,) = calibration([doubtful], rates=[0.05])
    assert at.promised == 0.0
    assert math.isnan(at.kept)
