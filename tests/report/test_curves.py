from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from pipeline.evaluation.ranking import auprc
from pipeline.report.figures.curves import precision_recall, precision_recall_svg


@pytest.mark.parametrize("ties", [False, True])
def test_precision_and_recall_are_those_of_scikit_learn(ties: bool) -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(500) < 0.2
    scores = rng.normal(size=500) + truth
    scores = np.round(scores) if ties else scores
    precision, recall = precision_recall(scores, truth)
    theirs = precision_recall_curve(truth, scores)
    np.testing.assert_allclose(precision, theirs[0][-2::-1])
    np.testing.assert_allclose(recall, theirs[1][-2::-1])
    assert np.sum(precision * np.diff(recall, prepend=0.0)) == pytest.approx(auprc(scores, truth))


def test_missed_beats_are_found_last() -> None:
    precision, recall = precision_recall([-np.inf, 2.0, 1.0, -np.inf], [True, True, False, True])
    assert recall.tolist() == pytest.approx([1 / 3, 1 / 3, 1.0])
    assert precision.tolist() == pytest.approx([1.0, 0.5, 0.75])


def test_each_method_has_a_line_and_its_name_is_escaped() -> None:
    figure = precision_recall_svg({"ours": ([2, 1, 0], [True, False, False]), "<b>": ([1, 2, 0], [True, False, False])})
    assert figure.count("<path") == 2
    assert "&lt;b&gt;" in figure
    assert "<b>" not in figure


def test_without_an_anomaly_there_is_no_curve() -> None:
    with pytest.raises(ValueError, match="anomaly"):
        precision_recall([1.0, 2.0], [False, False])
