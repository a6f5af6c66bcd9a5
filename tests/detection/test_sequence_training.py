"""Training the sequence network: rhythms that are written in, and what is learnt from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.detection.sequence.ectopy import SequenceBeats, write_rhythms
from pipeline.detection.sequence.heads import CLASSES, STATES, SequenceShape
from pipeline.detection.sequence.reader import SequenceReader
from pipeline.detection.sequence.training import SequenceSettings, train_sequence

SMALL = SequenceShape(hidden=16, judge=8)
SHORT = SequenceSettings(passes=2, piece=128, batch=4)


def record(seed: int, n: int = 600) -> SequenceBeats:
    """Return a heart in sinus rhythm; nothing in it is known to be abnormal."""
    rng = np.random.default_rng(seed)
    rr = rng.uniform(0.6, 1.0) * np.exp(rng.normal(0.0, 0.02, n) + 0.05 * np.sin(np.arange(n) / rng.uniform(20, 60)))
    rr[0] = np.nan
    columns = (rng.normal(-0.2, 0.2, n), rng.normal(-0.1, 0.3, n), np.maximum(rng.normal(-0.1, 0.2, n), 0.0))
    return SequenceBeats.of(rr, *columns, np.ones(n, dtype=np.bool_))


@pytest.fixture(scope="module")
def records() -> list[SequenceBeats]:
    return [record(seed) for seed in range(6)]


def test_what_is_written_in_is_possible_and_labelled(records: list[SequenceBeats]) -> None:
    made = np.zeros(len(CLASSES), dtype=np.int64)
    seen: set[int] = set()
    rng = np.random.default_rng(0)
    for _ in range(40):
        for one in records:
            before = one.copy()
            beats = write_rhythms(one, rng)
            np.testing.assert_array_equal(one.rr, before.rr)  # the record itself stays as it is
            assert (beats.rr[1:] >= 0.2).all()
            assert np.isfinite(beats.shape).all()
            assert not (beats.normal & (beats.made > 0)).any()
            made += np.bincount(beats.made, minlength=len(CLASSES))
            seen |= set(np.unique(beats.state).tolist())
    assert (made > 200).all()
    assert seen == {-1, *range(len(STATES))}


def test_a_record_that_fibrillates_is_not_called_sinus() -> None:
    rng = np.random.default_rng(2)
    n = 800
    irregular = replace(record(1, n), rr=0.7 * np.exp(rng.normal(0.0, 0.2, n)))
    states = np.concatenate([write_rhythms(irregular, rng).state for _ in range(20)])
    assert (states == 0).mean() < 0.03


def test_the_same_training_gives_the_same_weights_and_another_seed_others(records: list[SequenceBeats]) -> None:
    first, second = (train_sequence(records, shape=SMALL, settings=SHORT).state_dict() for _ in range(2))
    other = train_sequence(records, shape=SMALL, settings=replace(SHORT, seed=1)).state_dict()
    for name, weights in first.items():
        assert torch.equal(weights, second[name])
    assert not torch.equal(first["judge.weight"], other["judge.weight"])


def test_a_stopped_training_goes_on_to_the_same_weights(records: list[SequenceBeats], tmp_path: Path) -> None:
    whole = train_sequence(records, shape=SMALL, settings=SHORT).state_dict()
    keep = tmp_path / "sequence.safetensors"

    def stop(step: int, steps: int, loss: float) -> None:
        if step > steps // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_sequence(records, shape=SMALL, settings=SHORT, progress=stop, checkpoint=keep)
    assert keep.exists()
    steps: list[int] = []
    network = train_sequence(
        records, shape=SMALL, settings=SHORT, checkpoint=keep, progress=lambda step, *_: steps.append(step)
    )
    assert steps[0] > 1
    for name, weights in network.state_dict().items():
        assert torch.equal(weights, whole[name])


def test_premature_beats_and_a_long_run_are_found_by_what_was_learnt(records: list[SequenceBeats]) -> None:
    network = train_sequence(
        records, shape=SMALL, settings=SequenceSettings(passes=30, piece=128, batch=4, learning_rate=1e-2)
    ).frozen()
    new = record(99, 900)
    early = np.arange(100, 500, 23)
    new.rr[early], new.rr[early + 1] = 0.68 * new.rr[early], 1.2 * new.rr[early + 1]
    new.rr[600:800] = 0.38
    told = SequenceReader(network).read(new.rr, new.shape, new.p_wave, new.noise)
    usual = np.setdiff1d(np.arange(50, 590), np.concatenate([early, early + 1]))
    cut = np.quantile(told.score[usual], 0.98)
    assert (told.score[early] > cut).mean() > 0.9
    assert (told.score[602:800] > cut).mean() > 0.95  # to its end
    assert np.nanmedian(np.abs(told.expected_rr[usual] - new.rr[usual])) < 0.05


def test_records_that_are_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match="80 beats"):
        train_sequence([record(0, 60)])
