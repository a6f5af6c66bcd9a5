from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from pipeline.evaluation.beats import JudgedBeats
from pipeline.evaluation.ranking import auprc, auroc, difference, mean_over_seeds, ranking

Make = Callable[..., JudgedBeats]

scored = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=80).filter(
    lambda rows: 0 < sum(label for _, label in rows) < len(rows)
)


@given(scored)
def test_areas_are_those_of_scikit_learn_ties_and_all(rows: list[tuple[int, bool]]) -> None:
    scores, labels = zip(*rows, strict=True)
    assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert auprc(scores, labels) == pytest.approx(average_precision_score(labels, scores))


@given(scored)
def test_a_monotone_transform_changes_no_ranking(rows: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([s for s, _ in rows], dtype=float), [label for _, label in rows]
    assert auroc(np.exp(scores) - 3, labels) == auroc(scores, labels)
    assert auprc(np.exp(scores) - 3, labels) == auprc(scores, labels)


def test_areas_of_four_beats_by_hand() -> None:
    # Falling order: anomaly, normal, anomaly, normal. Pairs won: 2 + 1 of 4; precision 1/1 and 2/3.
    scores, labels = [4.0, 3.0, 2.0, 1.0], [True, False, True, False]
    assert auroc(scores, labels) == 0.75
    assert auprc(scores, labels) == pytest.approx((1 + 2 / 3) / 2)


def test_an_anomaly_that_was_never_found_lies_out_of_every_threshold() -> None:
    scores, labels = [2.0, 1.0, -np.inf], [True, False, True]
    assert auprc(scores, labels) == 0.5
    assert auroc(scores, labels) == 0.5


def test_one_class_alone_has_no_area_and_nan_is_refused() -> None:
    assert math.isnan(auroc([1.0, 2.0], [True, True]))
    assert math.isnan(auprc([1.0, 2.0], [False, False]))
    with pytest.raises(ValueError, match="NaN"):
        auroc([1.0, np.nan], [True, False])


@pytest.fixture
def records(make_beats: Make) -> list[JudgedBeats]:
    rng = np.random.default_rng(3)
    out = []
    for k in range(6):
        symbols = "".join(rng.permutation(list("N" * 60 + "V" * 12 + "A" * 8 + "F" * 2 + "Q" * 3)))
        out.append(make_beats(f"r{k}", symbols, rng.normal(size=85) + k / 10 + [s in "VAF" for s in symbols]))
    return [*out, make_beats("few", "NNNNV", [0.0, 1.0, 2.0, 3.0, 2.5])]


def test_macro_is_the_mean_over_records_with_ten_anomalies(records: list[JudgedBeats]) -> None:
    result = ranking(records, n_boot=0)
    own = [auroc(b.score[b.aami != "Q"], b.anomalous[b.aami != "Q"]) for b in records[:6]]
    assert result.figures["macro.auroc"] == pytest.approx(np.mean(own))
    assert "few" not in result.per_record
    assert len(result.per_record) == 6


@pytest.mark.parametrize(("group", "classes"), [("pooled", "SVF"), ("V", "V"), ("S", "S"), ("F", "F")])
def test_pooled_figures_compare_the_beats_of_all_records(records: list[JudgedBeats], group: str, classes: str) -> None:
    score = np.concatenate([b.score for b in records])
    aami = np.concatenate([b.aami for b in records])
    keep = np.isin(aami, [*classes, "N"])
    result = ranking(records, n_boot=0).figures
    assert result[f"{group}.auroc"] == pytest.approx(roc_auc_score(aami[keep] != "N", score[keep]))
    assert result[f"{group}.auprc"] == pytest.approx(average_precision_score(aami[keep] != "N", score[keep]))


def test_bootstrap_replicates_are_the_figures_of_the_drawn_records(records: list[JudgedBeats]) -> None:
    result = ranking(records, n_boot=20, seed=5)
    ordered = sorted(records, key=lambda b: b.record)
    draws = np.random.default_rng(5).multinomial(7, np.full(7, 1 / 7), size=20)
    for draw, pooled, macro in zip(
        draws, result.replicates["pooled.auprc"], result.replicates["macro.auroc"], strict=True
    ):
        drawn = [b for b, times in zip(ordered, draw, strict=True) for _ in range(times)]
        keep = [b.aami != "Q" for b in drawn]
        score = np.concatenate([b.score[k] for b, k in zip(drawn, keep, strict=True)])
        label = np.concatenate([b.anomalous[k] for b, k in zip(drawn, keep, strict=True)])
        assert pooled == pytest.approx(average_precision_score(label, score))
        own = [auroc(b.score[k], b.anomalous[k]) for b, k in zip(drawn, keep, strict=True) if b.anomalous.sum() >= 10]
        assert macro == pytest.approx(np.mean(own))


def test_the_order_of_records_changes_nothing(records: list[JudgedBeats]) -> None:
    a, b = ranking(records, n_boot=50), ranking(records[::-1], n_boot=50)
    assert a.figures == b.figures
    assert all(np.array_equal(a.replicates[f], b.replicates[f], equal_nan=True) for f in a.figures)


def test_the_bootstrap_is_a_function_of_its_seed(records: list[JudgedBeats]) -> None:
    assert ranking(records, seed=1).interval("macro.auprc") == ranking(records, seed=1).interval("macro.auprc")
    assert ranking(records, seed=1).interval("macro.auprc") != ranking(records, seed=2).interval("macro.auprc")


def test_an_interval_holds_its_figure(records: list[JudgedBeats]) -> None:
    result = ranking(records)
    for figure in ("macro.auroc", "pooled.auprc", "V.auroc"):
        low, high = result.interval(figure)
        assert low < result.figures[figure] < high
        assert high - low > 0.005


def test_a_method_does_not_differ_from_itself_and_pairing_is_narrower(
    records: list[JudgedBeats], make_beats: Make
) -> None:
    own = ranking(records)
    assert all(values == (0.0, 0.0, 0.0) for values in difference(own, own).values())
    rng = np.random.default_rng(0)
    worse = [make_beats(b.record, "".join(b.aami), b.score + 0.3 * rng.normal(size=len(b.score))) for b in records]
    other = ranking(worse)
    delta, low, high = difference(own, other)["pooled.auroc"]
    assert delta == pytest.approx(own.figures["pooled.auroc"] - other.figures["pooled.auroc"])
    a, b = own.interval("pooled.auroc")
    assert high - low < b - a


def test_rankings_of_other_records_cannot_be_paired_or_averaged(records: list[JudgedBeats]) -> None:
    own, other = ranking(records), ranking(records[1:])
    with pytest.raises(ValueError, match="same records"):
        difference(own, other)
    with pytest.raises(ValueError, match="same records"):
        mean_over_seeds([own, other])
    with pytest.raises(ValueError, match="different names"):
        ranking([records[0], records[0]])


def test_seeds_are_averaged_and_their_spread_told(records: list[JudgedBeats], make_beats: Make) -> None:
    flipped = [make_beats(b.record, "".join(b.aami), -b.score) for b in records]
    a, b = ranking(records, n_boot=10), ranking(flipped, n_boot=10)
    both = mean_over_seeds([a, b])
    assert both.figures["pooled.auroc"] == pytest.approx(0.5)
    assert both.spread["pooled.auroc"] == pytest.approx(abs(a.figures["pooled.auroc"] - 0.5) * math.sqrt(2))
    assert mean_over_seeds([a]) is a
