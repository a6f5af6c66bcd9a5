from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.annotations import Annotations
from pipeline.detection.guesses import Guesses, gaussian
from pipeline.detection.model import BeatModel
from pipeline.evaluation.spot import LEVEL, Spot, spot_thresholds
from pipeline.evaluation.threshold_rules import OWN_RULE, THRESHOLD_RULES
from pipeline.evaluation.threshold_study import (
    JudgedRules,
    judge_rules,
    recovery_sheet,
    rule_figures,
    rule_recoveries,
    rule_sheets,
)
from pipeline.monitor import Monitor
from pipeline.records import Findings
from pipeline.settings import ThresholdSettings
from pipeline.sources.synthetic import demo_ward, synthesise

RATES = (0.05, 0.01)


@pytest.fixture(scope="module")
def scored(model: BeatModel) -> tuple[Findings, Annotations, int]:
    record = synthesise(demo_ward(600.0)["synth/ventricular"], name="synth/ventricular", seconds=600.0, seed=4)
    annotations = record.annotations()
    assert annotations is not None
    return Findings.concatenate(list(Monitor(model).stream(record))), annotations, record.n_samples


@pytest.fixture(scope="module")
def judged(scored: tuple[Findings, Annotations, int], model: BeatModel) -> JudgedRules:
    findings, annotations, n_samples = scored
    return judge_rules(findings, annotations, model.guesses, n_samples=n_samples, rates=RATES)


@pytest.mark.parametrize("rule", THRESHOLD_RULES)
def test_no_rule_looks_ahead(rule: str, make_findings: Any) -> None:
    rng = np.random.default_rng(7)
    r_peak = 100 * np.arange(1, 801)
    score = rng.normal(size=800)
    score[rng.random(800) < 0.02] = np.nan
    changed = score.copy()
    changed[600:] += 5.0
    guesses = gaussian()
    a, b = (THRESHOLD_RULES[rule](make_findings("x", r_peak, s), guesses, 0.02) for s in (score, changed))
    assert np.array_equal(a[:600], b[:600])
    assert not np.isnan(a).any()


def test_the_projects_rule_is_the_monitors(scored: tuple[Findings, Annotations, int], model: BeatModel) -> None:
    findings, _, _ = scored
    again = THRESHOLD_RULES[OWN_RULE](findings, model.guesses, ThresholdSettings().alpha)
    known = np.isfinite(findings.score)
    assert np.array_equal(again[known], findings.threshold[known])
    assert np.array_equal((findings.score > again)[known], findings.is_anomaly[known])


def realised(rule: str, score: NDArray[np.float64], make_findings: Any, guesses: Guesses, rate: float) -> float:
    threshold = THRESHOLD_RULES[rule](make_findings("x", 100 * np.arange(len(score)), score), guesses, rate)
    return float(np.mean(score[2000:] > threshold[2000:]))


@pytest.mark.parametrize("rule", sorted(THRESHOLD_RULES.keys() - {"DSPOT"}))
def test_every_rule_keeps_the_rate_of_scores_that_are_standard_normal(rule: str, make_findings: Any) -> None:
    score = np.random.default_rng(8).normal(size=8000)
    assert realised(rule, score, make_findings, gaussian(), 0.02) == pytest.approx(0.02, rel=0.6)


def test_dspot_follows_a_slope_that_leaves_spot_behind(make_findings: Any) -> None:
    score = np.random.default_rng(9).normal(size=8000) + np.linspace(0.0, 6.0, 8000)
    spot, dspot = (realised(rule, score, make_findings, gaussian(), 0.005) for rule in ("SPOT", "DSPOT"))
    assert dspot < 0.05
    assert spot > 0.5


def test_spot_finds_the_tail_of_an_exponential() -> None:
    first = np.random.default_rng(10).exponential(size=20_000)
    for rate in (1e-2, 1e-3, 1e-4):
        assert Spot(first, rate).threshold == pytest.approx(-math.log(rate), rel=0.12)
    assert Spot(first, 0.5).threshold == pytest.approx(float(np.quantile(first, LEVEL)))


def test_spot_without_enough_scores_flags_nothing() -> None:
    assert np.isinf(spot_thresholds(np.zeros(90), 60, 0.01)).all()


def test_the_figures_count_what_each_rule_flags(judged: JudgedRules) -> None:
    figures = {(f.rule, f.declared): f for f in rule_figures([judged])}
    assert {rule for rule, _ in figures} == set(THRESHOLD_RULES)
    for key, found in figures.items():
        beats = judged[key]
        assert found.operation.fpr == pytest.approx(beats.is_anomaly[beats.normal].mean())
        assert found.ratio == pytest.approx(found.operation.fpr / found.declared)
        assert found.within_2x == int(0.5 <= found.ratio <= 2.0)
        assert found.worst_record == "synth/ventricular"
    assert figures[OWN_RULE, 0.01].operation.se_v > 0.95
    assert figures["rolling quantile", 0.01].operation.se_v < 0.5  # its share is that of all beats


def test_a_table_for_each_rate_has_a_row_for_each_rule(judged: JudgedRules) -> None:
    sheets = list(rule_sheets(rule_figures([judged])))
    assert len(sheets) == len(RATES)
    for sheet in sheets:
        text = sheet.markdown()
        assert all(f"| {rule} |" in text for rule in THRESHOLD_RULES)
        assert len(max(text.splitlines(), key=len)) < 140


def test_recoveries_are_told_by_rule(judged: JudgedRules) -> None:
    one_rate = {key: beats for key, beats in judged.items() if key[1] == 0.01}
    recoveries = rule_recoveries([one_rate], [judged])
    assert set(recoveries) == set(THRESHOLD_RULES)
    assert all(math.isnan(beats[0]) for beats in recoveries.values())  # the record ends before the step
    text = recovery_sheet({"slow": [3.0, math.inf, 7.0], "fast": [0.0, math.nan, 1.0]}, 1.5).markdown()
    assert "| slow | 7 | never | never | 1 of 3 |" in text
    assert "| fast | 1 | 1 | 1 | 0 of 2 |" in text


def test_no_record_is_no_study() -> None:
    with pytest.raises(ValueError, match="no record"):
        rule_figures([])
