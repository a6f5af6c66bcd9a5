"""What the sequence network is worth, beside ways without it."""

from __future__ import annotations

import pytest
import torch

from pipeline.detection.sequence.tokens import READ
from pipeline.detection.sequence.training import SequenceSettings
from pipeline.detection.sequence.window_network import WindowNetwork
from pipeline.detection.training import TrainingSettings
from pipeline.learning.worth import FEED_FORWARD, FIGURES, LSTM, NO_NETWORK, measure_worth, worth_sheet
from pipeline.sources.synthetic import demo_ward, synthesise


def test_the_window_network_knows_eight_beats_before_and_no_more() -> None:
    torch.manual_seed(0)
    network = WindowNetwork().eval()
    token = torch.randn(1, 40, READ)
    changed = token.clone()
    changed[0, 20] += 1.0
    with torch.inference_mode():
        one, other = network(token), network(changed)
    differs = (one.classes != other.classes).any(-1)[0]
    assert torch.nonzero(differs).flatten().tolist() == list(range(20, 29))
    assert torch.nonzero((one.states != other.states).any(-1)[0]).flatten().tolist() == list(range(20, 28))


def test_three_ways_are_judged_on_records_that_they_have_not_seen() -> None:
    names = ("synth/ventricular", "synth/supraventricular", "synth/sinus")
    ward = demo_ward(420.0)
    records = [
        synthesise(ward[name], name=f"{name}{seed}", seconds=420.0, seed=seed)
        for seed in (1, 2)
        for name in names
        if name in ward
    ]
    settings = SequenceSettings(passes=2, piece=128, batch=2)
    rows = measure_worth(records, folds=2, settings=settings, how=TrainingSettings(epochs=1))
    assert [row.name for row in rows] == [NO_NETWORK, FEED_FORWARD, LSTM]
    assert all(0.5 < row.figures["pooled.auroc"] <= 1.0 for row in rows)
    change, low, high = rows[2].above["pooled.auroc"]
    assert change == pytest.approx(rows[2].figures["pooled.auroc"] - rows[1].figures["pooled.auroc"])
    assert low <= change <= high
    assert rows[1].above["pooled.auroc"] == (0.0, 0.0, 0.0)
    assert [len(row) for row in worth_sheet(rows, "t").rows] == [1 + len(FIGURES)] * 3
