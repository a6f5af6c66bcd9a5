from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from river import checks

from pipeline import BeatModel, Findings, Monitor
from pipeline.detection.autoencoder import OnlineAutoencoder, beat_features
from pipeline.signals.beats import BeatFinder
from pipeline.signals.resample import FS
from pipeline.sources.synthetic import demo_ward, synthesise


class Beats:
    """A local stand-in for the data set that River's checks would download."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[tuple[dict[str, float], bool]]:
        return itertools.islice(itertools.cycle(BEATS), self.count)

    def take(self, count: int) -> Iterator[tuple[dict[str, float], bool]]:
        return itertools.islice(self, count)


def _beats() -> list[tuple[dict[str, float], bool]]:
    record = synthesise(demo_ward(120.0)["synth/ventricular"], name="synth/ventricular", seconds=120.0, seed=3)
    annotations = record.annotations()
    assert annotations is not None
    ectopic = annotations.sample[annotations.symbol == "V"]
    finder = BeatFinder(record.fs, 2)
    out = []
    for chunk in record.chunks():
        beats = finder.process(chunk.signal)
        for sample, r_peak, window, present in zip(
            beats.sample, beats.r_peak, beats.window, beats.present, strict=True
        ):
            window = np.where(present[:, None], window, np.nan)
            out.append((beat_features(sample / FS, window), bool((np.abs(ectopic - r_peak) < 54).any())))
    return out


BEATS = _beats()


def _yield_checks() -> Iterator[Any]:
    model = OnlineAutoencoder()
    for check in checks.yield_checks(model):
        if getattr(check, "__name__", "") not in model._unit_test_skips():
            yield check


@pytest.fixture
def local_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_yield_datasets", lambda model, scale=1: iter([Beats(150 * scale)]))


def test_rivers_own_checks_pass(local_data: None) -> None:
    names = []
    for check in _yield_checks():
        check(OnlineAutoencoder())
        names.append(getattr(check, "__name__", repr(check)))
    assert len(names) > 20


def test_scores_are_those_of_the_monitor(model: BeatModel) -> None:
    record = synthesise(demo_ward(120.0)["synth/ventricular"], name="synth/ventricular", seconds=120.0, seed=3)
    findings = Findings.concatenate(list(Monitor(model).stream(record)))
    detector = OnlineAutoencoder()
    scores = []
    for x, _ in BEATS:
        scores.append(detector.score_one(x))
        detector.learn_one(x)
    np.testing.assert_allclose(scores, np.nan_to_num(findings.score[: len(scores)]), atol=1e-5)


def test_many_at_once_score_as_one_by_one() -> None:
    frame = pd.DataFrame([x for x, _ in BEATS])
    one, many = OnlineAutoencoder(), OnlineAutoencoder()
    expected = []
    for x, _ in BEATS:
        expected.append(one.score_one(x))
        one.learn_one(x)
    np.testing.assert_allclose(many.score_learn_many(frame), expected, atol=1e-5)
    np.testing.assert_array_equal(many.score_many(frame[:5]), [one.score_one(x) for x, _ in BEATS[:5]])
    assert len(many.score_many(frame[:0])) == 0


def test_scoring_learns_nothing() -> None:
    detector = OnlineAutoencoder()
    detector.learn_many(pd.DataFrame([x for x, _ in BEATS[:60]]))
    x = BEATS[61][0]
    assert detector.score_one(x) == detector.score_one(x) != 0.0
