from __future__ import annotations

from itertools import count

import pytest

from pipeline.figures import draw_cost
from pipeline.learning import cost
from pipeline.learning.cost import cost_sheet, measure_cost
from pipeline.sources.synthetic import demo_ward, synthesise


def test_variants_are_measured_in_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    first = cost.TRAINED[0]
    small = [variant for variant in cost.TRAINED if variant.name in ("10 units", "10 steps of 44 ms")]
    monkeypatch.setattr(cost, "TRAINED", (first, *small))
    ward = demo_ward(400.0)
    records = [
        synthesise(ward[name], name=name, seconds=400.0, seed=2, fs=180.0)
        for name in ("synth/ventricular", "synth/atrial")
    ]
    clock = count()
    rows = measure_cost(records, folds=2, passes=1, clock=lambda: float(next(clock)))
    assert [row.name for row in rows][:2] == ["no network: the templates alone", first.name]
    assert len(rows) == 1 + 3 + 3
    by_name = {row.name: row for row in rows}
    assert by_name["10 units"].operations < by_name[first.name].operations / 4
    assert by_name["as shipped, 8-bit weights"].bytes < by_name[first.name].bytes / 2
    assert by_name["as shipped, 8-bit weights"].operations == by_name[first.name].operations
    assert all(0.5 < row.figures["macro.auroc"] <= 1.0 for row in rows)
    assert len(cost_sheet(rows, "Networks").rows) == len(rows)
    assert len(draw_cost(rows).axes) == 3
    with pytest.raises(ValueError, match="fewer than 5 folds"):
        measure_cost(records, folds=5, clock=lambda: 0.0)
