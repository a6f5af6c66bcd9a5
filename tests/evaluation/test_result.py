from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from pipeline.annotations import Annotations
from pipeline.evaluation.protocol import DS1, DS2, PACED, without
from pipeline.evaluation.record import EvaluatedRecord, evaluate_record
from pipeline.evaluation.result import EvaluationResult, evaluate
from pipeline.evaluation.rivals import RIVALS
from pipeline.evaluation.sheet import insert_between_markers
from pipeline.evaluation.tables import print_tables, sheets, to_markdown
from pipeline.records import Findings

FAST_RIVALS = {name: RIVALS[name] for name in ("prematurity", "two_templates")}


@pytest.fixture(scope="module")
def records(
    make_findings: Callable[..., Findings], make_annotations: Callable[..., Annotations]
) -> list[EvaluatedRecord]:
    rng = np.random.default_rng(11)
    out = []
    for name in ("mitdb/100", "mitdb/202", "mitdb/232", "mitdb/102"):
        symbols = "".join(rng.choice(list("NVAFQ"), p=[0.8, 0.1, 0.06, 0.02, 0.02], size=600))
        symbols = "+" + symbols[1:449] + "+" + symbols[450:]
        samples = 100 * np.arange(600)
        annotations = make_annotations(samples, symbols, notes={0: "(N", 449: "(AFIB"})
        peaks, _ = annotations.beats()
        score = rng.normal(size=len(peaks)) + 2.0 * np.isin(annotations.beats()[1], ["V", "A", "F"])
        measured = evaluate_record(
            make_findings(name, peaks, score),
            annotations,
            n_samples=60_000,
            other_scores=[score + rng.normal(size=len(peaks))],
            detected=peaks[:-1],
            rivals=FAST_RIVALS,
        )
        out.append(measured)
    return out


@pytest.fixture(scope="module")
def result(records: list[EvaluatedRecord]) -> EvaluationResult:
    return evaluate(records, command="ecg-anomaly evaluate", n_boot=50)


def test_json_has_the_keys_that_are_promised(result: EvaluationResult) -> None:
    out = json.loads(result.to_json())
    for ranking in (out["ranking"], *out["rivals"].values()):
        for group in ("macro", "pooled"):
            assert set(ranking[group]) == {"auroc", "auprc"}
        for group in ("V", "S"):
            assert "auroc" in ranking[group]
        low, high = ranking["ci"]["macro"]["auprc"]
        assert low <= ranking["macro"]["auprc"] <= high
    assert set(out["rivals"]) == set(FAST_RIVALS)
    assert {"se_v", "se_s", "fpr", "fa_per_hour", "macro_f1", "fpr_median", "fpr_p90", "fpr_max"} <= set(
        out["operation"]
    )
    assert set(out["calibration"]) == {"0.05", "0.01", "0.001"}
    assert {"realised", "share_within_2x", "worst"} <= set(out["calibration"]["0.01"])
    assert {"se", "ppv", "v_missed", "v_total"} <= set(out["rpeaks"])
    assert set(out["records"]) == {"mitdb/100", "mitdb/102", "mitdb/202", "mitdb/232"}
    assert out["seed"] == 0
    assert out["command"] == "ecg-anomaly evaluate"
    assert {"python", "numpy", "torch"} <= set(out["versions"])


def test_figures_are_given_with_and_without_232_and_202_and_with_other_rhythms_set_aside(
    result: EvaluationResult,
) -> None:
    assert list(result.views) == ["strict", "other_rhythms_set_aside", "without_232", "without_202"]
    assert "mitdb/232" not in result.views["without_232"].records
    assert result.views["without_202"].records == ("mitdb/100", "mitdb/232")
    aside, strict = result.views["other_rhythms_set_aside"].operation, result.strict.operation
    assert sum(c.normal for c in aside.records) < sum(c.normal for c in strict.records)
    assert [c.anomalies for c in aside.records] == [c.anomalies for c in strict.records]


def test_paced_records_count_for_r_peaks_alone(result: EvaluationResult, records: list[EvaluatedRecord]) -> None:
    assert "mitdb/102" not in result.strict.records
    assert result.r_peaks is not None
    assert len(result.r_peaks.records) == 4
    with pytest.raises(ValueError, match="paced"):
        evaluate([records[3]])


def test_the_order_of_records_changes_no_figure(records: list[EvaluatedRecord], result: EvaluationResult) -> None:
    again = evaluate(records[::-1], command="ecg-anomaly evaluate", n_boot=50)
    assert again.to_json() == result.to_json()


def test_seeds_are_averaged_and_the_first_gives_the_verdicts(
    records: list[EvaluatedRecord], result: EvaluationResult
) -> None:
    assert result.strict.ranking.spread["macro.auroc"] > 0
    alone = evaluate([EvaluatedRecord(r.record, r.seeds[:1], r.rivals) for r in records], n_boot=0)
    assert alone.strict.operation == result.strict.operation
    assert alone.to_dict()["rpeaks"]["se"] is None
    assert alone.to_dict()["ranking"]["ci"]["macro"]["auroc"] == [None, None]


def test_an_unknown_track_and_seeds_on_other_beats_are_refused(
    records: list[EvaluatedRecord], make_findings: Callable[..., Findings], make_annotations: Callable[..., Annotations]
) -> None:
    with pytest.raises(ValueError, match="track"):
        evaluate(records, track="C")
    findings = make_findings("r", np.arange(5) * 100, np.zeros(5))
    with pytest.raises(ValueError, match="one value per beat"):
        evaluate_record(findings, make_annotations([1], "N"), n_samples=1000, other_scores=[np.zeros(6)])


def test_tables_fit_the_terminal(result: EvaluationResult) -> None:
    out = StringIO()
    print_tables(result, Console(file=out, width=100, no_color=True))
    text = out.getvalue()
    assert max(len(line) for line in text.splitlines()) <= 100
    for sheet in sheets(result):
        assert all(len(row) == len(sheet.columns) for row in sheet.rows)
        for row in sheet.rows:
            assert any(all(cell in line for cell in row) for line in text.splitlines()), row


def test_markdown_holds_every_table_and_the_command(result: EvaluationResult) -> None:
    text = to_markdown(result)
    assert "`ecg-anomaly evaluate`" in text
    for sheet in sheets(result, per_record=False):
        assert f"**{sheet.title}**" in text


def test_text_between_markers_is_replaced_again_and_again() -> None:
    page = "a\n<!-- evaluate:begin -->\nold\n<!-- evaluate:end -->\nz\n"
    once = insert_between_markers(page, "new")
    assert once == "a\n<!-- evaluate:begin -->\nnew\n<!-- evaluate:end -->\nz\n"
    assert insert_between_markers(once, "new") == once
    with pytest.raises(ValueError, match="needs one"):
        insert_between_markers("no markers", "new")


def test_the_splits_are_those_of_de_chazal() -> None:
    assert (len(DS1), len(DS2), len(PACED)) == (22, 22, 4)
    assert not set(DS1) & set(DS2)
    assert not set(PACED) & {*DS1, *DS2}
    assert without(DS2, "232", "202") == tuple(n for n in DS2 if n not in ("mitdb/232", "mitdb/202"))
